// One listener: what it has in work, where, since when, and what has happened to it.

import { meter, setInFlight, setShares, setState, shares } from './bars.js';
import { element, keyed, setAttribute, setText } from './dom.js';
import { bytes, clock, count, duration, percent, percents, perSecond, words } from './format.js';
import { pausedShare } from './history.js';
import { drain, failed, shed } from './overview.js';
import { plotsOfListener } from './plots.js';

const RANGES = [[300, '5 minutes'], [900, '15 minutes'], [3600, '60 minutes']];

/** A partition whose frontier stands still for longer is shown as stuck. */
const STUCK_MILLIS = 60_000;

const EVENTS_SHOWN = 100;

/** What the endpoint can change of a listener's limits, and where an answer tells the present one. */
const LIMITS = [['maxInFlight', 'Max in flight'], ['maxInFlightPerPartition', 'Per partition'],
  ['maxInFlightBytes', 'Bytes'], ['maxConcurrency', 'Max concurrency']];

export class ListenerView {
  constructor(id, history, actions) {
    this.id = id;
    this.history = history;
    this.actions = actions;
    this.seconds = RANGES[0][0];
    this.state = element('span', { class: 'state' });
    this.error = element('p', { class: 'error', hidden: '' });
    this.figures = element('dl', { class: 'figures' });
    this.meter = meter();
    this.shares = shares();
    this.strip = element('ul', { class: 'strip' });
    this.stripHint = element('p', { class: 'hint' });
    this.slowest = element('tbody');
    this.events = element('tbody');
    this.plots = plotsOfListener();
    this.controls = this.makeControls();
    this.range = element('select', { onchange: event => { this.seconds = Number(event.target.value); this.draw(); } },
      ...RANGES.map(([seconds, label]) => element('option', { value: seconds }, label)));
    this.root = element('div', {},
      element('div', { class: 'title' }, element('h2', {}, id), this.state,
        element('label', { class: 'caption' }, 'Plots of the last ', this.range)),
      this.error,
      element('section', { class: 'panel', 'aria-label': 'Now' }, this.figures,
        element('p', { class: 'hint' }, 'In flight against the limit; the mark is where what is paused is resumed'),
        this.meter,
        element('p', { class: 'hint' }, 'Busy, paused and idle in the last ten seconds'), this.shares),
      this.controls,
      element('div', { class: 'plots' }, ...this.plots.map(plot => plot.root)),
      panel('Partitions', this.strip, legend(), this.stripHint),
      panel('Slowest running records', table(this.slowest, 'Slowest running records',
        ['Record', 'Running for', 'Waits for', 'Thread'])),
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
    this.showFigures(listener);
    setInFlight(this.meter, listener);
    setShares(this.shares, listener.recent);
    this.showControls(listener, answer.writable);
    this.showPartitions(listener);
    this.showSlowest(listener);
    this.showEvents(listener);
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

  showFigures(listener) {
    const recent = listener.recent;
    const figures = [
      ['Order', words(listener.ordering)],
      ['Consumers', count(listener.consumers)],
      ['In flight', `${count(listener.inFlight)} of ${count(listener.limits.maxInFlight)}`],
      ['Queued · running', `${count(listener.queued)} · ${count(listener.running)}`],
      ['Workers used', `${percent(recent.workers)} of ${count(listener.limits.maxConcurrency)}`],
      ['Handled per s', perSecond(recent.finishedPerSecond)],
      ['Arriving per s', perSecond(recent.arrivedPerSecond)],
      ['Busy · paused · idle', percents(recent.busy, pausedShare(recent), recent.idle)],
      ['Lag to the frontier', count(listener.frontierLag)],
      ['Lag of the position', count(listener.lag)],
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

  makeControls() {
    const act = (action, question) => () => this.actions.steer(this.id, action, question);
    this.buttons = {
      pause: button('Pause', act('pause')),
      resume: button('Resume', act('resume')),
      drain: button('Drain', act('drain',
        'Nothing new is handled; what is in flight is finished and committed, and then it stays paused.'), true),
      stop: button('Stop', act('stop',
        'Its consumers leave the group. What has begun is finished; nothing is handled until it is started again.'), true),
      start: button('Start', act('start')),
      restart: button('Restart', act('restart',
        'Its consumers leave the group and join it again, which moves partitions about.'), true)
    };
    this.inputs = LIMITS.map(([field, label]) => [field, label, element('input', {
      type: 'number', min: '1', step: '1', inputmode: 'numeric', name: field
    })]);
    const form = element('form', { class: 'limits' },
      ...this.inputs.map(([, label, input]) => element('label', {}, label, input)),
      element('button', { type: 'submit' }, 'Change the limits'));
    form.addEventListener('submit', event => {
      event.preventDefault();
      const changed = {};
      for (const [field, , input] of this.inputs) {
        if (input.value !== '' && Number(input.value) !== this.limits[field]) {
          changed[field] = Number(input.value);
        }
      }
      if (Object.keys(changed).length > 0) {
        this.actions.limits(this.id, changed, this.limits);
      }
      this.inputs.forEach(([, , input]) => { input.value = ''; });
    });
    return element('section', { class: 'panel', 'aria-label': 'Controls', hidden: '' },
      element('h3', {}, 'Controls'), element('div', { class: 'buttons' }, ...Object.values(this.buttons)), form,
      element('p', { class: 'hint' }, 'A limit holds until the application ends, restarts of the listener included; what is configured stays.'));
  }

  showControls(listener, writable) {
    this.controls.hidden = !writable;
    this.limits = listener.limits;
    const stopped = listener.state === 'stopped' || listener.state === 'failed';
    this.buttons.start.hidden = !stopped;
    this.buttons.stop.hidden = stopped;
    this.buttons.restart.hidden = stopped;
    this.buttons.drain.hidden = stopped;
    this.buttons.pause.hidden = stopped || listener.state === 'paused';
    this.buttons.resume.hidden = listener.state !== 'paused';
    for (const [field, , input] of this.inputs) {
      setAttribute(input, 'placeholder', listener.limits[field] === null ? 'no limit' : listener.limits[field]);
    }
  }

  showPartitions(listener) {
    const partitions = [...listener.partitions].sort((one, other) =>
      one.topic === other.topic ? one.partition - other.partition : one.topic < other.topic ? -1 : 1);
    keyed(this.strip, partitions, one => `${one.topic}-${one.partition}`,
      () => element('li', {}, element('button', { type: 'button' })),
      (made, one) => {
        const cell = made.firstChild;
        const told = tell(one);
        setText(cell, one.partition);
        setAttribute(cell, 'data-state', stateOf(one));
        setAttribute(cell, 'aria-label', told.replaceAll('\n', '; '));
        setAttribute(cell, 'data-tip', told);
      });
    setText(this.stripHint, partitions.length ? 'Point at a partition, or move the focus to it, to see why it is paused.'
      : 'No partitions are assigned to this application now.');
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
      (made, one) => one && fill(made, [clock(one.at), clock(one.until), words(one.kind), count(one.count),
        one.topic === null ? 'the listener' : one.partition === null ? one.topic : `${one.topic}-${one.partition}`,
        one.text || words(one.reason)]));
  }
}

function stateOf(partition) {
  if ((partition.frontierStuckMillis ?? 0) > STUCK_MILLIS) {
    return 'stuck';
  }
  return partition.paused ? 'paused' : partition.inFlight > 0 ? 'busy' : 'idle';
}

function tell(partition) {
  return [
    `${partition.topic}-${partition.partition}, ${partition.consumer}`,
    partition.paused ? `paused: ${words(partition.paused)}, for ${duration(partition.pausedMillis)}` : 'not paused',
    `${count(partition.inFlight)} in flight, ${count(partition.running)} of them running`,
    `frontier ${partition.frontier ?? 'not known'}, position ${partition.position ?? 'not known'}, `
      + `lag to the frontier ${count(partition.frontierLag)}`,
    `would come again: ${count(partition.pastFrontier)}`,
    ...(partition.oldestUnfinishedMillis === null ? []
      : [`oldest unfinished: ${duration(partition.oldestUnfinishedMillis)}`])].join('\n');
}

function legend() {
  const of = (state, text) => element('li', {}, text);
  return element('ul', { class: 'legend' }, of('busy', 'filled: records in flight'), of('idle', 'pale: nothing in flight'),
    of('paused', 'framed: paused'), of('stuck', 'red: its frontier has stood still for a minute'));
}

function panel(title, ...children) {
  return element('section', { class: 'panel', 'aria-label': title }, element('h3', {}, title), ...children);
}

function table(body, label, columns) {
  return element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label },
    element('table', { class: 'list' },
      element('thead', {}, element('tr', {}, ...columns.map(name => element('th', { scope: 'col' }, name)))), body));
}

function rowOf(cells) {
  return element('tr', {}, ...Array.from({ length: cells },
    (unused, at) => element('td', { class: at === cells - 1 ? 'text' : '' })));
}

function fill(row, texts) {
  texts.forEach((text, at) => setText(row.children[at], text));
}

function button(label, act, disruptive = false) {
  return element('button', { type: 'button', class: disruptive ? 'disruptive' : '', onclick: act }, label);
}
