// The plots of one listener, by uPlot.

import uPlot from './uplot.js';
import { element } from './dom.js';
import { count, duration, NOTHING, perSecond } from './format.js';

const HEIGHT = 190;

/** Seconds between the marks of the time: never less than what the labels tell apart. */
const STEPS = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** A plot of some fields of a listener's history. */
export class Plot {
  /**
   * @param series each with a field, a label, a colour's name in the style sheet, and maybe a dash
   * @param show how a value is written
   */
  constructor(title, series, show) {
    this.series = series;
    this.show = show;
    this.place = element('div', { class: 'plot' });
    this.root = element('section', { class: 'panel', 'aria-label': title }, element('h3', {}, title), this.place);
    this.dark = window.matchMedia('(prefers-color-scheme: dark)');
    this.redraw = () => this.destroy();
    this.dark.addEventListener('change', this.redraw);
    this.watch = new ResizeObserver(() => {
      if (this.plot && this.place.clientWidth > 0 && this.place.clientWidth !== this.plot.width) {
        this.plot.setSize({ width: this.place.clientWidth, height: HEIGHT });
      }
    });
    this.watch.observe(this.place);
  }

  update(history, id, seconds) {
    const times = history.last(id, 'time', seconds);
    if (times.length < 2 || this.place.clientWidth === 0) {
      return;
    }
    const data = [times, ...this.series.map(one => history.last(id, one.field, seconds))];
    if (this.plot) {
      this.plot.setData(data);
    } else {
      this.plot = new uPlot(this.options(), data, this.place);
    }
  }

  options() {
    const style = getComputedStyle(document.documentElement);
    const colour = name => style.getPropertyValue(`--${name}`).trim();
    const axis = { stroke: colour('quiet'), grid: { stroke: colour('track'), width: 1 }, ticks: { show: false } };
    return {
      width: this.place.clientWidth,
      height: HEIGHT,
      scales: { y: { range: (plot, low, high) => [0, Math.max(1, high ?? 1) * 1.05] } },
      axes: [
        { ...axis, size: 30, incrs: STEPS, values: (plot, ticks, index, space, step) => ticks.map(tick =>
          new Date(tick * 1000).toLocaleTimeString('en-GB').slice(0, step < 60 ? 8 : 5)) },
        { ...axis, size: 62, values: (plot, ticks) => ticks.map(this.show) }],
      series: [
        { label: 'Time', value: (plot, time) => new Date((time ?? plot.data[0].at(-1)) * 1000).toLocaleTimeString('en-GB') },
        ...this.series.map(one => ({
          label: one.label,
          stroke: colour(one.colour),
          width: 1.5,
          dash: one.dash,
          points: { show: false },
          // The newest one, unless the pointer is on another.
          value: (plot, value, at, index) => {
            const shown = index === null || index === undefined ? plot.data[at].at(-1) : value;
            return shown === null || shown === undefined ? NOTHING : this.show(shown);
          }
        }))]
    };
  }

  destroy() {
    this.plot?.destroy();
    this.plot = undefined;
  }

  close() {
    this.destroy();
    this.watch.disconnect();
    this.dark.removeEventListener('change', this.redraw);
  }
}

const DASH = [6, 4];

const DOTS = [2, 3];

/** All plots of a listener. */
export function plotsOfListener() {
  return [
    new Plot('In flight', [
      { field: 'inFlight', label: 'in flight', colour: 'accent' },
      { field: 'limit', label: 'limit', colour: 'bad', dash: DASH },
      { field: 'resume', label: 'resumed at', colour: 'paused', dash: DOTS }], count),
    new Plot('Throughput per second', [
      { field: 'finished', label: 'handled', colour: 'busy' },
      { field: 'arrived', label: 'arriving', colour: 'accent', dash: DASH },
      { field: 'failed', label: 'failed attempts', colour: 'bad', dash: DOTS }], perSecond),
    new Plot('Queue wait and handling', [
      { field: 'queueP50', label: 'wait p50', colour: 'accent' },
      { field: 'queueP99', label: 'wait p99', colour: 'accent', dash: DASH },
      { field: 'handlingP50', label: 'handling p50', colour: 'busy' },
      { field: 'handlingP99', label: 'handling p99', colour: 'busy', dash: DASH }], duration),
    new Plot('Share of time in percent', [
      { field: 'paused', label: 'paused', colour: 'paused' },
      { field: 'busy', label: 'busy', colour: 'busy', dash: DASH }], count)];
}
