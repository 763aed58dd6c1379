// Lanes: the front's and the worker's side of one shared memory, on one thread.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrontLane, type FrontSlot } from '../../dist/lane/front-lane.js';
import { LaneOwner } from '../../dist/lane/lane-owner.js';
import { createLaneMemory, REPLY_FLAG, REQUEST_ORIGIN, SLOT_STATE } from '../../dist/lane/layout.js';
import { Ring } from '../../dist/lane/ring.js';
import { WorkerLane, type WorkerSlot } from '../../dist/lane/worker-lane.js';

function newLane(slots = 4) {
  const memory = createLaneMemory(1, slots);
  const owner = new LaneOwner(memory);
  const worker = new WorkerLane(memory);
  worker.loaded(1);
  owner.open();
  return { memory, owner, worker, front: new FrontLane(memory, 0), other: new FrontLane(memory, 1) };
}

function submit(lane: FrontLane, text: string): FrontSlot {
  const slot = lane.take();
  assert.ok(slot !== null);
  const bytes = slot.request.write(text, 4);
  slot.describe(4 + bytes, 0, -1, -1, REQUEST_ORIGIN.HTTP);
  lane.submit(slot, 0);
  return slot;
}

function requestText(slot: WorkerSlot): string {
  return slot.request.toString('latin1', 4, slot.varsEnd);
}

test('a request reaches the worker and its reply the front', () => {
  const { front, worker } = newLane();
  const slot = submit(front, 'hello');
  const taken = worker.next(1);
  assert.ok(taken !== null);
  assert.equal(requestText(taken), 'hello');
  assert.equal(slot.state, SLOT_STATE.RUNNING);
  taken.describeHead(4, 200, REPLY_FLAG.CONTENT_LENGTH, 2 ** 40 + 5);
  const reply = Buffer.from('HEADbody');
  assert.equal(taken.append(reply, 0, reply.length), reply.length);
  taken.finish();
  assert.equal(front.nextNews(), slot);
  assert.equal(slot.state, SLOT_STATE.DONE);
  assert.equal(slot.peek().toString(), 'HEADbody');
  assert.equal(slot.headBytes, 4);
  assert.equal(slot.contentLength, 2 ** 40 + 5);
  slot.consume(8);
  front.release(slot);
  assert.equal(slot.state, SLOT_STATE.FREE);
  assert.equal(front.inFlight, 0);
});

test('the fronts take turns, and neither sees the other’s replies', () => {
  const { front, other, worker } = newLane();
  submit(front, 'a1');
  submit(front, 'a2');
  submit(other, 'b1');
  const order: string[] = [];
  for (let slot = worker.next(0); slot !== null; slot = worker.next(0)) {
    order.push(requestText(slot));
    slot.finish();
  }
  assert.deepEqual(order, ['a1', 'b1', 'a2']);
  assert.ok(front.nextNews() !== null);
  assert.ok(front.nextNews() !== null);
  assert.equal(front.nextNews(), null);
  assert.ok(other.nextNews() !== null);
  assert.equal(front.busy, 3);
});

test('several posts before the front looks are one piece of news', () => {
  const { front, worker } = newLane();
  const slot = submit(front, 'x');
  const taken = worker.next(0) as WorkerSlot;
  taken.append(Buffer.from('one'), 0, 3);
  taken.publish();
  taken.append(Buffer.from('two'), 0, 3);
  taken.publish();
  taken.finish();
  assert.equal(front.nextNews(), slot);
  assert.equal(front.nextNews(), null);
  assert.equal(slot.available, 6);
});

test('a request that the worker has not started can be taken back, and its stale entry is passed over', () => {
  const { front, worker } = newLane();
  const first = submit(front, 'first');
  submit(front, 'second');
  assert.equal(front.park(first), true);
  front.release(first);
  // The same slot again: the entry of its first use still stands in the ring.
  const again = submit(front, 'third');
  assert.equal(again, first);
  const seen: string[] = [];
  for (let slot = worker.next(0); slot !== null; slot = worker.next(0)) seen.push(requestText(slot));
  assert.deepEqual(seen, ['second', 'third']);
  assert.equal(front.park(first), false, 'what runs cannot be taken back');
});

test('a lane is full when its slots are taken, and again when its ring is full of stale entries', () => {
  const { front } = newLane(2);
  const slots = [front.take(), front.take()];
  assert.equal(front.hasFreeSlot, false);
  assert.equal(front.take(), null);
  for (const slot of slots) if (slot !== null) front.release(slot);
  let pushed = 0;
  while (!front.ringIsFull) {
    const slot = submit(front, 'x');
    assert.equal(front.park(slot), true);
    front.release(slot);
    pushed++;
  }
  assert.equal(pushed, 256);
});

