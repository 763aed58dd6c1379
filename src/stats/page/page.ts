// The page on the stats address, in a browser: reads the JSON every second and shows it. Everything that comes from the server
// is set as text, never as markup: some of it was written by clients.
import type { EventJson, StatsJson, WorkerJson } from '../stats-json.js';
import { type Chart, drawChart } from './chart.js';
import { difference, formatBytes, formatNumber, formatTime, quantile, rate } from './rates.js';

const EVERY_MS = 1000;
const GIVE_UP_MS = 5000;
/** Five minutes. */
const SAMPLES_MAX = 300;
/** The charts show no less. */
const SPAN_MIN_MS = 60_000;
const LONG_MS = 1000;
const EVENTS_SHOWN = 40;

interface Sample {
  readonly atMs: number;
  readonly perSecond: number;
  readonly quantiles: readonly (number | undefined)[];
}

const samples: Sample[] = [];
const open = new Set<number>();
let last: { readonly stats: StatsJson; readonly atMs: number } | undefined;
let isFrozen = false;

const freeze = byId('freeze');
freeze.addEventListener('click', () => {
  isFrozen = !isFrozen;
  freeze.setAttribute('aria-pressed', String(isFrozen));
  freeze.textContent = isFrozen ? 'Go on' : 'Freeze';
});

void tick();

async function tick(): Promise<void> {
  // Nobody looks: nothing is asked.
  if (!isFrozen && !document.hidden) await look();
  setTimeout(() => void tick(), EVERY_MS);
}

async function look(): Promise<void> {
  try {
    const headers = { accept: 'application/json' };
    const response = await fetch('./', { headers, cache: 'no-store', signal: AbortSignal.timeout(GIVE_UP_MS) });
    if (!response.ok) throw new Error(String(response.status));
    show((await response.json()) as StatsJson, performance.now());
  } catch {
    setBadge(byId('state'), 'lost');
    setText('about', 'the server does not answer; what is shown is old');
  }
}

function show(stats: StatsJson, atMs: number): void {
  const before = last;
  last = { stats, atMs };
  const { fastwsgi: own } = stats;
  const ms = before === undefined ? 0 : atMs - before.atMs;
  const perSecond = rate(requestsOf(stats), before && requestsOf(before.stats), ms);
  const application = difference(own.latency.application, before?.stats.fastwsgi.latency.application);
  const quantiles = [0.5, 0.95, 0.99].map((q) => quantile(own.latency.bounds, application, q));
  // The first look is at all that was before: it has no place in time.
  if (before !== undefined) samples.push({ atMs: own.now_ms, perSecond, quantiles });
  if (samples.length > SAMPLES_MAX) samples.shift();
  setText('version', stats.version);
  setBadge(byId('state'), own.state);
  setText('about', `pid ${stats.pid}, up ${formatTime((own.now_ms - own.started_ms) * 1000)}`);
  showTiles(stats, perSecond, quantiles);
  showCharts(own.events, own.now_ms);
  showWorkers(stats, before?.stats, ms);
  showEvents(own.events);
  showSockets(stats);
}

/** Answered by workers, out of files, or by routes. */
function requestsOf({ workers, fastwsgi }: StatsJson): number {
  const all = [...workers, ...fastwsgi.fronts.map(({ local }) => local)];
  return all.reduce((sum, { requests }) => sum + requests, 0);
}

// ---- tiles

function showTiles(stats: StatsJson, perSecond: number, quantiles: readonly (number | undefined)[]): void {
  const { fastwsgi: own, workers } = stats;
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const waiting = sum(own.fronts.map(({ queued }) => queued)) + sum(stats.sockets.map(({ queue }) => queue));
  const refused = sum(
    own.fronts.flatMap(({ answers, unanswered }) => [...answers, ...unanswered].map(({ count }) => count)),
  );
  const tiles: readonly (readonly [string, string])[] = [
    ['requests per second', formatNumber(perSecond)],
    ['requests', String(requestsOf(stats))],
    ['running / waiting', `${own.in_flight} / ${waiting}`],
    ['latency p50', formatTime(quantiles[0])],
    ['latency p99', formatTime(quantiles[2])],
    ['5xx', String(sum(own.workers.map(({ by_status }) => by_status[5] ?? 0)))],
    ['not answered by a worker', String(refused)],
    ['harakiris', String(sum(workers.map(({ harakiri_count }) => harakiri_count)))],
    ['memory', formatBytes(own.rss)],
    ['reloads', `${own.reloads.done}${own.reloads.failed > 0 ? ` (${own.reloads.failed} failed)` : ''}`],
  ];
  const list = tiles.map(([name, value]) => {
    const tile = element('div', 'tile');
    tile.append(element('b', '', value), element('span', '', name));
    return tile;
  });
  byId('tiles').replaceChildren(...list);
}

// ---- charts

function showCharts(events: readonly EventJson[], nowMs: number): void {
  const marks = events
    .map(({ at_ms, kind }) => ({ atMs: at_ms, kind: markOf(kind) }))
    .filter((mark): mark is { atMs: number; kind: string } => mark.kind !== undefined);
  const [oldest] = samples;
  const spanMs = Math.max(SPAN_MIN_MS, nowMs - (oldest?.atMs ?? nowMs));
  const common = { toMs: nowMs, spanMs, marks };
  const latency: Chart = {
    ...common,
    format: formatTime,
    series: ['p50', 'p95', 'p99'].map((name, at) => ({
      name,
      points: samples.map(({ atMs, quantiles }) => ({ atMs, value: quantiles[at] })),
    })),
  };
  const points = samples.map(({ atMs, perSecond }) => ({ atMs, value: perSecond }));
  drawChart(byId('latency'), latency);
  drawChart(byId('requests'), { ...common, format: formatNumber, series: [{ name: 'p50', points }] });
}

