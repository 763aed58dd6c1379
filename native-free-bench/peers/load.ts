// Load by wrk or by autocannon: the same load, the same figures of it.
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import autocannon from 'autocannon';
import type { Ask } from './http.js';

export interface Load extends Ask {
  readonly connections: number;
  /** A connection for each request. */
  readonly closes?: true;
}

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers other than 2xx, connections that failed, and requests without an answer in time. */
  readonly errors: number;
}

export const LOADERS = ['wrk', 'autocannon'] as const;
export type Loader = (typeof LOADERS)[number];

const MILLISECONDS = { us: 0.001, ms: 1, s: 1000, m: 60_000 } as const;

/** Loads `url` for whole seconds. `folder` takes wrk's script. */
export function load(loader: Loader, url: string, what: Load, seconds: number, folder: string): Promise<LoadResult> {
  return loader === 'wrk' ? byWrk(url, what, seconds, folder) : byAutocannon(url, what, seconds);
}

async function byWrk(url: string, what: Load, seconds: number, folder: string): Promise<LoadResult> {
  const { connections, closes, uploadBytes } = what;
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency'];
  if (closes) args.push('-H', 'Connection: close');
  const script = join(folder, 'upload.lua');
  if (uploadBytes !== undefined) {
    writeFileSync(script, `wrk.method = 'POST'\nwrk.body = string.rep('x', ${uploadBytes})\n`);
    args.push('-s', script);
  }
  try {
    return readWrk((await promisify(execFile)('wrk', [...args, url])).stdout);
  } finally {
    rmSync(script, { force: true });
  }
}

/** What wrk prints, as figures. Throws when it is not what wrk prints. */
export function readWrk(text: string): LoadResult {
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
  const percentile = (name: string) => {
    const [, value, unit] = new RegExp(`${name}%\\s+([\\d.]+)(us|ms|s|m)`).exec(text) ?? [];
    if (value === undefined) throw new Error(`wrk says:\n${text}`);
    return Number(value) * MILLISECONDS[unit as keyof typeof MILLISECONDS];
  };
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  return {
    requests: number(/(\d+) requests in/),
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: percentile('50'),
    p99Ms: percentile('99'),
    errors: sockets.reduce((sum, count) => sum + Number(count), number(/Non-2xx or 3xx responses: (\d+)/)),
  };
}

async function byAutocannon(url: string, what: Load, duration: number): Promise<LoadResult> {
  const { connections, closes, uploadBytes } = what;
  const result = await autocannon({
    url,
    connections,
    duration,
    ...(closes ? { headers: { connection: 'close' } } : {}),
    ...(uploadBytes === undefined ? {} : { method: 'POST' as const, body: Buffer.alloc(uploadBytes, 'x') }),
  });
  return {
    requests: result['2xx'],
    requestsPerSecond: result['2xx'] / result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    errors: result.errors + result.timeouts + result.non2xx,
  };
}
