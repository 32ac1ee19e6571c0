// One listener: what it has in work, where, since when, and what has happened to it.

import { meter, setInFlight, setShares, setState, shares } from './bars.js';
import { Controls, Limits } from './controls.js';
import { element, keyed, setText } from './dom.js';
import { bytes, clock, count, duration, NOTHING, percent, percents, perSecond, words } from './format.js';
import { pausedShare } from './history.js';
import { drain, failed, isOn, shed } from './overview.js';
import { Partitions } from './partitions.js';
import { plotsOfListener } from './plots.js';
import { fill, panel, rowOf, table } from './tables.js';

const RANGES = [[300, '5 minutes'], [900, '15 minutes'], [3600, '60 minutes']];

const EVENTS_SHOWN = 100;

/** What the ways in which a record ends are, for who does not know. */
const ENDS = {
  handled: 'the method returned, or a filter passed it over',
  recovered: 'the method failed, and the error handler dealt with it',
  remembered: 'a former owner of the partition had finished it; it was passed over',
  unfinished: 'the partition left before it was finished; it comes again',
  'max-in-flight': 'dropped: there was no room',
  'soft-limit': 'dropped: the soft limit was reached, and its priority was low',
  'newer-record': 'dropped: a newer one with the same key came',
  'max-age': 'dropped: it was too old when its turn came'
};

export class ListenerView {
  constructor(id, history, actions) {
    this.id = id;
    this.history = history;
    this.seconds = RANGES[0][0];
    this.state = element('span', { class: 'state' });
    this.error = element('p', { class: 'error', hidden: '' });
    this.alarms = element('ul', { class: 'alarm-list' });
    this.alarmPanel = element('section', { class: 'panel alarm', 'aria-label': 'Alarms', role: 'alert', hidden: '' },
      element('h3', {}, 'Alarms'), this.alarms);
    this.figures = element('dl', { class: 'figures' });
    this.meter = meter();
    this.shares = shares();
    this.partitions = new Partitions(id, actions);
    this.ends = element('tbody');
    this.slowest = element('tbody');
    this.events = element('tbody');
    this.plots = plotsOfListener();
    this.controls = new Controls(id, actions);
    this.limits = new Limits(id, actions);
    this.range = element('select', { onchange: event => { this.seconds = Number(event.target.value); this.draw(); } },
      ...RANGES.map(([seconds, label]) => element('option', { value: seconds }, label)));
    this.root = element('div', {},
      element('div', { class: 'title' }, element('h2', {}, id), this.state, this.controls.root),
      this.error,
      this.alarmPanel,
      element('section', { class: 'panel', 'aria-label': 'Now' }, this.figures,
        element('div', { class: 'bars' },
          element('div', {}, this.meter,
            element('p', { class: 'hint' }, 'In flight against the limit; the mark is where what is paused is resumed')),
          element('div', {}, this.shares, element('p', { class: 'hint' }, 'Busy, paused and idle in the last ten seconds')))),
      this.partitions.root,
      element('label', { class: 'range caption' }, 'Plots of the last ', this.range),
      element('div', { class: 'plots' }, ...this.plots.map(plot => plot.root)),
      panel('Slowest running records', table(this.slowest, 'Slowest running records',
        ['Record', 'Running for', 'Waits for', 'Thread'])),
      panel('How records have ended', table(this.ends, 'How records have ended', ['End', 'Records', 'Per s', 'Meaning'])),
      this.limits.root,
      panel('What has happened', table(this.events, 'What has happened, the newest first',
        ['From', 'To', 'What', 'Times', 'Where', 'Details'])));
  }

  update(answer) {
    const listener = answer.listeners.find(one => one.id === this.id);
    if (!listener) {
      setState(this.state, 'stopped');
      this.fail('No listener of this id is registered now.');
      return;
    }
    setState(this.state, listener.state);
    this.fail(listener.failure
      ? `It died: ${listener.failure.map(cause => cause.type + (cause.message ? `: ${cause.message}` : '')).join(', caused by ')}`
      : '');
    this.showAlarms(listener.alarms ?? []);
    this.showFigures(listener);
    setInFlight(this.meter, listener);
    setShares(this.shares, listener.recent);
    this.controls.update(listener, answer.writable);
    this.limits.update(listener, answer.writable);
    this.showEnds(listener, Date.parse(answer.time));
    if (listener.partitions) { // else the answer was for another view, and the next one is under way
      this.partitions.update(listener, answer.writable);
      this.showSlowest(listener);
      this.showEvents(listener);
    }
    this.draw();
  }

  draw() {
    this.plots.forEach(plot => plot.update(this.history, this.id, this.seconds));
  }

