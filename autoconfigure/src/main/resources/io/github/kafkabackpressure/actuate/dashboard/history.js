// What each listener showed in the last hour, a sample a second, in arrays of a fixed size: a tab that is left open for
// days holds no more than one that is an hour old.

const SECONDS = 3600;

const FIELDS = ['time', 'inFlight', 'limit', 'resume', 'finished', 'arrived', 'failed', 'queueP50', 'queueP99',
  'handlingP50', 'handlingP99', 'paused', 'busy'];

class Ring {
  constructor() {
    this.values = Object.fromEntries(FIELDS.map(field => [field, new Float64Array(SECONDS)]));
    this.next = 0;
    this.size = 0;
  }

  add(sample) {
    for (const field of FIELDS) {
      this.values[field][this.next] = sample[field] ?? NaN;
    }
    this.next = (this.next + 1) % SECONDS;
    this.size = Math.min(this.size + 1, SECONDS);
  }

  /** The newest samples of a field, the oldest first. NaN becomes null, which is a gap in a plot. */
  last(field, samples) {
    const wanted = Math.min(samples, this.size);
    const values = this.values[field];
    const out = new Array(wanted);
    for (let at = 0; at < wanted; at++) {
      const value = values[(this.next - wanted + at + SECONDS) % SECONDS];
      out[at] = Number.isNaN(value) ? null : value;
    }
    return out;
  }
}

export class History {
  constructor() {
    this.rings = new Map();
  }

  /** Takes in an answer of the endpoint. */
  add(answer) {
    const time = Date.parse(answer.time) / 1000;
    const present = new Set();
    for (const listener of answer.listeners) {
      present.add(listener.id);
      let ring = this.rings.get(listener.id);
      if (!ring) {
        ring = new Ring();
        this.rings.set(listener.id, ring);
      }
      ring.add(sampleOf(listener, time));
    }
    for (const id of this.rings.keys()) {
      if (!present.has(id)) {
        this.rings.delete(id);
      }
    }
  }

  /** The newest samples of a listener's field, the oldest first. */
  last(id, field, samples) {
    return this.rings.get(id)?.last(field, samples) ?? [];
  }
}

function sampleOf(listener, time) {
  const recent = listener.recent;
  return {
    time,
    inFlight: listener.inFlight,
    limit: listener.limits.maxInFlight,
    resume: listener.limits.resumeBelow,
    finished: recent.finishedPerSecond,
    arrived: recent.arrivedPerSecond,
    failed: recent.failedPerSecond,
    queueP50: recent.queueWaitMillis.p50,
    queueP99: recent.queueWaitMillis.p99,
    handlingP50: recent.handlingMillis.p50,
    handlingP99: recent.handlingMillis.p99,
    paused: pausedShare(recent) * 100,
    busy: recent.busy * 100
  };
}

/** The share of the last seconds in which a listener was paused, for whatever reason. */
export function pausedShare(recent) {
  return Object.values(recent.paused).reduce((sum, share) => sum + share, 0);
}
