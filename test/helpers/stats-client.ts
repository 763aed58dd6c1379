// Reads what a server tells of itself: the stats socket, the metrics, over sockets and HTTP.
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StatsJson } from '../../dist/stats/stats-json.js';
import type { HostPort, RunningServer } from './server.js';

/** Where `stats`, with or without HTTP, or the metrics are served. */
export function boundTo(server: RunningServer, what: 'stats' | 'metrics'): HostPort {
  const [, host = '', port = ''] = new RegExp(`^${what}.* bound to ([\\d.]+):(\\d+)$`, 'm').exec(server.log()) ?? [];
  if (port === '') throw new Error(`The log does not tell where ${what} is:\n${server.log()}`);
  return { host, port: Number(port) };
}

/** All that a stats socket writes until it closes. */
export function readRaw(target: HostPort | { readonly path: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    connect(target)
      .setEncoding('utf8')
      .on('data', (chunk: string) => {
        text += chunk;
      })
      .on('error', reject)
      .on('end', () => resolve(text));
  });
}

export async function readStats(server: RunningServer): Promise<StatsJson> {
  return JSON.parse(await readRaw(boundTo(server, 'stats'))) as StatsJson;
}

/** The stats as soon as `isAsWanted` says so; rejects with the last ones after ten seconds. */
export async function statsWhen(server: RunningServer, isAsWanted: (stats: StatsJson) => boolean): Promise<StatsJson> {
  const deadlineMs = performance.now() + 10_000;
  for (;;) {
    const stats = await readStats(server);
    if (isAsWanted(stats)) return stats;
    if (performance.now() > deadlineMs)
      throw new Error(`The stats stay as they are: ${JSON.stringify({ ...totalsOf(stats), ...stats })}`);
    await sleep(20);
  }
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export function httpAsk(
  target: HostPort,
  path: string,
  headers: OutgoingHttpHeaders = {},
  method = 'GET',
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...target, path, headers, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    outgoing.on('error', reject).end();
  });
}

/** What every request that came in has come to, over all workers and fronts. */
export interface Totals {
  readonly byWorkers: number;
  /** Out of files or by routes. */
  readonly local: number;
  readonly byStatusClass: readonly number[];
  readonly answers: Readonly<Record<string, number>>;
  readonly unanswered: Readonly<Record<string, number>>;
  readonly all: number;
}

export function totalsOf({ workers, fastwsgi }: StatsJson): Totals {
  const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
  const byWorkers = sum(workers.map(({ requests }) => requests));
  const byStatusClass = [0, 1, 2, 3, 4, 5].map((at) =>
    sum(fastwsgi.workers.map(({ by_status }) => by_status[at] ?? 0)),
  );
  const local = sum(fastwsgi.fronts.map((front) => front.local.requests));
  const answers: Record<string, number> = {};
  const unanswered: Record<string, number> = {};
  for (const front of fastwsgi.fronts) {
    for (const { status, count } of front.answers) answers[status] = (answers[status] ?? 0) + count;
    for (const { cause, count } of front.unanswered) unanswered[cause] = (unanswered[cause] ?? 0) + count;
  }
  const all = byWorkers + local + sum(Object.values(answers)) + sum(Object.values(unanswered));
  return { byWorkers, local, byStatusClass, answers, unanswered, all };
}