  close() {
    this.plots.forEach(plot => plot.close());
  }

  fail(text) {
    this.error.hidden = text === '';
    setText(this.error, text);
  }

  showAlarms(alarms) {
    this.alarmPanel.hidden = alarms.length === 0;
    keyed(this.alarms, alarms, one => `${one.kind} ${one.since} ${one.topic} ${one.partition} ${one.offset}`,
      one => element('li', {}, element('strong', {}, words(one.kind)), ` since ${clock(one.since)}: `, element('span')),
      (made, one) => setText(made.lastChild, one.text));
  }

  showFigures(listener) {
    const recent = listener.recent;
    const on = isOn(listener);
    const figures = [
      ['Order', words(listener.ordering)],
      ['Consumers', count(listener.consumers)],
      ['In flight', `${count(listener.inFlight)} of ${count(listener.limits.maxInFlight)}`],
      ['Queued · running', `${count(listener.queued)} · ${count(listener.running)}`],
      ['Workers used', `${percent(recent.workers)} of ${count(listener.limits.maxConcurrency)}`],
      ['Handled per s', perSecond(recent.finishedPerSecond)],
      ['Arriving per s', perSecond(recent.arrivedPerSecond)],
      ['Busy · paused · idle', percents(recent.busy, pausedShare(recent), recent.idle)],
      ['Pressure', words(listener.pressure)],
      ['Lag to the frontier', on ? count(listener.frontierLag) : NOTHING],
      ['Lag of the position', on ? count(listener.lag) : NOTHING],
      ['Time to drain', drain(listener)],
      ['Oldest unfinished', duration(listener.oldestUnfinishedMillis)],
      ['Would come again', count(listener.pastFrontier)],
      ['Back-offs · awaited', `${count(listener.backingOff)} · ${count(listener.awaited)}`],
      ['Shed · failed', `${count(shed(listener))} · ${count(failed(listener))}`],
      ['Last commit', listener.lastCommit ? clock(listener.lastCommit) : 'none yet']];
    if (listener.limits.maxInFlightBytes !== null) {
      figures.push(['Bytes in flight', `${bytes(listener.bytesInFlight)} of ${bytes(listener.limits.maxInFlightBytes)}`]);
    }
    keyed(this.figures, figures, ([name]) => name,
      ([name]) => element('div', {}, element('dt', {}, name), element('dd')),
      (made, [, value]) => setText(made.lastChild, value));
  }

  /** Records by how they ended, dropped ones by the reason; those dropped first, as they are why one looks. */
  showEnds(listener, time) {
    const ends = [...Object.entries(listener.dropped ?? {}), ...Object.entries(listener.totals.outcomes)];
    const before = this.endsBefore ?? { time, ends: new Map(ends) };
    const seconds = (time - before.time) / 1000;
    keyed(this.ends, ends, ([end]) => end, () => rowOf(4),
      (made, [end, records]) => fill(made, [words(end), count(records),
        seconds > 0 ? perSecond((records - (before.ends.get(end) ?? records)) / seconds) : NOTHING, ENDS[end] ?? '']));
    this.endsBefore = { time, ends: new Map(ends) };
  }

  showSlowest(listener) {
    const records = listener.slowest.length ? listener.slowest : [null];
    keyed(this.slowest, records, one => one ? `${one.topic}-${one.partition}@${one.offset}` : 'none',
      one => one ? rowOf(4) : element('tr', {}, element('td', { colspan: 4 }, 'Nothing is running now.')),
      (made, one) => one && fill(made, [`${one.topic}-${one.partition} @ ${one.offset}${one.key ? ` (${one.key})` : ''}`,
        duration(one.millis), words(one.waitsFor), one.thread ?? 'none']));
  }

  showEvents(listener) {
    const events = listener.timeline.slice(-EVENTS_SHOWN).reverse();
    keyed(this.events, events.length ? events : [null], one => one ? one.sequence : 'none',
      one => one ? rowOf(6) : element('tr', {}, element('td', { colspan: 6 }, 'Nothing has happened yet.')),
      (made, one) => one && fill(made, [clock(one.at), clock(one.until), words(one.kind), one.kind === 'drained' ? '' : count(one.count),
        one.topic === null ? 'the listener' : one.partition === null ? one.topic : `${one.topic}-${one.partition}`,
        [plain(one.text) || words(one.reason), one.millis > 0 ? duration(one.millis) : ''].filter(Boolean).join(', ')]));
  }
}

/** What is in brackets, without them. */
function plain(text) {
  return /^[{[][^{}[\]]*[}\]]$/.test(text) ? text.slice(1, -1).replaceAll('=', ' ') : text;
}
