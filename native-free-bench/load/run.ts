// npm run bench:load: keep-alive hello world over HTTP, under autocannon: the server without its native parts against bare
// node:http on one thread and against a server that calls piscina.run() for every request. Proves that they answer alike,
// then measures in shuffled order, round after round; prints medians, ratios and peak memory.
//   node build-bench/load/run.js [--native] [--http-engine auto] [--workers 1] [--connections 32] [--rounds 5] [--seconds 3] [--wrk]
// autocannon is JavaScript itself and takes a core; where that leaves the server less than it could use, `--wrk` loads with wrk.
import { deepStrictEqual } from 'node:assert/strict';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { median, type Round, shuffled } from './rounds.js';
import { type Contestant, startContestants } from './servers.js';
import { measureByWrk } from './wrk.js';

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

async function measure(contestant: Contestant, duration: number): Promise<Round> {
  return values.wrk ? measureByWrk(contestant, connections, duration) : measureByAutocannon(contestant, duration);
}

async function measureByAutocannon({ name, url }: Contestant, duration: number): Promise<Round> {
  const result = await autocannon({ url, connections, duration });
  const failures = result.errors + result.timeouts + result.non2xx;
  if (failures > 0 || result['2xx'] === 0) throw new Error(`${name}: ${failures} failures, ${result['2xx']} answers`);
  return { requestsPerSecond: result['2xx'] / result.duration, p99Ms: result.latency.p99 };
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
