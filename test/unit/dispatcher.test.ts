// The dispatcher's choices, one by one, with workers that do what they are told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LANE_PREFETCH, LANE_STALL_MS } from '../../dist/base/limits.js';
import { World, type WorldOptions } from '../property/dispatcher-model.js';

const OPTIONS: WorldOptions = { lanes: 2, fronts: 2, slots: 64, concurrency: 1, queueMax: 3 };

function worlds(options: Partial<WorldOptions> = {}): World & Disposable {
  return new World({ ...OPTIONS, ...options });
}

/** The only worker of a lane. */
function worker(world: World, at: number): World['workers'][number] {
  return world.workers[at] ?? assert.fail();
}

/** Lets so much time pass that a lane that does not move is passed over, with a turn before and after. */
function stall(world: World): void {
  world.turn();
  world.nowMs += LANE_STALL_MS + 1;
  world.turn();
}

test('requests go to the least busy lane, whichever front they came by', () => {
  using world = worlds();
  for (let i = 0; i < 6; i++) world.submit(i);
  assert.deepEqual(
    world.fronts[0]?.lanes.map(({ busy }) => busy),
    [3, 3],
  );
});

test('a lane that moves takes a bounded number of requests ahead', () => {
  using world = worlds({ lanes: 1, queueMax: 5 });
  const requests = Array.from({ length: LANE_PREFETCH + 10 }, () => world.submit(0));
  assert.equal(world.fronts[0]?.lanes[0]?.busy, 1 + LANE_PREFETCH);
  assert.equal(world.fronts[0]?.dispatcher.queued, 5);
  assert.deepEqual(
    requests.slice(-5).map(({ fate }) => fate),
    ['waiting', 'refused', 'refused', 'refused', 'refused'],
  );
  world.settle();
  world.assertEmpty();
});

test('requests behind one that does not end are moved to another lane, oldest first', () => {
  using world = worlds();
  world.submit(0);
  world.submit(0);
  assert.ok(worker(world, 0).claim());
  assert.ok(worker(world, 1).claim());
  const behind = [world.submit(0), world.submit(0), world.submit(0)];
  stall(world);
  worker(world, 1).finish(0);
  world.turn();
  assert.deepEqual(worker(world, 1).started.length, 1);
  for (const _ of behind) {
    worker(world, 1).claim();
    worker(world, 1).finish(0);
    world.turn();
  }
  assert.deepEqual(
    worker(world, 1).started.slice(1),
    behind.map(({ id }) => id),
  );
  for (const { fate } of behind) assert.equal(fate, 'answered');
});

test('a lane whose thread is blocked gets nothing more, even with threads to spare, until it moves', () => {
  using world = worlds({ concurrency: 4 });
  world.submit(0);
  assert.ok(worker(world, 0).claim());
  // It blocks: what goes into its lane is left alone, taken back, and goes to the other.
  for (let i = 0; i < 3; i++) world.submit(0);
  while (worker(world, 1).claim());
  stall(world);
  while (worker(world, 1).claim());
  for (let i = 0; i < 8; i++) {
    world.submit(0);
    world.turn();
    while (worker(world, 1).claim()) worker(world, 1).finish(0);
  }
  assert.equal(world.fronts[0]?.lanes[0]?.busy, 1);
  // It moves again: the next look into its rings is enough.
  worker(world, 0).finish(0);
  worker(world, 0).claim();
  world.turn();
  world.submit(0);
  assert.equal(world.fronts[0]?.lanes[0]?.busy, 1);
  world.settle();
  world.assertEmpty();
});

test('a front that sees nothing of a lane’s replies knows by the other front’s requests that it moves', () => {
  using world = worlds({ lanes: 1 });
  const [first, second] = world.fronts;
  for (let i = 0; i < 20; i++) {
    // The first front's requests keep the worker busy; the second one has none.
    world.submit(0);
    worker(world, 0).claim();
    first?.turn();
    world.nowMs += LANE_STALL_MS;
    world.submit(0);
    worker(world, 0).finish(0);
    worker(world, 0).claim();
    first?.turn();
    assert.equal(second?.dispatcher.hasRoom, true, 'a place behind the request at hand');
    worker(world, 0).finish(0);
  }
  world.settle();
});

test('a tick is wanted while a request waits, and not while all of them run', () => {
  using world = worlds({ lanes: 1, concurrency: 2 });
  const [front] = world.fronts;
  assert.equal(front?.dispatcher.needsTick, false);
  world.submit(0);
  assert.equal(front?.dispatcher.needsTick, true);
  worker(world, 0).claim();
  stall(world);
  assert.equal(front?.dispatcher.needsTick, false);
  world.submit(0);
  assert.equal(front?.dispatcher.needsTick, true);
  world.settle();
});

test('a request that leaves the queue makes room for another', () => {
  using world = worlds({ lanes: 1, queueMax: 1 });
  world.submit(0);
  worker(world, 0).claim();
  stall(world);
  const waiting = world.submit(0);
  assert.equal(world.submit(0).fate, 'refused');
  waiting.leave();
  assert.equal(world.submit(0).fate, 'waiting');
  world.settle();
  world.assertEmpty();
});

test('when a thread dies its requests are lost, those behind them are moved, those it had answered are answered', () => {
  using world = worlds({ lanes: 2, concurrency: 2 });
  const requests = Array.from({ length: 8 }, () => world.submit(0));
  worker(world, 0).claim();
  worker(world, 0).claim();
  worker(world, 0).finish(0);
  worker(world, 0).die();
  // The lane is given to its next thread only when both fronts have cleaned up.
  world.fronts[0]?.turn();
  world.respawn();
  assert.equal(world.fronts[0]?.lanes[0]?.ready, false);
  world.turn();
  world.respawn();
  assert.equal(world.fronts[0]?.lanes[0]?.ready, true);
  world.settle();
  world.assertEmpty();
  assert.deepEqual(requests.map(({ fate }) => fate).filter((fate) => fate === 'lost').length, 1);
  assert.equal(requests.filter(({ fate }) => fate === 'answered').length, 7);
});
