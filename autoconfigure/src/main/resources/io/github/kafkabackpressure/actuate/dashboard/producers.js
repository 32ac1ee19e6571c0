// The buffered templates, a row each.

import { meter, setMeter, setState } from './bars.js';
import { element, keyed, setText } from './dom.js';
import { bytes, count, perSecond, words } from './format.js';

const COLUMNS = ['Template', 'State', 'Buffered', 'Bytes', 'In flight', 'Accepted per s', 'Outcomes', 'When full'];

export class Producers {
  constructor(actions) {
    this.actions = actions;
    this.before = new Map();
    this.body = element('tbody', { role: 'rowgroup' });
    this.panel = element('section', { class: 'panel', 'aria-label': 'Producers' },
      element('table', { class: 'overview', role: 'table', 'aria-label': 'Producers' },
        element('thead', { role: 'rowgroup' },
          element('tr', { role: 'row' },
            ...COLUMNS.map(name => element('th', { scope: 'col', role: 'columnheader' }, name)))),
        this.body));
    this.none = element('p', { class: 'empty' }, 'No ', element('code', {}, 'BackpressuredKafkaTemplate'),
      ' is in this application. Inject one in place of a KafkaTemplate, and its buffer is shown here.');
    this.root = element('div', {}, element('h2', { class: 'visually-hidden' }, 'Producers'), this.none, this.panel);
  }

  update(answer) {
    const producers = answer.producers;
    const time = Date.parse(answer.time);
    this.none.hidden = producers.length > 0;
    this.panel.hidden = producers.length === 0;
    keyed(this.body, producers, producer => producer.name, producer => this.row(producer),
      (made, producer) => this.show(made, producer, answer.writable, time));
  }

  row(producer) {
    const cells = {
      state: element('span', { class: 'state' }), meter: meter(), buffered: element('span', { class: 'caption' }),
      bytes: element('span'), inFlight: element('span'), rate: element('span'), outcomes: element('span'),
      overflow: element('span'),
      flush: element('button', { type: 'button', onclick: () => this.actions.flush(producer.name) }, 'Flush')
    };
    const contents = [[producer.name], [cells.state], [cells.meter, cells.buffered], [cells.bytes], [cells.inFlight],
      [cells.rate], [cells.outcomes], [cells.overflow, ' ', cells.flush]];
    const made = element('tr', { role: 'row' }, ...contents.map((content, at) => element('td', {
      role: at === 0 ? 'rowheader' : 'cell', class: at === 0 ? 'name' : at === 2 || at === 6 ? 'wide' : '',
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
    setText(cell.rate, perSecond(this.rate(producer, time)));
    setText(cell.outcomes, Object.entries(producer.outcomes).filter(([, records]) => records > 0)
      .map(([outcome, records]) => `${words(outcome)} ${count(records)}`).join(', ') || 'none yet');
    setText(cell.overflow, words(producer.overflow));
    cell.flush.hidden = !writable;
  }

  rate(producer, time) {
    const before = this.before.get(producer.name);
    this.before.set(producer.name, { time, accepted: producer.accepted });
    return before && time > before.time ? (producer.accepted - before.accepted) * 1000 / (time - before.time) : null;
  }
}
