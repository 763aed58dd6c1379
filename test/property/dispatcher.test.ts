// Whatever happens, in whatever order: a request is answered once, reported lost once, refused at once or given up by its
// client, and no slot is left behind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { World } from './dispatcher-model.js';

type Step = readonly [kind: number, which: number, at: number];

const STEPS: readonly ((world: World, which: number, at: number) => void)[] = [
  (world, which) => world.submit(which),
  (world, which) => world.submit(which),
  (world, which) => worker(world, which).claim(),
  (world, which) => worker(world, which).claim(),
  (world, which, at) => worker(world, which).reply(at % 4),
  (world, which, at) => worker(world, which).finish(at % 4),
  (world, _, at) => world.all[at % Math.max(1, world.all.length)]?.leave(),
  (world, which) => worker(world, which).die(),
  (world) => world.respawn(),
  (world, which) => world.fronts[which % world.fronts.length]?.turn(),
  (world, which) => world.fronts[which % world.fronts.length]?.turn(),
  (world, which) => {
    world.nowMs += 1 + (which % 9);
  },
];

function worker(world: World, which: number): World['workers'][number] {
  return world.workers[which % world.workers.length] as World['workers'][number];
}

const step: fc.Arbitrary<Step> = fc.tuple(fc.nat(STEPS.length - 1), fc.nat(7), fc.nat(50));
const options = fc.record({
  lanes: fc.integer({ min: 1, max: 3 }),
  // Both: the lane waits for both to clean up after a death.
  fronts: fc.constant(2),
  slots: fc.integer({ min: 1, max: 6 }),
  concurrency: fc.integer({ min: 1, max: 4 }),
  queueMax: fc.integer({ min: 0, max: 5 }),
});

test('every request is answered once or reported lost once, and every slot comes back', () => {
  fc.assert(
    fc.property(options, fc.array(step, { maxLength: 120 }), (made, steps) => {
      using world = new World(made);
      for (const [kind, which, at] of steps) STEPS[kind]?.(world, which, at);
      world.settle();
      world.assertEmpty();
      for (const { id, fate, starts } of world.all) {
        assert.notEqual(fate, 'waiting', `request ${id} was forgotten`);
        assert.ok(starts <= 1, `request ${id} was started ${starts} times`);
        if (fate === 'answered' || fate === 'lost') assert.equal(starts, 1, `request ${id} is ${fate}`);
        if (fate === 'refused') assert.equal(starts, 0);
      }
    }),
    { numRuns: 1500 },
  );
});

test('without deaths and without leaving nothing is lost, whoever stands still for how long', () => {
  const harmless = step.filter(([kind]) => kind !== 6 && kind !== 7);
  fc.assert(
    fc.property(options, fc.array(harmless, { maxLength: 120 }), (made, steps) => {
      using world = new World(made);
      for (const [kind, which, at] of steps) STEPS[kind]?.(world, which, at);
      world.settle();
      for (const { fate } of world.all) assert.ok(fate === 'answered' || fate === 'refused', fate);
    }),
    { numRuns: 500 },
  );
});

test('where nothing stands still the requests of a front are started in the order in which they came', () => {
  const calm = fc.array(fc.tuple(fc.constantFrom(0, 2, 5, 9), fc.nat(1)), { maxLength: 100 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), calm, (concurrency, steps) => {
      using world = new World({ lanes: 1, fronts: 2, slots: 12, concurrency, queueMax: 1000 });
      for (const [kind, which] of steps) STEPS[kind]?.(world, which, 0);
      world.nowMs += 1;
      world.settle();
      for (const front of world.fronts) {
        const ids = new Set(front.requests.map(({ id }) => id));
        const started = world.workers[0]?.started.filter((id) => ids.has(id));
        assert.deepEqual(started, [...ids]);
      }
    }),
    { numRuns: 500 },
  );
});
