// The lane: a request ring against a plain array, and a whole request's way through a lane and back, on one thread.
import { FrontLane, type FrontSlot } from '../../dist/lane/front-lane.js';
import { createLaneMemory, partLayout, REQUEST_ORIGIN } from '../../dist/lane/layout.js';
import { Ring } from '../../dist/lane/ring.js';
import { WorkerLane } from '../../dist/lane/worker-lane.js';
import { Counters, type LaneTally } from '../../dist/observe/counters.js';
import { candidate, type Suite } from './suite.js';

const ENTRIES = 16;
const { ringCapacity } = partLayout(64);
const ring = new Ring(new Int32Array(new SharedArrayBuffer(4 * (64 + ringCapacity))), 0, ringCapacity);
const queue: number[] = [];

function throughArray(turn: number): number {
  let sum = 0;
  for (let i = 0; i < ENTRIES; i++) queue.push(turn + i);
  for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) sum += entry;
  return sum;
}

function throughRing(turn: number): number {
  let sum = 0;
  for (let i = 0; i < ENTRIES; i++) ring.push(turn + i);
  for (let entry = ring.pop(); entry >= 0; entry = ring.pop()) sum += entry;
  return sum;
}

export const ringSuite: Suite = {
  name: `ring (${ENTRIES} entries in, ${ENTRIES} out)`,
  turns: 64,
  candidates: [candidate('array, push and shift', throughArray), candidate('Ring over shared memory', throughRing)],
};

const memory = createLaneMemory(1, 64);
const front = new FrontLane(memory, 0);
const worker = new WorkerLane(memory);
worker.loaded(1);
const reply = Buffer.from('HTTP/1.1 200 OK\r\n\r\nHello World');

/** What an answer is without a lane: a copy. */
function copied(): string {
  return Buffer.from(reply).toString('latin1');
}

const tally = Counters.create(1, 64).tally(0);

/** As a worker counts: what is known of the request, its two histograms, its core. */
function counted(): string {
  return throughLane(tally);
}

function prepare(): void {
  tally.prepare({
    status: 200,
    sentBytes: 100,
    receivedBytes: 300,
    runMs: 0.2,
    waitMs: 0.05,
    core: 0,
    isBroken: false,
  });
}

function throughLane(counts?: LaneTally): string {
  const taken = front.take() as FrontSlot;
  taken.describe(4, 0, -1, -1, REQUEST_ORIGIN.HTTP);
  front.submit(taken, 0);
  const slot = worker.next(0);
  slot?.append(reply, 0, reply.length);
  if (counts !== undefined) prepare();
  slot?.finish(counts);
  const answered = front.nextNews() as FrontSlot;
  const bytes = answered.peek();
  const text = bytes.toString('latin1');
  answered.consume(bytes.length);
  front.release(answered);
  return text;
}

export const laneSuite: Suite = {
  name: 'lane (a request there and its reply back)',
  turns: 1,
  candidates: [
    candidate('a copy of the reply', copied),
    candidate('take, submit, claim, finish, release', () => throughLane()),
    candidate('the same, counted', counted),
  ],
};
