// Load by wrk, where it is installed: it takes less of the machine than a client in JavaScript.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Round } from './rounds.js';
import type { Contestant } from './servers.js';

const MILLISECONDS = { us: 0.001, ms: 1, s: 1000 } as const;

/** Loads for `seconds`. Throws when an answer is not 2xx or a connection fails. */
export async function measureByWrk(
  { name, url }: Contestant,
  connections: number,
  seconds: number,
): Promise<Round & { readonly requests: number }> {
  const { stdout } = await promisify(execFile)('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', url]);
  const [, rate] = /Requests\/sec:\s+([\d.]+)/.exec(stdout) ?? [];
  const [, requests] = /(\d+) requests in/.exec(stdout) ?? [];
  const [, p99, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  if (rate === undefined || p99 === undefined || /Non-2xx|Socket errors/.test(stdout)) {
    throw new Error(`${name}: ${stdout}`);
  }
  return {
    requestsPerSecond: Number(rate),
    requests: Number(requests),
    p99Ms: Number(p99) * MILLISECONDS[unit as keyof typeof MILLISECONDS],
  };
}