function markOf(kind: string): string | undefined {
  if (kind === 'reload' || kind === 'reload-failed') return 'reload';
  return kind === 'harakiri' || kind === 'death' ? 'harakiri' : undefined;
}

// ---- workers

function showWorkers(stats: StatsJson, before: StatsJson | undefined, ms: number): void {
  const rows = stats.workers.map((worker) => {
    const earlier = before?.workers.find(({ id }) => id === worker.id);
    return workerRow(worker, stats, rate(worker.requests, earlier?.requests, ms));
  });
  const box = byId('workers');
  // The keyboard stays where it is.
  const focused = box.contains(document.activeElement) ? document.activeElement?.id : undefined;
  box.replaceChildren(...rows);
  if (focused !== undefined && focused !== '') document.getElementById(focused)?.focus();
}

function workerRow(worker: WorkerJson, { fastwsgi }: StatsJson, perSecond: number): HTMLElement {
  const own = fastwsgi.workers.find(({ id }) => id === worker.id);
  const row = document.createElement('details');
  row.open = open.has(worker.id);
  row.addEventListener('toggle', () => (row.open ? open.add(worker.id) : open.delete(worker.id)));
  const summary = element('summary');
  summary.id = `worker-${worker.id}`;
  const status = element('span', 'badge');
  setBadge(status, worker.status);
  const [oldest] = own?.running ?? [];
  const core = worker.cores.find(
    ({ id, in_request }) => in_request > 0 && (oldest === undefined || oldest.core === id),
  );
  const value = (name: string) => core?.vars.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1) ?? '-';
  const ageMs = oldest?.age_ms ?? 0;
  const more = (own?.running.length ?? 0) > 1 ? ` and ${(own?.running.length ?? 0) - 1} more` : '';
  const doing =
    core === undefined ? '' : `${formatTime(ageMs * 1000)} ${value('REQUEST_METHOD')} ${value('REQUEST_URI')}${more}`;
  summary.append(
    element('span', '', `worker ${worker.id}`),
    status,
    withUnit(formatNumber(perSecond), '/s'),
    withUnit(String(worker.requests), 'requests'),
    withUnit(formatTime(worker.avg_rt), 'mean'),
    withUnit(formatBytes(worker.rss), ''),
    withUnit(String(worker.harakiri_count), worker.harakiri_count === 1 ? 'harakiri' : 'harakiris'),
    element('span', ageMs > LONG_MS ? 'doing long' : 'doing', doing),
  );
  const facts = [
    `${worker.exceptions} exceptions, ${worker.respawn_count} threads so far, the last since ${new Date(worker.last_spawn * 1000).toLocaleString()}`,
    `sent ${formatBytes(worker.tx)}, received ${formatBytes(own?.rx ?? 0)}, event loop ${own?.stalled_ms ? `has not turned for ${own.stalled_ms} ms` : 'turns'}`,
  ];
  row.append(summary, element('pre', '', [...facts, '', ...(core?.vars ?? ['no request runs'])].join('\n')));
  return row;
}

function withUnit(text: string, unit: string): HTMLElement {
  const span = element('span', '', text);
  span.dataset.unit = unit;
  return span;
}

// ---- the rest

function showEvents(events: readonly EventJson[]): void {
  const items = events
    .slice(-EVENTS_SHOWN)
    .reverse()
    .map(({ at_ms, kind, worker, text }) => {
      const item = element('li', markOf(kind) === 'harakiri' || kind === 'reload-failed' ? 'bad' : '');
      const time = document.createElement('time');
      time.textContent = new Date(at_ms).toLocaleTimeString();
      item.append(
        time,
        element('b', '', worker === 0 ? kind : `${kind} of worker ${worker}`),
        element('span', '', text),
      );
      return item;
    });
  byId('events').replaceChildren(...items);
}

function showSockets({ sockets, fastwsgi }: StatsJson): void {
  const lines = sockets.map(({ name, proto, queue, max_queue }) => {
    const line = element('div', 'socket');
    line.append(
      element('span', '', proto),
      element('b', '', name),
      element('span', '', `backlog ${queue} of ${max_queue}`),
    );
    return line;
  });
  const fronts = fastwsgi.fronts
    .filter(({ accepted }) => accepted > 0)
    .map(({ name, accepted, open: connections, queued, answers, unanswered }) => {
      const list = [
        ...answers.map(({ status, cause, count }) => `${count} answered ${status} (${cause})`),
        ...unanswered.filter(({ count }) => count > 0).map(({ cause, count }) => `${count} unanswered (${cause})`),
      ];
      const text = `${name} thread: ${accepted} connections, ${connections} open, ${queued} requests wait${list.length > 0 ? '; ' : ''}${list.join(', ')}`;
      return element('div', 'socket empty', text);
    });
  byId('sockets').replaceChildren(...lines, ...fronts);
}

function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no ${id}`);
  return found;
}

function setText(id: string, text: string): void {
  byId(id).textContent = text;
}

function setBadge(badge: HTMLElement, state: string): void {
  // A class name of our own making: letters and dashes only.
  badge.className = `badge ${state.replace(/[^a-z-]/g, '')}`;
  badge.textContent = state;
}

function element(name: string, className = '', text = ''): HTMLElement {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  if (text !== '') made.textContent = text;
  return made;
}
