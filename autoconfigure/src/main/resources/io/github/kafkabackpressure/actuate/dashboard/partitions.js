// The partitions of a listener as a strip of cells. A cell changes when its partition's state does; what else there is to
// know of a partition is written down only while somebody looks at it.

import { element, keyed, setAttribute, setText, setTip } from './dom.js';
import { count, duration, words } from './format.js';
import { panel } from './tables.js';

/** A partition whose frontier stands still for longer is shown as stuck. */
const STUCK_MILLIS = 60_000;

const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

export class Partitions {
  constructor(id, actions) {
    this.id = id;
    this.actions = actions;
    this.strip = element('ul', { class: 'strip', onkeydown: event => this.move(event) });
    this.hint = element('p', { class: 'hint' });
    this.chosen = null;
    this.detail = element('p', { class: 'detail' });
    this.pause = element('button', { type: 'button', onclick: event => this.steer(event.currentTarget) });
    this.choice = element('div', { class: 'choice', hidden: '' }, this.detail, this.pause);
    this.root = panel('Partitions', this.strip, legend(), this.hint, this.choice);
  }

  update(listener, writable) {
    const partitions = [...listener.partitions].sort((one, other) =>
      one.topic === other.topic ? one.partition - other.partition : one.topic < other.topic ? -1 : 1);
    this.known = new Map(partitions.map(one => [nameOf(one), one]));
    keyed(this.strip, partitions, nameOf, one => this.cell(one), (made, one) => show(made.firstChild, one));
    setText(this.hint, partitions.length
      ? 'Point at a partition, or move to it with the arrow keys, to see why it is paused; press it to keep it in view.'
      : 'No partitions are assigned to this application now.');
    const first = this.strip.querySelector('button');
    if (first && !this.strip.querySelector('button[tabindex="0"]')) {
      first.tabIndex = 0;
    }
    this.showChoice(writable);
  }

  cell(partition) {
    const name = nameOf(partition);
    const button = element('button', { type: 'button', tabindex: '-1', onclick: () => this.choose(name) }, partition.partition);
    button.partition = name;
    setTip(button, () => {
      const now = this.known.get(name);
      return now ? tell(now) : name;
    });
    return element('li', {}, button);
  }

  choose(name) {
    this.chosen = this.chosen === name ? null : name;
    this.showChoice(this.writable);
  }

  showChoice(writable) {
    this.writable = writable;
    const partition = this.known.get(this.chosen);
    for (const item of this.strip.children) {
      setAttribute(item.firstChild, 'aria-pressed', partition && item.firstChild.partition === this.chosen ? 'true' : null);
    }
    this.choice.hidden = !partition;
    if (partition) {
      setText(this.detail, tell(partition));
      setText(this.pause, partition.paused === 'user' ? 'Resume this partition' : 'Pause this partition');
      this.pause.hidden = !writable;
    }
  }

  steer(button) {
    const partition = this.known.get(this.chosen);
    if (partition) {
      this.actions.steerPartition(this.id, partition.paused === 'user' ? 'resume' : 'pause', partition.topic,
        partition.partition, button);
    }
  }

  /** One stop of the Tab key for all cells, and the arrow keys among them. */
  move(event) {
    const step = STEPS[event.key];
    const cells = [...this.strip.querySelectorAll('button')];
    const at = cells.indexOf(document.activeElement);
    if (step === undefined || at < 0) {
      return;
    }
    event.preventDefault();
    const next = cells[Math.min(cells.length - 1, Math.max(0, at + step))];
    cells[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

function nameOf(partition) {
  return `${partition.topic}-${partition.partition}`;
}

function show(cell, partition) {
  const state = stateOf(partition);
  const why = partition.paused ? `paused: ${words(partition.paused)}` : state;
  if (cell.shown === `${state} ${why}`) {
    return;
  }
  cell.shown = `${state} ${why}`;
  setAttribute(cell, 'data-state', state);
  setAttribute(cell, 'aria-label', `${nameOf(partition)}, ${why}`);
}

function stateOf(partition) {
  if ((partition.frontierStuckMillis ?? 0) > STUCK_MILLIS) {
    return 'stuck';
  }
  return partition.paused ? 'paused' : partition.inFlight > 0 ? 'busy' : 'idle';
}

function tell(partition) {
  return [
    `${nameOf(partition)}, ${partition.consumer}`,
    partition.paused ? `paused: ${words(partition.paused)}, for ${duration(partition.pausedMillis)}` : 'not paused',
    `${count(partition.inFlight)} in flight, ${count(partition.running)} of them running`,
    `frontier ${partition.frontier ?? 'not known'}, position ${partition.position ?? 'not known'}, `
      + `lag to the frontier ${count(partition.frontierLag)}`,
    `would come again: ${count(partition.pastFrontier)}`,
    ...(partition.oldestUnfinishedMillis === null ? []
      : [`oldest unfinished: ${duration(partition.oldestUnfinishedMillis)}`])].join('\n');
}

function legend() {
  const of = (state, text) => element('li', { 'data-state': state }, text);
  return element('ul', { class: 'legend' }, of('busy', 'records in flight'), of('idle', 'nothing in flight'),
    of('paused', 'paused'), of('stuck', 'its frontier has stood still for a minute'));
}
