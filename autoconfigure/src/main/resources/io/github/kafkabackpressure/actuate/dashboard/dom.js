// Elements, made and changed without mark-up in strings: what a topic or a listener is called can never be more than text.

const TOLD_MILLIS = 8000;

/** Makes an element; attributes by name, children as elements or text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) {
      made.addEventListener(key.slice(2), value);
    } else if (value !== undefined && value !== null) {
      made.setAttribute(key, value);
    }
  }
  made.append(...children);
  return made;
}

/** Sets a text if it is another one: an unchanged node costs no layout. */
export function setText(node, text) {
  const wanted = String(text);
  if (node.textContent !== wanted) {
    node.textContent = wanted;
  }
}

/** Sets an attribute if it has another value; undefined and null take it away. */
export function setAttribute(node, name, value) {
  if (value === undefined || value === null) {
    if (node.hasAttribute(name)) {
      node.removeAttribute(name);
    }
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}

/** Sets a width in percent, by the style's own interface, as the page's policy allows no style in mark-up. */
export function setWidth(node, share) {
  const width = `${(Math.min(1, Math.max(0, share)) * 100).toFixed(1)}%`;
  if (node.style.width !== width) {
    node.style.width = width;
  }
}

/** Puts a mark at a share of its parent's width. */
export function setLeft(node, share) {
  const left = `${(Math.min(1, Math.max(0, share)) * 100).toFixed(1)}%`;
  if (node.style.left !== left) {
    node.style.left = left;
  }
}

/**
 * Brings the children of a node to one for each item, made once for each key and kept while the key is there.
 *
 * @param make makes the element of an item
 * @param update brings an element up to date with its item
 */
export function keyed(parent, items, keyOf, make, update) {
  const known = parent.known ?? (parent.known = new Map());
  const wanted = new Set();
  let before = null;
  for (const item of items) {
    const key = keyOf(item);
    wanted.add(key);
    let child = known.get(key);
    if (!child) {
      child = make(item);
      known.set(key, child);
    }
    const next = before ? before.nextSibling : parent.firstChild;
    if (next !== child) {
      parent.insertBefore(child, next);
    }
    update(child, item);
    before = child;
  }
  for (const [key, child] of known) {
    if (!wanted.has(key)) {
      child.remove();
      known.delete(key);
    }
  }
}

/** Says what came of something, to who sees the page and to who hears it; it is gone after a while. */
export function tell(text) {
  const told = document.getElementById('told');
  setText(told, text);
  clearTimeout(told.timer);
  told.timer = setTimeout(() => setText(told, ''), TOLD_MILLIS);
}

/** Sets what is shown of an element while the pointer or the focus is on it; asked for when it is shown. */
export function setTip(node, tip) {
  node.tip = tip;
  if (!node.hasAttribute('data-tip')) {
    node.setAttribute('data-tip', '');
  }
}

/** Of which element the tip is shown. */
let pointedAt = null;

/** Brings a tip that is shown up to date. */
export function refreshTip() {
  if (pointedAt?.isConnected) {
    setText(document.getElementById('tip'), pointedAt.tip());
  }
}

/** Shows an element's tip while the pointer or the focus is on it. */
export function showTips() {
  const tip = document.getElementById('tip');
  const show = event => {
    const target = event.target.closest?.('[data-tip]');
    pointedAt = target ?? null;
    if (!target) {
      tip.hidden = true;
      return;
    }
    setText(tip, target.tip());
    tip.hidden = false;
    const at = target.getBoundingClientRect();
    const left = Math.min(at.left, window.innerWidth - tip.offsetWidth - 8);
    const below = at.bottom + 6;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${below + tip.offsetHeight < window.innerHeight ? below : at.top - tip.offsetHeight - 6}px`;
  };
  document.addEventListener('pointerover', show);
  document.addEventListener('focusin', show);
  document.addEventListener('focusout', () => { tip.hidden = true; });
  document.addEventListener('keydown', event => { tip.hidden = tip.hidden || event.key === 'Escape'; });
}
