// The reserve of the crew: who may be started when, and whose a thread is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LaneOwner } from '../../dist/lane/lane-owner.js';
import type { Life } from '../../dist/pool/pool.js';
import { Reserve } from '../../dist/supervise/reserve.js';
import { WorkerLife } from '../../dist/supervise/worker-life.js';

/** A life without a thread, which notes that it is killed. */
function newLife(): { readonly life: WorkerLife; readonly kills: unknown[] } {
  const kills: unknown[] = [];
  const thread: Pick<Life, 'kill'> = { kill: () => kills.push('killed') };
  const lane: Pick<LaneOwner, 'epoch' | 'processId' | 'pause'> = { epoch: 1, processId: 0, pause: () => {} };
  return { life: new WorkerLife(2, 1, lane as LaneOwner, thread as Life, 0, 0), kills };
}

test('a worker is taken from the reserve when it has loaded the application, once', () => {
  const reserve = new Reserve();
  const { life } = newLife();
  assert.equal(reserve.take(), undefined);
  reserve.put(life);
  assert.deepEqual([reserve.workerId, reserve.hasRoom(performance.now())], [2, false]);
  assert.equal(reserve.take(), undefined);
  life.onLoading({ news: { application: 'python', concurrency: 1 } });
  assert.equal(reserve.take(), life);
  assert.ok(life.ageFromMs >= life.bornMs);
  assert.deepEqual([reserve.workerId, reserve.take(), reserve.lose(life)], [0, undefined, false]);
  assert.equal(reserve.hasRoom(performance.now()), true);
});

test('after one that was lost the next one has to wait, longer each time, until one was of use', () => {
  const reserve = new Reserve();
  for (const seconds of [10, 20, 40, 80, 160, 320, 600, 600]) {
    const { life } = newLife();
    reserve.put(life);
    assert.equal(reserve.lose(life), true);
    assert.equal(reserve.lose(life), false);
    assert.equal(reserve.hasRoom(performance.now() + (seconds - 1) * 1000), false);
    assert.equal(reserve.hasRoom(performance.now() + seconds * 1000), true);
  }
  const { life } = newLife();
  reserve.put(life);
  life.onLoading({ news: { application: 'python', concurrency: 1 } });
  assert.equal(reserve.take(), life);
  const { life: next } = newLife();
  reserve.put(next);
  reserve.lose(next);
  assert.equal(reserve.hasRoom(performance.now() + 10_000), true);
});

test('one whose code is old is ended, and the next one may come at once', () => {
  const reserve = new Reserve();
  reserve.drop();
  const lost = newLife();
  reserve.put(lost.life);
  reserve.lose(lost.life);
  const old = newLife();
  reserve.put(old.life);
  reserve.drop();
  assert.deepEqual([old.kills, lost.kills], [['killed'], []]);
  assert.deepEqual([reserve.workerId, reserve.hasRoom(performance.now())], [0, true]);
});
