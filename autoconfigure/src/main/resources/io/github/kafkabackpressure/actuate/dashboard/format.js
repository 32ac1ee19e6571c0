// Numbers and times as people read them.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** Shown where something is not known. */
export const NOTHING = '–';

export function count(value) {
  return value === null || value === undefined ? NOTHING : whole.format(value);
}

/** A count where there is little room. */
export function short(value) {
  return value < 100_000 ? count(value) : compact.format(value);
}

export function perSecond(value) {
  return value === null || value === undefined ? NOTHING : value > 0 && value < 10 ? fine.format(value) : whole.format(value);
}

export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

/** Several shares of one whole, rounded so that they add up; the unit once, as it says the same of each. */
export function percents(...shares) {
  const rounded = shares.map(share => Math.floor(share * 100));
  let missing = Math.round(shares.reduce((sum, share) => sum + share, 0) * 100) - rounded.reduce((sum, one) => sum + one, 0);
  const byRemainder = shares.map((share, at) => [share * 100 - rounded[at], at]).sort((one, other) => other[0] - one[0]);
  for (const [, at] of byRemainder) {
    if (missing-- > 0) {
      rounded[at]++;
    }
  }
  return `${rounded.join(' · ')} %`;
}

export function bytes(value) {
  if (value === null || value === undefined) {
    return NOTHING;
  }
  const units = ['B', 'KB', 'MB', 'GB'];
  let unit = 0;
  let shown = value;
  while (shown >= 1024 && unit < units.length - 1) {
    shown /= 1024;
    unit++;
  }
  return `${unit === 0 ? whole.format(shown) : fine.format(shown)} ${units[unit]}`;
}

/** Milliseconds in the largest unit that is not below 1. */
export function duration(millis) {
  if (millis === null || millis === undefined) {
    return NOTHING;
  }
  if (millis < 1000) {
    return `${millis > 0 && millis < 10 ? fine.format(millis) : whole.format(millis)} ms`;
  }
  const seconds = millis / 1000;
  if (seconds < 100) {
    return `${seconds < 10 ? fine.format(seconds) : whole.format(seconds)} s`;
  }
  const minutes = seconds / 60;
  return minutes < 100 ? `${whole.format(minutes)} min` : `${whole.format(minutes / 60)} h`;
}

export function clock(moment) {
  return new Date(moment).toLocaleTimeString('en-GB');
}

/** As people say it: max-in-flight becomes "max in flight". */
export function words(name) {
  return name ? name.replaceAll('-', ' ') : NOTHING;
}
