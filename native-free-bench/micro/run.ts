// npm run bench: every suite proves that its candidates agree, then times them in shuffled order, round after round.
// Prints the median time and the garbage of one piece of work, and the peak memory at the end.
import { deepStrictEqual } from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Bench } from 'tinybench';
import { configSuite } from './config.js';
import { encodeSuite } from './encode.js';
import { environSuite, findSuite } from './environ.js';
import { framingSuite, headSuite, targetSuite } from './http.js';
import { bucketSuite, dateSuite } from './observe.js';
import { packetSuite } from './packet.js';
import { chunkedSuite, requestHeadSuite } from './request-head.js';
import { laneSuite, ringSuite } from './ring.js';
import type { Candidate, Suite } from './suite.js';

const SUITES: readonly Suite[] = [
  packetSuite,
  environSuite,
  findSuite,
  encodeSuite,
  framingSuite,
  targetSuite,
  headSuite,
  requestHeadSuite,
  chunkedSuite,
  ringSuite,
  laneSuite,
  bucketSuite,
  dateSuite,
  configSuite,
];

/** Pieces of work between two looks at the clock: one alone is shorter than the look. */
const BATCH = 1000;
const ROUNDS = 5;
const ROUND_MS = 100;
/** Few enough that no garbage collection falls into the count. */
const GARBAGE_OPERATIONS = 500;
/** Of long work: how often it is done at least in a round, and before it. */
const LONG_ITERATIONS = 3;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let kept: unknown;

function runBatch(candidate: Candidate, operations: number, turns: number): void {
  const { run } = candidate;
  for (let i = 0, turn = 0; i < operations; i++) {
    kept = run(turn);
    turn = turn + 1 === turns ? 0 : turn + 1;
  }
}

function proveEqual(suite: Suite): void {
  const [reference, ...others] = suite.candidates as readonly [Candidate, ...Candidate[]];
  for (let turn = 0; turn < suite.turns; turn++) {
    const expected = reference.result(turn);
    for (const other of others) deepStrictEqual(other.result(turn), expected, `${suite.name}: ${other.name} differs`);
  }
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

async function time(suite: Suite): Promise<Map<string, number[]>> {
  const nanoseconds = new Map(suite.candidates.map(({ name }) => [name, [] as number[]]));
  const batch = suite.isLong ? 1 : BATCH;
  const least = suite.isLong ? { iterations: LONG_ITERATIONS, warmupIterations: LONG_ITERATIONS } : {};
  for (let round = 0; round < ROUNDS; round++) {
    const bench = new Bench({ time: ROUND_MS, warmupTime: ROUND_MS / 2, ...least });
    for (const candidate of shuffled(suite.candidates)) {
      bench.add(candidate.name, () => runBatch(candidate, batch, suite.turns));
    }
    for (const { name, result } of await bench.run()) {
      if (result.state !== 'completed') throw new Error(`${suite.name}: ${name} ended ${result.state}`);
      nanoseconds.get(name)?.push((result.latency.p50 * 1e6) / batch);
    }
  }
  return nanoseconds;
}

/** Bytes of heap that one piece of work leaves behind. */
function garbage(candidate: Candidate, { turns, isLong }: Suite): number {
  const operations = isLong ? 1 : GARBAGE_OPERATIONS;
  const samples: number[] = [];
  for (let i = 0; i < 9; i++) {
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    runBatch(candidate, operations, turns);
    samples.push((process.memoryUsage().heapUsed - before) / operations);
  }
  return median(samples);
}

for (const suite of shuffled(SUITES)) {
  proveEqual(suite);
  const times = await time(suite);
  console.log(`\n${suite.name}`);
  for (const candidate of suite.candidates) {
    const ns = median(times.get(candidate.name) as number[]);
    const bytes = garbage(candidate, suite);
    console.log(`  ${candidate.name.padEnd(34)} ${ns.toFixed(0).padStart(8)} ns ${bytes.toFixed(0).padStart(7)} B`);
  }
}
if (kept === undefined) throw new Error('Nothing was timed');
console.log(`\npeak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB, Node ${process.version}`);
