// What `top` shows: lines of text made of two looks at the stats. No terminal is touched here. Whatever comes from the server, and so
// perhaps from one of its clients, passes `plain`: `line` sees to it, of what should be numbers, too.
import { difference, formatBytes, formatNumber, formatTime, quantile, rate } from '../page/rates.js';
import type { ForeignStats } from './read-stats.js';

export const SORTS = { w: 'worker', r: 'requests/s', m: 'memory', l: 'latency', a: 'age' } as const;
export type SortKey = keyof typeof SORTS;

export interface Look {
  readonly stats: ForeignStats;
  /** Milliseconds of a monotonic clock. */
  readonly atMs: number;
}

export interface View {
  readonly name: string;
  readonly look: Look | undefined;
  readonly before: Look | undefined;
  /** What went wrong with the last look. */
  readonly error: string | undefined;
  readonly sort: SortKey;
  readonly isFrozen: boolean;
  readonly columns: number;
  readonly rows: number;
}

export interface Line {
  readonly text: string;
  readonly style: 'plain' | 'head' | 'alarm' | 'faint';
}

const EVENTS_SHOWN = 6;
/** A request that has run longer than this is worth a colour. */
const LONG_MS = 1000;

/** The screen's lines, not more than it has rows, none wider than its columns. */
export function draw(view: View): Line[] {
  const lines = view.look === undefined ? waiting(view) : [...summary(view, view.look), ...workers(view, view.look)];
  const events = view.look === undefined ? [] : recent(view.look);
  const room = Math.max(0, view.rows - 1 - (events.length > 0 ? events.length + 1 : 0));
  const shown = [...lines.slice(0, room), ...(events.length > 0 ? [line(''), ...events] : [])];
  const keys = Object.entries(SORTS).map(([key, name]) => (key === view.sort ? `[${key} ${name}]` : `${key} ${name}`));
  shown.push(line(`sort: ${keys.join('  ')}   space ${view.isFrozen ? 'go on' : 'freeze'}   q quit`, 'faint'));
  return shown.slice(0, view.rows).map(({ text, style }) => ({ text: text.slice(0, view.columns), style }));
}

function waiting({ name, error }: View): Line[] {
  return [line(`${name}: ${error ?? 'connecting...'}`, error === undefined ? 'plain' : 'alarm')];
}

function summary({ name, error, before }: View, { stats, atMs }: Look): Line[] {
  const { fastwsgi: own } = stats;
  const ms = before === undefined ? 0 : atMs - before.atMs;
  const requests = total(stats.workers, 'requests');
  const perSecond = rate(requests, before && total(before.stats.workers, 'requests'), ms);
  const traffic = rate(total(stats.workers, 'tx'), before && total(before.stats.workers, 'tx'), ms);
  const state = own === undefined ? '' : `   ${own.state}   up ${formatTime((own.now_ms - own.started_ms) * 1000)}`;
  const reloads = own === undefined ? '' : `   reloads ${own.reloads.done} (${own.reloads.failed} failed)`;
  const lines = [
    line(
      `${own === undefined ? 'uWSGI' : 'fastwsgi-ts'} ${stats.version} at ${name}   pid ${stats.pid}${state}${reloads}`,
    ),
    line(
      `requests ${requests}   ${formatNumber(perSecond)}/s   sent ${formatBytes(traffic)}/s   ` +
        `exceptions ${total(stats.workers, 'exceptions')}   harakiris ${total(stats.workers, 'harakiri_count')}   ` +
        `backlog ${stats.listen_queue}${own === undefined ? '' : `   waiting ${waitingOf(own)}   in flight ${own.in_flight}`}`,
    ),
  ];
  if (own !== undefined) lines.push(line(latencies(own, before?.stats.fastwsgi)), line(outcomes(own)));
  if (error !== undefined) lines.push(line(`LOST: ${error}: what is shown is old, trying again`, 'alarm'));
  return [...lines, line('')];
}

type Own = NonNullable<ForeignStats['fastwsgi']>;

function waitingOf({ fronts }: Own): number {
  return fronts.reduce((sum, { queued }) => sum + queued, 0);
}

/** Of the time since the look before. */
function latencies({ latency, rss }: Own, before: Own | undefined): string {
  const { bounds } = latency;
  const application = difference(latency.application, before?.latency.application);
  const queue = difference(latency.queue, before?.latency.queue);
  const at = (counts: readonly number[], q: number) => formatTime(quantile(bounds, counts, q));
  return (
    `latency p50 ${at(application, 0.5)}  p95 ${at(application, 0.95)}  p99 ${at(application, 0.99)}   ` +
    `queue p50 ${at(queue, 0.5)}  p99 ${at(queue, 0.99)}   process ${formatBytes(rss)}`
  );
}