test('a reply longer than the ring goes through it in pieces', () => {
  const { front, worker } = newLane();
  const slot = submit(front, 'x');
  const taken = worker.next(0) as WorkerSlot;
  const body = Buffer.alloc(200_000);
  for (let i = 0; i < body.length; i++) body[i] = i % 251;
  const received: Buffer[] = [];
  let at = 0;
  while (at < body.length) {
    const count = taken.append(body, at, body.length);
    at += count;
    taken.publish();
    assert.ok(count > 0);
    assert.equal(front.nextNews(), slot);
    // Less than what is there, so that pieces wrap around the ring's end.
    for (let rounds = 0; rounds < 3 && slot.available > 0; rounds++) {
      const piece = Buffer.from(slot.peek().subarray(0, 30_011));
      received.push(piece);
      slot.consume(piece.length);
    }
  }
  taken.finish();
  while (slot.available > 0) {
    const piece = Buffer.from(slot.peek());
    received.push(piece);
    slot.consume(piece.length);
  }
  assert.ok(Buffer.concat(received).equals(body));
});

test('after a thread’s death the fronts acknowledge, and the next thread finds the lane empty', () => {
  const { owner, front, other, memory } = newLane();
  const lost = submit(front, 'running');
  const waiting = submit(front, 'waiting');
  const dead = new WorkerLane(memory);
  assert.ok(dead.next(0) !== null);
  owner.markDead();
  assert.equal(front.needsCleaning, true);
  assert.equal(front.ready, false);
  assert.equal(lost.state, SLOT_STATE.RUNNING);
  assert.equal(front.park(waiting), true);
  front.release(lost);
  front.release(waiting);
  front.acknowledgeDeath();
  assert.equal(owner.isClean(2), false);
  other.acknowledgeDeath();
  assert.equal(owner.isClean(2), true);
  owner.reopen();
  const next = new WorkerLane(memory);
  next.loaded(1);
  assert.equal(front.ready, false);
  owner.open();
  assert.equal(front.ready, true);
  assert.equal(front.needsCleaning, false);
  assert.equal(next.next(0), null);
  submit(front, 'new');
  assert.equal(requestText(next.next(0) as WorkerSlot), 'new');
});

test('an aborted slot is announced to its occupant once the worker looks', () => {
  const { front, worker } = newLane();
  const slot = submit(front, 'x');
  const taken = worker.next(0) as WorkerSlot;
  let aborts = 0;
  taken.occupant = { onClientGone: () => aborts++, onDeadline: () => {} };
  const before = worker.aborts;
  slot.abort();
  slot.abort();
  assert.notEqual(worker.aborts, before);
  worker.announceAborts();
  assert.equal(aborts, 1);
});

test('a ring refuses an entry too many and keeps its order across the wrap of its counters', () => {
  const words = new Int32Array(new SharedArrayBuffer(4 * (32 + 8)));
  // Counters just before they wrap from 2^31 - 1 to -2^31.
  words[0] = 0x7ffffffd;
  words[16] = 0x7ffffffd;
  const ring = new Ring(words, 0, 8);
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 8; i++) assert.equal(ring.push(round * 8 + i), true);
    assert.equal(ring.push(99), false);
    assert.equal(ring.isFull(), true);
    for (let i = 0; i < 8; i++) assert.equal(ring.pop(), round * 8 + i);
    assert.equal(ring.pop(), -1);
    assert.equal(ring.isEmpty(), true);
  }
});

test('a body that was lent stays so when its request moves, and the next request in the slot has lent nothing', () => {
  const { front, worker } = newLane();
  const slot = submit(front, 'with a body');
  assert.equal(slot.bodyLent, false);
  const taken = worker.next(1);
  assert.ok(taken !== null);
  taken.lendBody();
  assert.equal(slot.bodyLent, true);
  // The keep-alive connection of a request that runs may be told to close: it is described anew.
  slot.describe(15, 0, -1, -1, REQUEST_ORIGIN.HTTP_CLOSE);
  assert.equal(slot.bodyLent, true);
  const target = front.take();
  assert.ok(target !== null);
  target.copyRequest(slot);
  assert.equal(target.bodyLent, true);
  front.release(target);
  assert.equal(target.bodyLent, false);
});
