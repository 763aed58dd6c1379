// A line chart over time as SVG, in a browser: the newest on the right, marks across.

export interface Chart {
  readonly toMs: number;
  readonly spanMs: number;
  readonly marks: readonly { readonly atMs: number; readonly kind: string }[];
  readonly series: readonly {
    /** The class of its line. */
    readonly name: string;
    /** Undefined: nothing was measured; the line has a gap there. */
    readonly points: readonly { readonly atMs: number; readonly value: number | undefined }[];
  }[];
  format(value: number): string;
}

const SVG = 'http://www.w3.org/2000/svg';
const LEFT = 56;
const BOTTOM = 16;
const TOP = 6;
const GRID = 3;

/** Draws into an <svg>, in its own size. */
export function drawChart(target: HTMLElement, chart: Chart): void {
  const { width, height } = target.getBoundingClientRect();
  if (width === 0) return;
  const { toMs, spanMs, series } = chart;
  const values = series.flatMap(({ points }) => points.map(({ value }) => value ?? 0));
  const top = niceMaximum(Math.max(...values, 0));
  const x = (atMs: number) => LEFT + (width - LEFT) * (1 - (toMs - atMs) / spanMs);
  const y = (value: number) => TOP + (height - TOP - BOTTOM) * (1 - value / top);
  const parts: SVGElement[] = [];
  for (let step = 0; step <= GRID; step++) {
    const value = (top * step) / GRID;
    parts.push(make('line', { x1: LEFT, x2: width, y1: y(value), y2: y(value) }));
    parts.push(label(LEFT - 6, y(value) + 4, 'end', chart.format(value)));
  }
  const everyS = spanMs > 150_000 ? 60 : 15;
  parts.push(label(width, height - 3, 'end', 'now'));
  for (let s = everyS; s * 1000 < spanMs; s += everyS) {
    parts.push(label(x(toMs - s * 1000), height - 3, 'middle', s % 60 === 0 ? `-${s / 60} min` : `-${s} s`));
  }
  for (const { atMs, kind } of chart.marks) {
    if (atMs > toMs - spanMs)
      parts.push(make('line', { x1: x(atMs), x2: x(atMs), y1: TOP, y2: height - BOTTOM, class: kind }));
  }
  for (const { name, points } of series) {
    for (const run of runs(points)) {
      const shown = run.length === 1 ? [...run, ...run] : run;
      const list = shown.map(
        ({ atMs, value }, at) => `${x(atMs) + (at === 0 && run.length === 1 ? -2 : 0)},${y(value)}`,
      );
      parts.push(make('polyline', { class: name, points: list.join(' ') }));
    }
  }
  target.setAttribute('viewBox', `0 0 ${width} ${height}`);
  target.replaceChildren(...parts);
}

interface Point {
  readonly atMs: number;
  readonly value: number;
}

/** The pieces between gaps. */
function runs(points: readonly { readonly atMs: number; readonly value: number | undefined }[]): Point[][] {
  const all: Point[][] = [[]];
  for (const { atMs, value } of points) {
    if (value === undefined) all.push([]);
    else all.at(-1)?.push({ atMs, value });
  }
  return all.filter((run) => run.length > 0);
}

/** 1, 2 or 5 times a power of ten, not below `value`. */
function niceMaximum(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10;
  return step * power;
}

function label(x: number, y: number, anchor: string, text: string): SVGElement {
  const made = make('text', { x, y, 'text-anchor': anchor });
  made.textContent = text;
  return made;
}

function make(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
