// What the page can do to a listener or a producer. What disrupts is asked back about; what came of it is said.

import { say, setText } from './dom.js';
import { words } from './format.js';

export class Actions {
  constructor(connection) {
    this.connection = connection;
    this.dialog = document.getElementById('confirm');
    document.getElementById('confirm-no').addEventListener('click', () => this.dialog.close('no'));
    document.getElementById('confirm-yes').addEventListener('click', () => this.dialog.close('yes'));
  }

  /** Pauses, resumes, drains, stops, starts or restarts a listener; asks back if there is a question. */
  async steer(id, action, question) {
    if (!question || await this.confirm(`${words(action)} ${id}?`, question, action)) {
      await this.write(`${encodeURIComponent(id)}/${action}`, {}, `${id}: ${action} done`);
    }
  }

  /** Changes limits of a listener. To lower one disrupts nothing that is in flight, but it slows the listener down. */
  async limits(id, changed, present) {
    const text = Object.entries(changed)
      .map(([field, value]) => `${field} from ${present[field] ?? 'no limit'} to ${value}`).join(', ');
    if (await this.confirm(`Change the limits of ${id}?`, `${text}. What is in flight stays so.`, 'change')) {
      await this.write(encodeURIComponent(id), changed, `${id}: ${text}`);
    }
  }

  async flush(name) {
    await this.write(`producers/${encodeURIComponent(name)}/flush`, {},
      answer => answer.flushed ? `${name}: flushed` : `${name}: not all of it was delivered within the flush timeout`);
  }

  async write(path, body, done) {
    try {
      const answer = await this.connection.write(path, body);
      say(typeof done === 'function' ? done(answer) : done);
    } catch (failure) {
      await this.confirm('That was refused', failure.message, null);
    }
  }

  /** Asks in a dialog; without a word for yes it only tells. */
  confirm(title, text, yes) {
    setText(document.getElementById('confirm-title'), title);
    setText(document.getElementById('confirm-text'), text);
    const button = document.getElementById('confirm-yes');
    button.hidden = yes === null;
    setText(button, yes === null ? '' : yes[0].toUpperCase() + yes.slice(1));
    setText(document.getElementById('confirm-no'), yes === null ? 'Close' : 'Cancel');
    this.dialog.returnValue = 'no';
    this.dialog.showModal();
    return new Promise(resolve => {
      this.dialog.addEventListener('close', () => resolve(this.dialog.returnValue === 'yes'), { once: true });
    });
  }
}
