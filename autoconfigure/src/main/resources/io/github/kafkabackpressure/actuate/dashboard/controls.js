// What can be done to a listener: buttons, and a form for its limits. They are shown only if the endpoint may be written.

import { element, setAttribute } from './dom.js';
import { isOn } from './overview.js';
import { panel } from './tables.js';

/** What the endpoint can change of a listener's limits, and where an answer tells the present one. */
const LIMITS = [['maxInFlight', 'Max in flight'], ['maxInFlightPerPartition', 'Per partition'],
  ['maxInFlightBytes', 'Bytes'], ['maxConcurrency', 'Max concurrency'], ['rateLimitRate', 'Rate per second'],
  ['rateLimitBurst', 'Burst'], ['rateLimitWindowRecords', 'Records in a window']];

/** Those that can be changed only where there was one at the start. */
const FROM_THE_START = new Set(['maxInFlightBytes', 'rateLimitRate', 'rateLimitBurst', 'rateLimitWindowRecords']);

export class Controls {
  constructor(id, actions) {
    const act = (action, question) => event => actions.steer(id, action, question, event.currentTarget);
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
    this.root = element('div', { class: 'buttons', role: 'group', 'aria-label': 'Controls', hidden: '' },
      ...Object.values(this.buttons));
  }

  update(listener, writable) {
    this.root.hidden = !writable;
    const on = isOn(listener);
    const paused = listener.state === 'paused';
    const shown = { pause: on && !paused, resume: on && paused, drain: on, stop: on, start: !on, restart: on };
    const left = Object.entries(this.buttons)
      .find(([name, one]) => one === document.activeElement && !shown[name]);
    for (const [name, one] of Object.entries(this.buttons)) {
      one.hidden = !shown[name];
    }
    if (left) { // the focus stays where it was, on what takes the button's place
      Object.values(this.buttons).find(one => !one.hidden)?.focus();
    }
  }
}

export class Limits {
  constructor(id, actions) {
    this.inputs = LIMITS.map(([field, label]) => [field, label, element('input', {
      type: 'number', min: '1', step: '1', inputmode: 'numeric', name: field
    })]);
    const submit = element('button', { type: 'submit' }, 'Change the limits');
    const form = element('form', { class: 'limits', 'aria-label': 'Limits' },
      ...this.inputs.map(([, label, input]) => element('label', {}, label, input)), submit);
    form.addEventListener('submit', async event => {
      event.preventDefault();
      const changed = this.changed();
      if (Object.keys(changed).length === 0) {
        this.inputs[0][2].focus();
      } else if (await actions.limits(id, changed, this.present, submit)) {
        this.inputs.forEach(([, , input]) => { input.value = ''; });
      }
    });
    this.root = panel('Limits', form, element('p', { class: 'hint' },
      'What is left empty stays. A limit holds until the application ends, restarts of the listener included; what is'
        + ' configured stays.'));
    this.root.hidden = true;
  }

  changed() {
    return Object.fromEntries(this.inputs
      .filter(([field, , input]) => input.value !== '' && Number(input.value) !== this.present[field])
      .map(([field, , input]) => [field, Number(input.value)]));
  }

  update(listener, writable) {
    this.root.hidden = !writable;
    this.present = listener.limits;
    for (const [field, , input] of this.inputs) {
      const limit = listener.limits[field] ?? null;
      input.parentNode.hidden = limit === null && FROM_THE_START.has(field);
      setAttribute(input, 'placeholder', limit ?? 'no limit');
    }
  }
}

function button(label, act, disruptive = false) {
  return element('button', { type: 'button', class: disruptive ? 'disruptive' : '', onclick: act }, label);
}
