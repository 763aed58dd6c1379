// A lane between one front and one worker, step by step in any order: bytes arrive whole and in order, slots and news are
// neither lost nor invented.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrontLane, type FrontSlot } from '../../dist/lane/front-lane.js';
import { LaneOwner } from '../../dist/lane/lane-owner.js';
import { createLaneMemory, type LaneMemory, SLOT_STATE } from '../../dist/lane/layout.js';
import { Ring } from '../../dist/lane/ring.js';
import { WorkerLane, type WorkerSlot } from '../../dist/lane/worker-lane.js';

const NOBODY = { onReply: () => {}, onLost: () => {} };

function openLane(memory: LaneMemory, worker: WorkerLane, concurrency: number): void {
  worker.loaded(concurrency);
  new LaneOwner(memory).open();
}

test('a ring gives back what was pushed, in order, wherever its counters stand', () => {
  const steps = fc.array(fc.oneof(fc.constant('pop' as const), fc.nat(0x7fffffff)), { maxLength: 300 });
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(1, 2, 8, 16), steps, (start, capacity, script) => {
      const words = new Int32Array(new SharedArrayBuffer(4 * (32 + capacity)));
      words[0] = start;
      words[16] = start;
      const ring = new Ring(words, 0, capacity);
      const model: number[] = [];
      for (const entry of script) {
        if (entry === 'pop') {
          assert.equal(ring.pop(), model.shift() ?? -1);
        } else {
          assert.equal(ring.push(entry), model.length < capacity);
          if (model.length < capacity) model.push(entry);
        }
        assert.deepEqual([ring.isEmpty(), ring.isFull()], [model.length === 0, model.length === capacity]);
      }
    }),
  );
});

test('a reply of any length arrives whole, however the two sides take turns', () => {
  const sizes = fc.array(fc.oneof(fc.nat(300), fc.nat(70_000)), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.nat(300_000), sizes, sizes, (length, writes, reads) => {
      const memory = createLaneMemory(1, 1);
      const worker = new WorkerLane(memory);
      openLane(memory, worker, 1);
      const front = new FrontLane(memory, 0);
      const slot = front.take() as FrontSlot;
      slot.owner = NOBODY;
      slot.describe(0, 0, -1, -1, 0);
      front.submit(slot, 0);
      const taken = worker.next(0) as WorkerSlot;
      const body = Buffer.alloc(length);
      for (let i = 0; i < length; i++) body[i] = (i * 7) % 251;
      const received: Buffer[] = [];
      let written = 0;
      let isDone = false;
      for (let round = 0; !isDone || slot.available > 0; round++) {
        if (!isDone) {
          const to = Math.min(length, written + 1 + (writes[round % writes.length] ?? 0));
          written += taken.append(body, written, to);
          taken.publish();
          if (written === length) {
            taken.finish();
            isDone = true;
          }
        }
        const piece = slot.peek().subarray(0, 1 + (reads[round % reads.length] ?? 0));
        received.push(Buffer.from(piece));
        slot.consume(piece.length);
      }
      assert.equal(slot.state, SLOT_STATE.DONE);
      assert.ok(Buffer.concat(received).equals(body));
    }),
  );
});

test('each slot with something new is named once until it is looked at', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('publish', 'finish', 'look'), fc.nat(5)), { maxLength: 100 });
  fc.assert(
    fc.property(steps, (script) => {
      const memory = createLaneMemory(1, 6);
      const worker = new WorkerLane(memory);
      openLane(memory, worker, 6);
      const front = new FrontLane(memory, 0);
      const running: (WorkerSlot | null)[] = [];
      for (let i = 0; i < 6; i++) {
        const slot = front.take() as FrontSlot;
        slot.owner = NOBODY;
        front.submit(slot, 0);
        running.push(worker.next(0));
      }
      const fresh = new Set<number>();
      const look = () => {
        for (let slot = front.nextNews(); slot !== null; slot = front.nextNews()) {
          assert.ok(fresh.delete(slot.index), `slot ${slot.index} has no news`);
        }
        assert.equal(fresh.size, 0);
      };
      for (const [what, which] of script) {
        if (what === 'look') look();
        const slot = running[which];
        if (what === 'look' || slot === null || slot === undefined) continue;
        if (what === 'publish') slot.publish();
        else {
          slot.finish();
          running[which] = null;
        }
        fresh.add(slot.index);
      }
      look();
    }),
  );
});
