// Panels and tables of text, which scroll by themselves where they are too wide.

import { element, setText } from './dom.js';

export function panel(title, ...children) {
  return element('section', { class: 'panel', 'aria-label': title }, element('h3', {}, title), ...children);
}

export function table(body, label, columns) {
  return element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label },
    element('table', { class: 'list' },
      element('thead', {}, element('tr', {}, ...columns.map(name => element('th', { scope: 'col' }, name)))), body));
}

export function rowOf(cells) {
  return element('tr', {}, ...Array.from({ length: cells },
    (unused, at) => element('td', { class: at === cells - 1 ? 'text' : '' })));
}

export function fill(row, texts) {
  texts.forEach((text, at) => setText(row.children[at], text));
}
