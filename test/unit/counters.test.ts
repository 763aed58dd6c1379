// Counters in shared memory: what a worker counts, what the main thread reads, and how they belong to a worker's number while
// threads come and go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrontLane } from '../../dist/lane/front-lane.js';
import { createLaneMemory } from '../../dist/lane/layout.js';
import { WorkerLane } from '../../dist/lane/worker-lane.js';
import { Counters, type FinishedRequest, type LaneTally } from '../../dist/observe/counters.js';
import { FrontCounters, frontCountersBytes, UNANSWERED } from '../../dist/observe/front-counters.js';
import { BUCKET_BOUNDS_US, BUCKET_COUNT, bucketOf, histogramCount } from '../../dist/observe/histogram.js';
import { WorkerRecords } from '../../dist/observe/worker-records.js';

const CORES = 4;
const REQUEST: FinishedRequest = {
  status: 200,
  sentBytes: 100,
  receivedBytes: 30,
  runMs: 2,
  waitMs: 0.05,
  core: 1,
  isBroken: false,
};

function newCounters(lanes: number): Counters {
  return Counters.create(lanes, CORES);
}

/** Serves one request in a lane of its own, counted by `tally`. */
function serve(tally: LaneTally, request: FinishedRequest = REQUEST): void {
  const memory = createLaneMemory(1, 1);
  const front = new FrontLane(memory, 0);
  const slot = front.take();
  assert.ok(slot !== null);
  front.submit(slot, 0);
  const taken = new WorkerLane(memory).next(0);
  assert.ok(taken !== null);
  tally.prepare(request);
  taken.finish(tally);
}

test('a request is counted when its slot is given back, with all that is known of it', () => {
  const counters = newCounters(2);
  const tally = counters.tally(1);
  tally.prepare(REQUEST);
  assert.equal(counters.requestsTotal, 0);
  serve(tally);
  serve(tally, { ...REQUEST, status: 503, sentBytes: 2 ** 40, core: 3, isBroken: true });
  tally.countException();
  const counts = counters.counts(1);
  assert.deepEqual([counts.requests, counts.exceptions, counters.requests(0)], [2, 1, 0]);
  assert.deepEqual([counts.sentBytes, counts.receivedBytes], [2 ** 40 + 100, 60]);
  assert.deepEqual(counts.byStatus, [0, 0, 1, 0, 0, 1]);
  assert.deepEqual(
    [0, 1, 2, 3].map((core) => counts.coreRequests(core)),
    [0, 1, 0, 1],
  );
  assert.deepEqual([counts.coreWriteErrors(1), counts.coreWriteErrors(3), counts.coresUsed], [0, 1, 4]);
  assert.equal(histogramCount(counts.run), 2);
  assert.equal(counts.run.counts[bucketOf(2000)], 2);
  assert.equal(counts.run.sumUs, 4000);
  assert.equal(counts.wait.counts[0], 2);
  // Of three: what was prepared first was not given back.
  assert.equal(counters.averageRunUs(1), 1750);
});

test('a status that is none of the known classes counts as none', () => {
  const counters = newCounters(1);
  const tally = counters.tally(0);
  for (const status of [0, 99, 600, 999]) serve(tally, { ...REQUEST, status });
  assert.deepEqual(counters.counts(0).byStatus, [4, 0, 0, 0, 0, 0]);
  assert.equal(histogramCount(counters.counts(0).run), 4);
});

test('a duration goes into the first bucket whose bound is not below it', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (us) => {
      const at = bucketOf(us);
      assert.ok(at < BUCKET_COUNT);
      if (at < BUCKET_BOUNDS_US.length) assert.ok(us <= (BUCKET_BOUNDS_US[at] as number));
      if (at > 0) assert.ok(us > (BUCKET_BOUNDS_US[at - 1] as number));
    }),
  );
});

test('a worker’s totals go on over all its threads, whichever lanes they have, and are its own alone', () => {
  const LANES = 3;
  const step = fc.record({ lane: fc.nat(LANES - 1), worker: fc.integer({ min: 1, max: 2 }), requests: fc.nat(5) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const counters = newCounters(LANES);
      const records = new WorkerRecords(counters);
      const owner: number[] = [0, 0, 0];
      const expected = new Map<number, number>([
        [1, 0],
        [2, 0],
      ]);
      for (const { lane, worker, requests } of steps) {
        if (owner[lane] !== worker) {
          records.end(lane, owner[lane] === 0 ? undefined : 'reload');
          records.begin(worker, lane);
          owner[lane] = worker;
        }
        const tally = counters.tally(lane);
        for (let i = 0; i < requests; i++) serve(tally);
        expected.set(worker, (expected.get(worker) as number) + requests);
        for (const [id, count] of expected) assert.equal(records.counts(id).requests, count);
      }
      assert.equal(
        counters.requestsTotal,
        [...expected.values()].reduce((a, b) => a + b),
      );
    }),
    { numRuns: 50 },
  );
});

test('what a front counts is read as it was counted, with its cause', () => {
  const memory = new SharedArrayBuffer(frontCountersBytes(2));
  const [main, gateway] = [new FrontCounters(memory, 0), new FrontCounters(memory, 1)];
  for (let i = 0; i < 3; i++) main.accepted();
  main.closed();
  main.answered(503);
  main.answered(418);
  main.ended(UNANSWERED.CUT);
  main.waiting(7);
  gateway.pinged();
  const read = main.read();
  assert.deepEqual([read.accepted, read.open, read.queued, read.pings], [3, 2, 7, 0]);
  assert.deepEqual(
    read.answers.filter(({ count }) => count > 0),
    [
      { status: 418, cause: 'other', count: 1 },
      { status: 503, cause: 'busy', count: 1 },
    ],
  );
  assert.deepEqual(
    read.unanswered.filter(({ count }) => count > 0),
    [{ cause: 'cut', count: 1 }],
  );
  assert.deepEqual([gateway.read().pings, gateway.read().accepted], [1, 0]);
});