function outcomes({ workers: all, fronts }: Own): string {
  const classes = [1, 2, 3, 4, 5].map((at) => ({
    at,
    count: all.reduce((sum, { by_status }) => sum + (by_status[at] ?? 0), 0),
  }));
  const byWorkers = classes.filter(({ count }) => count > 0).map(({ at, count }) => `${at}xx ${count}`);
  const own = fronts.flatMap(({ answers }) => answers.map(({ status, count }) => `${status} ${count}`));
  const lost = fronts.flatMap(({ unanswered }) =>
    unanswered.filter(({ count }) => count > 0).map(({ cause, count }) => `${cause} ${count}`),
  );
  const local = fronts.reduce((sum, front) => sum + front.local.requests, 0);
  const part = (name: string, list: readonly string[]) => (list.length === 0 ? '' : `${name} ${list.join('  ')}   `);
  const files = part('files and routes', local === 0 ? [] : [String(local)]);
  return `${part('answers', byWorkers)}${files}${part('by the server itself', own)}${part('unanswered', lost)}`.trimEnd();
}

type Worker = ForeignStats['workers'][number];

interface Row {
  readonly worker: Worker;
  readonly perSecond: number;
  readonly ageMs: number;
  readonly doing: string;
}

const HEAD = ' WID STATUS   REQ/S   REQUESTS   EXC  HARA       AVG       MEM    SENT  SPAWNS       AGE  DOING';

function workers(view: View, look: Look): Line[] {
  const rows = look.stats.workers.map((worker) => rowOf(worker, look, view.before));
  rows.sort((a, b) => order(view.sort, a, b) || a.worker.id - b.worker.id);
  return [line(HEAD.padEnd(view.columns), 'head'), ...rows.map(rowLine)];
}

function rowOf(worker: Worker, { stats, atMs }: Look, before: Look | undefined): Row {
  const earlier = before?.stats.workers.find(({ id }) => id === worker.id);
  const perSecond = rate(worker.requests, earlier?.requests, before === undefined ? 0 : atMs - before.atMs);
  const running = stats.fastwsgi?.workers.find(({ id }) => id === worker.id)?.running ?? [];
  const [oldest] = running;
  const core = worker.cores.find(
    ({ id, in_request }) => in_request > 0 && (oldest === undefined || oldest.core === id),
  );
  if (core === undefined) return { worker, perSecond, ageMs: 0, doing: '' };
  const value = (name: string) => core.vars.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1) ?? '-';
  const more = running.length > 1 ? ` (+${running.length - 1})` : '';
  const ageMs = oldest?.age_ms ?? Date.now() - (core.req_info.request_start ?? 0) * 1000;
  return {
    worker,
    perSecond,
    ageMs,
    doing: `${value('REQUEST_METHOD')} ${value('REQUEST_URI')} ${value('REMOTE_ADDR')}${more}`,
  };
}

function order(sort: SortKey, a: Row, b: Row): number {
  switch (sort) {
    case 'w':
      return 0;
    case 'r':
      return b.perSecond - a.perSecond;
    case 'm':
      return b.worker.rss - a.worker.rss;
    case 'l':
      return b.worker.avg_rt - a.worker.avg_rt;
    case 'a':
      return b.ageMs - a.ageMs;
    default:
      return sort satisfies never;
  }
}

function rowLine({ worker, perSecond, ageMs, doing }: Row): Line {
  const cells = [
    String(worker.id).padStart(4),
    worker.status.padEnd(6),
    formatNumber(perSecond).padStart(7),
    String(worker.requests).padStart(10),
    String(worker.exceptions).padStart(5),
    String(worker.harakiri_count).padStart(5),
    formatTime(worker.avg_rt).padStart(9),
    formatBytes(worker.rss).padStart(9),
    formatBytes(worker.tx).padStart(7),
    String(worker.respawn_count).padStart(7),
    (doing === '' ? '' : formatTime(ageMs * 1000)).padStart(9),
    ` ${doing}`,
  ];
  return line(cells.join(' '), ageMs > LONG_MS ? 'alarm' : worker.status === 'cheap' ? 'faint' : 'plain');
}

function recent({ stats }: Look): Line[] {
  const events = stats.fastwsgi?.events ?? [];
  return events
    .slice(-EVENTS_SHOWN)
    .reverse()
    .map(({ at_ms, kind, worker, text }) => {
      const who = worker === 0 ? '' : ` worker ${worker}`;
      const isBad = kind === 'harakiri' || kind === 'death' || kind === 'reload-failed';
      const time = new Date(at_ms).toTimeString().slice(0, 8);
      return line(`${time} ${kind}${who} ${text}`.trimEnd(), isBad ? 'alarm' : 'faint');
    });
}

function total(all: readonly Worker[], key: 'requests' | 'tx' | 'exceptions' | 'harakiri_count'): number {
  return all.reduce((sum, worker) => sum + worker[key], 0);
}

function line(text: string, style: Line['style'] = 'plain'): Line {
  return { text: plain(text), style };
}

/** One column for each character: nothing that a terminal would obey, or draw in another width or direction. */
export function plain(text: string): string {
  return text.replace(/[^\x20-\x7eµ]/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}
