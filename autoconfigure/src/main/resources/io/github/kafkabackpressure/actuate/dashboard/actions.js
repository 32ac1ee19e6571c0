// What the page can do to a listener or a producer. What disrupts is asked back about; what came of it is told.

import { setAttribute, setText, tell } from './dom.js';

/** How a field of the limits is spoken of. */
const NAMES = {
  maxInFlight: 'max in flight', maxInFlightPerPartition: 'per partition', maxInFlightBytes: 'bytes',
  maxConcurrency: 'max concurrency', rateLimitRate: 'rate', rateLimitBurst: 'burst',
  rateLimitWindowRecords: 'records in a window'
};

const DONE = {
  pause: 'is paused', resume: 'is resumed', drain: 'is drained and paused', stop: 'is stopped', start: 'is started',
  restart: 'is restarted'
};

export class Actions {
  constructor(connection) {
    this.connection = connection;
    this.dialog = document.getElementById('confirm');
    document.getElementById('confirm-no').addEventListener('click', () => this.dialog.close('no'));
    document.getElementById('confirm-yes').addEventListener('click', () => this.dialog.close('yes'));
  }

  /** Pauses, resumes, drains, stops, starts or restarts a listener; asks back if there is a question. */
  async steer(id, action, question, button) {
    if (!question || await this.confirm(`${capital(action)} ${id}?`, question, action)) {
      await this.write(`${encodeURIComponent(id)}/${action}`, {}, () => `${id} ${DONE[action]}`, button);
    }
  }

  /** Pauses or resumes one partition. */
  async steerPartition(id, action, topic, partition, button) {
    await this.write(`${encodeURIComponent(id)}/${action}`, { topic, partition },
      () => `${topic}-${partition} ${DONE[action]}`, button);
  }

  /** Changes limits of a listener. To lower one disrupts nothing that is in flight, but it slows the listener down. */
  async limits(id, changed, present, button) {
    const text = Object.entries(changed)
      .map(([field, value]) => `${NAMES[field]} from ${present[field] ?? 'no limit'} to ${value}`).join(', ');
    if (await this.confirm(`Change the limits of ${id}?`, `${capital(text)}. What is in flight is finished.`, 'change')) {
      return this.write(encodeURIComponent(id), changed, () => `${id}: ${text}`, button);
    }
    return false;
  }

  async flush(name, button) {
    await this.write(`producers/${encodeURIComponent(name)}/flush`, {},
      answer => answer.flushed ? `${name} is flushed` : `${name}: not all of it was delivered within the flush timeout`,
      button);
  }

  /** Whether it was done. Meanwhile the button waits with it: a drain or a stop takes its time. */
  async write(path, body, done, button) {
    if (button.hasAttribute('aria-busy')) {
      return false;
    }
    setAttribute(button, 'aria-busy', 'true');
    try {
      tell(done(await this.connection.write(path, body)));
      return true;
    } catch (failure) {
      await this.confirm('That was refused', failure.message, null);
      return false;
    } finally {
      setAttribute(button, 'aria-busy', null);
    }
  }

  /** Asks in a dialog; without a word for yes it only tells. */
  confirm(title, text, yes) {
    setText(document.getElementById('confirm-title'), title);
    setText(document.getElementById('confirm-text'), text);
    const button = document.getElementById('confirm-yes');
    button.hidden = yes === null;
    setText(button, yes === null ? '' : capital(yes));
    setText(document.getElementById('confirm-no'), yes === null ? 'Close' : 'Cancel');
    this.dialog.returnValue = 'no';
    this.dialog.showModal();
    return new Promise(resolve => {
      this.dialog.addEventListener('close', () => resolve(this.dialog.returnValue === 'yes'), { once: true });
    });
  }
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}
