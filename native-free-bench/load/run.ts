// npm run bench:load: keep-alive hello world over HTTP, under autocannon: the server without its native parts against bare
// node:http on one thread and against a server that calls piscina.run() for every request. Proves that they answer alike,
// then measures in shuffled order, round after round; prints medians, ratios and peak memory.
//   node build-bench/load/run.js [--native] [--http-engine auto] [--workers 1] [--connections 32] [--rounds 5] [--seconds 3] [--wrk]
// autocannon is JavaScript itself and takes a core; where that leaves the server less than it could use, `--wrk` loads with wrk.
import { deepStrictEqual } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import autocannon from 'autocannon';
import { type Contestant, startContestants } from './servers.js';

const { values } = parseArgs({
  options: {
    native: { type: 'boolean', default: false },
    'http-engine': { type: 'string', default: 'auto' },
    workers: { type: 'string', default: '1' },
    connections: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    wrk: { type: 'boolean', default: false },
  },
});
const connections = Number(values.connections);
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const WARM_UP_SECONDS = 1;

interface Round {
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
}

/** What a client can see of an answer, without its date and what concerns the connection only. */
async function answerOf({ url }: Contestant): Promise<unknown> {
  const response = await fetch(url);
  const headers = Object.fromEntries(response.headers);
  return {
    status: `${response.status} ${response.statusText}`,
    type: headers['content-type'],
    length: headers['content-length'],
    body: await response.text(),
  };
}

async function proveEqual(contestants: readonly Contestant[]): Promise<void> {
  const [ours, ...others] = contestants as readonly [Contestant, ...Contestant[]];
  const expected = await answerOf(ours);
  for (const other of others) deepStrictEqual(await answerOf(other), expected, `${other.name} answers differently`);
}

const MILLISECONDS = { us: 0.001, ms: 1, s: 1000 } as const;

async function measureByWrk({ name, url }: Contestant, duration: number): Promise<Round> {
  const { stdout } = await promisify(execFile)('wrk', ['-t1', `-c${connections}`, `-d${duration}s`, '--latency', url]);
  const [, rate] = /Requests\/sec:\s+([\d.]+)/.exec(stdout) ?? [];
  const [, p99, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  if (rate === undefined || p99 === undefined || /Non-2xx|Socket errors/.test(stdout)) {
    throw new Error(`${name}: ${stdout}`);
  }
  return { requestsPerSecond: Number(rate), p99Ms: Number(p99) * MILLISECONDS[unit as keyof typeof MILLISECONDS] };
}

async function measure(contestant: Contestant, duration: number): Promise<Round> {
  return values.wrk ? measureByWrk(contestant, duration) : measureByAutocannon(contestant, duration);
}

async function measureByAutocannon({ name, url }: Contestant, duration: number): Promise<Round> {
  const result = await autocannon({ url, connections, duration });
  const failures = result.errors + result.timeouts + result.non2xx;
  if (failures > 0 || result['2xx'] === 0) throw new Error(`${name}: ${failures} failures, ${result['2xx']} answers`);
  return { requestsPerSecond: result['2xx'] / result.duration, p99Ms: result.latency.p99 };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] as number;
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

const contestants = await startContestants({
  workers: Number(values.workers),
  native: values.native,
  httpEngine: values['http-engine'],
});
await proveEqual(contestants);
for (const contestant of shuffled(contestants)) await measure(contestant, WARM_UP_SECONDS);
const results = new Map<Contestant, Round[]>(contestants.map((contestant) => [contestant, []]));
for (let round = 0; round < rounds; round++) {
  for (const contestant of shuffled(contestants)) results.get(contestant)?.push(await measure(contestant, seconds));
}

console.log(
  `${values.wrk ? 'wrk' : 'autocannon'}, ${connections} connections, ${values.workers} worker(s), ${rounds} rounds of ${seconds} s, Node ${process.version}`,
);
const [ours] = contestants;
const rateOf = (contestant: Contestant | undefined) =>
  median((contestant && results.get(contestant))?.map(({ requestsPerSecond }) => requestsPerSecond) ?? []);
for (const contestant of contestants) {
  const rate = rateOf(contestant);
  const p99 = median(results.get(contestant)?.map(({ p99Ms }) => p99Ms) ?? []);
  const peak = contestant.peakBytes();
  const memory = peak === undefined ? '' : `  peak ${(peak / 2 ** 20).toFixed(0).padStart(4)} MB`;
  const ratio = contestant === ours ? '' : `  ours is ${(rateOf(ours) / rate).toFixed(2)} x that`;
  console.log(
    `  ${contestant.name.padEnd(28)} ${rate.toFixed(0).padStart(7)}/s  p99 ${p99.toFixed(1)} ms${memory}${ratio}`,
  );
}
await Promise.all(contestants.map((contestant) => contestant.stop()));
