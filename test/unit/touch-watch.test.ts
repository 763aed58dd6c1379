// What counts as a touch of a file, and what does not.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TouchWatch, type TouchWatchOptions } from '../../dist/system/touch-watch.js';

const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-touch-'));
after(() => rmSync(folder, { recursive: true }));

/** A file whose times the test gives, one for each look: undefined is no file, an error one that cannot be looked at. */
async function watchTimes(times: readonly (bigint | undefined | Error)[]): Promise<number[]> {
  const touchedAtLook: number[] = [];
  let looks = 0;
  const modified = async () => {
    const time = times[Math.min(looks++, times.length - 1)];
    if (time instanceof Error) throw time;
    return time;
  };
  const action = () => void touchedAtLook.push(looks - 1);
  const watch = new TouchWatch([{ file: '/touch', action }], () => {}, { everyMs: 1, modified });
  await watch.start();
  // Two more, to see that what stays the same is no touch.
  while (looks < times.length + 2) await new Promise((resolve) => setTimeout(resolve, 1));
  watch.stop();
  return touchedAtLook;
}

for (const { what, times, touches } of [
  { what: 'a file as it is found at the start is not touched', times: [5n, 5n, 5n], touches: [] },
  { what: 'a later time is a touch, once', times: [5n, 6n, 6n, 7n], touches: [1, 3] },
  { what: 'an earlier time is a touch: a file was put in its place', times: [5n, 4n], touches: [1] },
  { what: 'a file that appears is touched', times: [undefined, undefined, 1n], touches: [2] },
  { what: 'a file that disappears is not touched', times: [5n, undefined, undefined], touches: [] },
  { what: 'a file that comes back as it was is touched', times: [5n, undefined, 5n], touches: [2] },
  {
    what: 'a file that cannot be looked at for a while is not touched',
    times: [5n, new Error('stale'), 5n],
    touches: [],
  },
  { what: 'nor by what is seen of it after that, but for a change', times: [5n, new Error('stale'), 6n], touches: [2] },
]) {
  test(what, async () => {
    assert.deepEqual(await watchTimes(times), touches);
  });
}

/** Starts a watch of real files; `touched` resolves with the name of the next one. */
async function watchFiles(names: readonly string[], options: TouchWatchOptions = { everyMs: 2 }) {
  const seen: string[] = [];
  const lines: string[] = [];
  const touchables = names.map((name) => ({ file: join(folder, name), action: () => void seen.push(name) }));
  const watch = new TouchWatch(touchables, (line) => lines.push(line), options);
  await watch.start();
  const touched = async () => {
    while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    return seen.splice(0);
  };
  return { watch, lines, touched };
}

test('each file has its own action, and the log names the file', async () => {
  writeFileSync(join(folder, 'one'), '');
  const { watch, lines, touched } = await watchFiles(['one', 'two']);
  utimesSync(join(folder, 'one'), 1, 1);
  assert.deepEqual(await touched(), ['one']);
  writeFileSync(join(folder, 'two'), '');
  assert.deepEqual(await touched(), ['two']);
  rmSync(join(folder, 'two'));
  utimesSync(join(folder, 'one'), 2, 2);
  assert.deepEqual(await touched(), ['one']);
  watch.stop();
  assert.deepEqual(
    lines,
    ['one', 'two', 'one'].map((name) => `*** ${join(folder, name)} has been touched... ***`),
  );
});

test('a file system that hangs holds up neither the other files nor asks twice at a time', async () => {
  let asked = 0;
  let times = 0n;
  let answer: (time: bigint) => void = () => {};
  const modified = (file: string): Promise<bigint | undefined> => {
    if (file === '/alive') return Promise.resolve(times++);
    asked++;
    return new Promise((resolve) => {
      answer = resolve;
    });
  };
  let [hung, alive] = [0, 0];
  const touchables = [
    { file: '/hung', action: () => void hung++ },
    { file: '/alive', action: () => void alive++ },
  ];
  const watch = new TouchWatch(touchables, () => {}, { everyMs: 1, modified });
  const started = watch.start();
  while (alive < 5) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual([asked, hung], [1, 0]);
  answer(1n);
  await started;
  while (asked < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  answer(2n);
  while (hung < 1) await nextTurn();
  watch.stop();
});

test('a touch that is seen after the stop does nothing', async () => {
  const answers: ((time: bigint) => void)[] = [];
  const modified = () => new Promise<bigint>((resolve) => void answers.push(resolve));
  let touches = 0;
  const watch = new TouchWatch([{ file: '/touch', action: () => void touches++ }], () => {}, { everyMs: 1, modified });
  const started = watch.start();
  answers[0]?.(1n);
  await started;
  while (answers.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  watch.stop();
  answers[1]?.(2n);
  await nextTurn();
  assert.equal(touches, 0);
});
