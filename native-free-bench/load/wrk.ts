// Load by wrk, where it is installed: it takes less of the machine than a client in JavaScript.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Round } from './rounds.js';

const MILLISECONDS = { us: 0.001, ms: 1, s: 1000 } as const;

export interface WrkRound extends Round {
  /** Answered, whatever the status. */
  readonly requests: number;
  /** Refused with another status than 2xx or 3xx, cut, or not answered within wrk's 2 seconds. */
  readonly failed: number;
}

/** Loads for `seconds`, a whole number of them, and counts what fails. */
export async function loadByWrk(url: string, connections: number, seconds: number): Promise<WrkRound> {
  const { stdout } = await promisify(execFile)('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', url]);
  const [, rate] = /Requests\/sec:\s+([\d.]+)/.exec(stdout) ?? [];
  const [, requests] = /(\d+) requests in/.exec(stdout) ?? [];
  const [, p99, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  if (rate === undefined || p99 === undefined) throw new Error(`wrk at ${url}: ${stdout}`);
  const [, refused = '0'] = /Non-2xx or 3xx responses: (\d+)/.exec(stdout) ?? [];
  const [, ...cut] = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout) ?? [];
  return {
    requestsPerSecond: Number(rate),
    requests: Number(requests),
    p99Ms: Number(p99) * MILLISECONDS[unit as keyof typeof MILLISECONDS],
    failed: [refused, ...cut].reduce((sum, count) => sum + Number(count), 0),
  };
}

/** The same of a contestant of whom no request may fail: throws when one does. */
export async function measureByWrk(
  { name, url }: { readonly name: string; readonly url: string },
  connections: number,
  seconds: number,
): Promise<WrkRound> {
  const round = await loadByWrk(url, connections, seconds);
  if (round.failed > 0) throw new Error(`${name}: ${round.failed} of ${round.requests} requests failed`);
  return round;
}
