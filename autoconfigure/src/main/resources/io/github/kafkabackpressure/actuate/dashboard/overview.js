// All listeners, a row each.

import { meter, setInFlight, setShares, setSpark, setState, shares, spark } from './bars.js';
import { element, keyed, setAttribute, setText } from './dom.js';
import { count, duration, NOTHING, percents, perSecond, short } from './format.js';
import { pausedShare } from './history.js';

const SPARK_SECONDS = 180;

const COLUMNS = ['Listener', 'State', 'Handled / arriving per s', 'In flight', 'Last 3 minutes', 'Busy · paused · idle',
  'Lag · time to drain', 'Oldest unfinished', 'Shed · failed'];

/** What is handled and what arrives are taken to be the same if they differ by less than this share. */
const CHANCE = 0.05;

const UNFINISHED = new Set(['unfinished']);

const GOOD = new Set(['handled', 'filtered']);

export class Overview {
  constructor(history) {
    this.history = history;
    this.body = element('tbody', { role: 'rowgroup' });
    this.table = element('table', { class: 'overview listeners', role: 'table', 'aria-label': 'Listeners' },
      element('thead', { role: 'rowgroup' },
        element('tr', { role: 'row' },
          ...COLUMNS.map(name => element('th', { scope: 'col', role: 'columnheader' }, name)))),
      this.body);
    this.panel = element('section', { class: 'panel', 'aria-label': 'Listeners' }, this.table);
    this.none = element('p', { class: 'empty' }, 'No listener with ',
      element('code', {}, '@BackpressuredListener'), ' is registered in this application. Put it on a method in place of ',
      element('code', {}, '@KafkaListener'), ', and it is shown here.');
    this.root = element('div', {}, element('h2', { class: 'visually-hidden' }, 'Listeners'), this.none, this.panel);
  }

  update(answer) {
    const listeners = answer.listeners;
    this.none.hidden = listeners.length > 0;
    this.panel.hidden = listeners.length === 0;
    keyed(this.body, listeners, listener => listener.id, row, (made, listener) => this.show(made, listener));
  }

  show(made, listener) {
    const cell = made.cells_;
    const recent = listener.recent;
    setState(cell.state, listener.state);
    showAlarms(cell.alarms, listener.alarms);
    setText(cell.rate, `${perSecond(recent.finishedPerSecond)} / ${perSecond(recent.arrivedPerSecond)}`);
    setInFlight(cell.meter, listener);
    setText(cell.inFlight, `${count(listener.inFlight)} of ${count(listener.limits.maxInFlight)}`);
    setSpark(cell.spark, this.history.last(listener.id, 'finished', SPARK_SECONDS), SPARK_SECONDS,
      `Records handled per second in the last ${SPARK_SECONDS / 60} minutes`);
    setShares(cell.shares, recent);
    setText(cell.share, percents(recent.busy, pausedShare(recent), recent.idle));
    setText(cell.lag, isOn(listener) ? `${short(listener.frontierLag)} · ${drain(listener)}` : NOTHING);
    setText(cell.oldest, duration(listener.oldestUnfinishedMillis));
    setText(cell.shed, `${short(shed(listener))} · ${short(failed(listener))}`);
  }
}

function showAlarms(node, alarms) {
  const number = alarms?.length ?? 0;
  setAttribute(node, 'hidden', number === 0 ? '' : null);
  setText(node, number === 0 ? '' : number === 1 ? '1 alarm' : `${number} alarms`);
}

/** Whether it has partitions, and something is known of what is left to do. */
export function isOn(listener) {
  return listener.state !== 'stopped' && listener.state !== 'failed';
}

/** How long until nothing is left, or that it will not be so. */
export function drain(listener) {
  if (!isOn(listener)) {
    return NOTHING;
  }
  if (listener.frontierLag === 0) {
    return 'none left';
  }
  const arrived = listener.recent.arrivedPerSecond;
  const finished = listener.recent.finishedPerSecond + listener.recent.droppedPerSecond;
  if (Math.abs(finished - arrived) <= CHANCE * Math.max(finished, arrived)) {
    return 'standing';
  }
  return listener.timeToDrainMillis !== null ? duration(listener.timeToDrainMillis)
    : arrived > finished ? 'growing' : 'standing';
}

/** Records that were dropped, for whatever reason. */
export function shed(listener) {
  return Object.values(listener.dropped ?? {}).reduce((sum, records) => sum + records, 0);
}

/** Records that ended neither handled nor by the user's will. */
export function failed(listener) {
  return Object.entries(listener.totals.outcomes)
    .filter(([outcome]) => !GOOD.has(outcome) && !UNFINISHED.has(outcome) && outcome !== 'dropped' && outcome !== 'remembered')
    .reduce((sum, [, records]) => sum + records, 0);
}

function row(listener) {
  const cells = {
    state: element('span', { class: 'state' }),
    alarms: element('span', { class: 'alarms', hidden: '' }),
    rate: element('span'),
    meter: meter(),
    inFlight: element('span', { class: 'caption' }),
    spark: spark(),
    shares: shares(),
    share: element('span', { class: 'caption' }),
    lag: element('span'),
    oldest: element('span'),
    shed: element('span')
  };
  const contents = [
    [element('a', { href: `#/listener/${encodeURIComponent(listener.id)}` }, listener.id)],
    [cells.state, cells.alarms], [cells.rate], [cells.meter, cells.inFlight], [cells.spark], [cells.shares, cells.share],
    [cells.lag], [cells.oldest], [cells.shed]];
  const kinds = ['name', '', 'number', 'wide', 'wide', 'wide', 'number', 'number', 'number'];
  const made = element('tr', { role: 'row' });
  contents.forEach((content, at) => {
    const cell = element('td', { role: at === 0 ? 'rowheader' : 'cell', class: kinds[at] }, ...content);
    if (at > 0) {
      setAttribute(cell, 'data-label', COLUMNS[at]);
    }
    made.append(cell);
  });
  made.cells_ = cells;
  return made;
}
