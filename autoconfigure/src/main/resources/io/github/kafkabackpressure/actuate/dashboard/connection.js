// One question a second to the endpoint, while the page is seen. What fails is asked again, a little less often.

import { setAttribute, setText } from './dom.js';

const PERIOD = 1000;

const LONGEST_WAIT = 5000;

const TIMEOUT = 10000;

const ENDPOINT = 'kafkabackpressure';

export class Connection {
  /**
   * @param take takes in each answer
   * @param shown tells the listener that is shown with its partitions and all, '' if none is
   */
  constructor(take, shown) {
    this.take = take;
    this.listener = shown;
    this.shown = document.getElementById('connection');
    this.failures = 0;
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) {
        this.ask();
      }
    });
  }

  async ask() {
    clearTimeout(this.timer);
    this.again = this.asking;
    if (document.hidden || this.asking) {
      return;
    }
    this.asking = true;
    const begun = performance.now();
    try {
      const response = await fetch(`${ENDPOINT}?details=${encodeURIComponent(this.listener())}`, {
        headers: { Accept: 'application/json' }, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT)
      });
      if (!response.ok) {
        throw new Error(refusal(response.status));
      }
      const answer = await response.json();
      this.failures = 0;
      this.show('live', `Live, ${new Date(answer.time).toLocaleTimeString('en-GB')}`);
      this.take(answer);
    } catch (failure) {
      this.failures++;
      this.show('lost', failure instanceof TypeError || failure.name === 'TimeoutError'
        ? 'Connection lost; trying again' : failure.message);
    } finally {
      this.asking = false;
      const wait = this.again ? 0 : Math.min(LONGEST_WAIT, PERIOD * Math.max(1, this.failures));
      this.timer = setTimeout(() => this.ask(), Math.max(this.again ? 0 : 100, wait - (performance.now() - begun)));
    }
  }

  show(state, text) {
    setAttribute(this.shown, 'data-state', state);
    // Told to who hears the page only when it changes from one state to the other, not each second.
    setAttribute(this.shown, 'aria-live', state === this.state ? 'off' : 'polite');
    this.state = state;
    setText(this.shown, text);
  }

  /** Writes to the endpoint, and asks at once what came of it; fails with what the application says. */
  async write(path, body) {
    const response = await fetch(`${ENDPOINT}/${path}`, {
      method: 'POST', headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...csrf() },
      body: JSON.stringify(body), signal: AbortSignal.timeout(60000)
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(messageIn(text) ?? refusal(response.status));
    }
    this.ask();
    return text ? JSON.parse(text) : null;
  }
}

function refusal(status) {
  return status === 401 || status === 403 ? 'The application does not let you see or do this'
    : status === 404 ? 'The endpoint kafkabackpressure is not exposed' : `The application answered ${status}`;
}

function messageIn(text) {
  try {
    const answer = JSON.parse(text);
    return answer.message || answer.detail || (answer.status ? null : answer.error) || null;
  } catch {
    return null;
  }
}

/** The token that Spring Security's cookie repository wants back in a header, where the application uses it. */
function csrf() {
  const cookie = document.cookie.split('; ').find(one => one.startsWith('XSRF-TOKEN='));
  return cookie ? { 'X-XSRF-TOKEN': decodeURIComponent(cookie.slice('XSRF-TOKEN='.length)) } : {};
}
