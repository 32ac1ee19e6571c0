// The buffered templates, a row each, and what has happened to them.

import { meter, setMeter, setState } from './bars.js';
import { element, keyed, setText } from './dom.js';
import { bytes, clock, count, duration, perSecond, words } from './format.js';
import { fill, panel, rowOf, table } from './tables.js';

const COLUMNS = ['Template', 'State', 'Buffered', 'Bytes', 'In flight', 'Waiting senders', 'Accepted per s', 'Outcomes',
  'When full'];

const EVENTS_SHOWN = 100;

export class Producers {
  constructor(actions) {
    this.actions = actions;
    this.before = new Map();
    this.body = element('tbody', { role: 'rowgroup' });
    this.events = element('tbody');
    this.panel = element('section', { class: 'panel', 'aria-label': 'Producers' },
      element('table', { class: 'overview producers', role: 'table', 'aria-label': 'Producers' },
        element('thead', { role: 'rowgroup' },
          element('tr', { role: 'row' },
            ...COLUMNS.map(name => element('th', { scope: 'col', role: 'columnheader' }, name)))),
        this.body));
    this.happened = panel('What has happened',
      table(this.events, 'What has happened, the newest first', ['At', 'Template', 'What', 'Details']));
    this.none = element('p', { class: 'empty' }, 'No ', element('code', {}, 'BackpressuredKafkaTemplate'),
      ' is in this application. Inject one in place of a KafkaTemplate, and its buffer is shown here.');
    this.root = element('div', {}, element('h2', { class: 'visually-hidden' }, 'Producers'), this.none, this.panel,
      this.happened);
  }

  update(answer) {
    const producers = answer.producers;
    const time = Date.parse(answer.time);
    this.none.hidden = producers.length > 0;
    this.panel.hidden = producers.length === 0;
    this.happened.hidden = producers.length === 0;
    keyed(this.body, producers, producer => producer.name, producer => this.row(producer),
      (made, producer) => this.show(made, producer, answer.writable, time));
    this.showEvents(producers);
  }

  row(producer) {
    const cells = {
      state: element('span', { class: 'state' }), meter: meter(), buffered: element('span', { class: 'caption' }),
      bytes: element('span'), inFlight: element('span'), blocked: element('span'), rate: element('span'),
      outcomes: element('span'), overflow: element('span'),
      flush: element('button', {
        type: 'button', 'aria-label': `Flush ${producer.name}`,
        onclick: event => this.actions.flush(producer.name, event.currentTarget)
      }, 'Flush')
    };
    const contents = [[producer.name], [cells.state], [cells.meter, cells.buffered], [cells.bytes], [cells.inFlight],
      [cells.blocked], [cells.rate], [cells.outcomes], [cells.overflow, ' ', cells.flush]];
    const made = element('tr', { role: 'row' }, ...contents.map((content, at) => element('td', {
      role: at === 0 ? 'rowheader' : 'cell', class: at === 0 ? 'name' : at === 2 || at === 7 ? 'wide' : '',
      'data-label': at === 0 ? null : COLUMNS[at]
    }, ...content)));
    made.cells_ = cells;
    return made;
  }

  show(made, producer, writable, time) {
    const cell = made.cells_;
    const limits = producer.limits;
    setState(cell.state, producer.state);
    setMeter(cell.meter, producer.buffered, limits.maxBuffered, limits.softLimit,
      `${count(producer.buffered)} of ${count(limits.maxBuffered)} buffered; the soft limit is ${count(limits.softLimit)}`);
    setText(cell.buffered, `${count(producer.buffered)} of ${count(limits.maxBuffered)}`);
    setText(cell.bytes, `${bytes(producer.bufferedBytes)} of ${bytes(limits.maxBufferedBytes)}`);
    setText(cell.inFlight, `${count(producer.inFlight)} of ${count(limits.maxInFlight)}${producer.slow ? ', slow' : ''}`);
    setText(cell.blocked, `${count(producer.blocked)} now, ${duration(producer.blockedMillis)} in all`);
    setText(cell.rate, perSecond(this.rate(producer, time)));
    setText(cell.outcomes, Object.entries(producer.outcomes).filter(([, records]) => records > 0)
      .map(([outcome, records]) => `${words(outcome)} ${count(records)}`).join(', ') || 'none yet');
    setText(cell.overflow, words(producer.overflow));
    cell.flush.hidden = !writable;
  }

  showEvents(producers) {
    const shown = new Map(); // a flush of all producers is in the timeline of each
    for (const producer of producers) {
      for (const event of producer.timeline ?? []) {
        const known = shown.get(event.sequence);
        shown.set(event.sequence, { ...event, template: known ? 'all' : producer.name });
      }
    }
    const events = [...shown.values()].sort((one, other) => other.sequence - one.sequence).slice(0, EVENTS_SHOWN);
    keyed(this.events, events.length ? events : [null], one => one ? one.sequence : 'none',
      one => one ? rowOf(4) : element('tr', {}, element('td', { colspan: 4 }, 'No buffer has filled, and none was flushed.')),
      (made, one) => one && fill(made, [clock(one.at), one.template, one.kind === 'state' ? words(one.state) : words(one.kind),
        detailsOf(one)]));
  }

  rate(producer, time) {
    const before = this.before.get(producer.name);
    this.before.set(producer.name, { time, accepted: producer.accepted });
    return before && time > before.time ? (producer.accepted - before.accepted) * 1000 / (time - before.time) : null;
  }
}

function detailsOf(event) {
  if (event.kind === 'state') {
    return `${count(event.buffered)} buffered`;
  }
  return event.text ?? `${event.complete ? 'all of it was delivered' : 'not all of it was delivered in time'}, `
    + `after ${duration(event.millis)}`;
}
