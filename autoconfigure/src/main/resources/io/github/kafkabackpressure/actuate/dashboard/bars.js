// Bars that show a number against its limit, and shares of time.

import { element, setAttribute, setLeft, setText, setTip, setWidth } from './dom.js';
import { count, percent, words } from './format.js';
import { pausedShare } from './history.js';

/** A bar of a value against a limit, with a mark. */
export function meter() {
  return element('div', { class: 'meter', role: 'img' },
    element('span', { class: 'fill' }), element('span', { class: 'mark' }));
}

export function setMeter(bar, value, limit, mark, label) {
  setAttribute(bar, 'aria-label', label);
  setTip(bar, () => label);
  const [fill, line] = bar.children;
  setWidth(fill, limit > 0 ? value / limit : 0);
  fill.classList.toggle('over', value > limit);
  line.hidden = mark === null || mark === undefined;
  setLeft(line, limit > 0 ? (mark ?? 0) / limit : 0);
}

export function setInFlight(bar, listener) {
  const limits = listener.limits;
  setMeter(bar, listener.inFlight, limits.maxInFlight, limits.resumeBelow,
    `${count(listener.inFlight)} of ${count(limits.maxInFlight)} in flight; what is paused is resumed at `
      + count(limits.resumeBelow));
}

/** A bar of what a listener did with its time: busy, paused, idle. */
export function shares() {
  return element('div', { class: 'shares', role: 'img' },
    element('span', { class: 'busy' }), element('span', { class: 'paused' }), element('span', { class: 'idle' }));
}

export function setShares(bar, recent) {
  const paused = pausedShare(recent);
  const reasons = Object.entries(recent.paused).map(([reason, share]) => `${words(reason)} ${percent(share)}`);
  const label = `In the last ${Math.round(recent.millis / 1000)} s busy ${percent(recent.busy)}, paused `
    + `${percent(paused)}${reasons.length ? ` (${reasons.join(', ')})` : ''}, idle ${percent(recent.idle)}`;
  setAttribute(bar, 'aria-label', label);
  setTip(bar, () => label);
  setWidth(bar.children[0], recent.busy);
  setWidth(bar.children[1], paused);
  setWidth(bar.children[2], recent.idle);
}

const SVG = 'http://www.w3.org/2000/svg';

/** A line of the last minutes, without axes. */
export function spark() {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'spark');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  svg.append(document.createElementNS(SVG, 'path'));
  return svg;
}

/** The newest value is at the right edge; what is not known yet is left empty. */
export function setSpark(svg, values, seconds, label) {
  setAttribute(svg, 'aria-label', label);
  setAttribute(svg, 'viewBox', `0 0 ${seconds - 1} 26`);
  let top = 1;
  for (const value of values) {
    top = Math.max(top, value ?? 0);
  }
  let path = '';
  let open = false;
  values.forEach((value, at) => {
    if (value !== null) {
      path += `${open ? 'L' : 'M'}${seconds - values.length + at} ${Math.round(250 - value / top * 240) / 10}`;
    }
    open = value !== null;
  });
  setAttribute(svg.firstChild, 'd', path || 'M0 25');
}

/** A state's word, with its sign. */
export function setState(node, state) {
  setAttribute(node, 'data-state', state);
  setText(node, words(state));
}
