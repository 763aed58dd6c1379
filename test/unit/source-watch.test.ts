// What counts as a change of an application's sources.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SourceWatch } from '../../dist/system/source-watch.js';

const EVERY_MS = 5;
const roots: string[] = [];
after(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

class Watched {
  readonly root = mkdtempSync(join(tmpdir(), 'source-watch-'));
  readonly changes: string[] = [];
  readonly lines: string[] = [];
  readonly watch: SourceWatch;
  private touches = 0;

  constructor(files: readonly string[]) {
    roots.push(this.root);
    for (const file of files) this.write(file);
    this.watch = new SourceWatch([this.root], {
      everyMs: EVERY_MS,
      onChange: (file) => this.changes.push(file.slice(this.root.length + 1)),
      log: (line) => this.lines.push(line),
    });
  }

  write(file: string): void {
    const path = join(this.root, file);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, '');
    // No clock is too coarse for this.
    utimesSync(path, 1000, ++this.touches);
  }

  /** Touches a file that is watched, and waits until that is seen: what was not seen before it never will be. */
  async seen(): Promise<readonly string[]> {
    this.write('last.js');
    while (!this.changes.includes('last.js')) await sleep(EVERY_MS);
    return this.changes.slice(0, -1);
  }
}

test('a source file that is written, wherever below the folder, is a change, once', async () => {
  for (const file of ['app.js', 'a/b/c.ts', 'x.mjs', 'data.json', 'view.tsx']) {
    const watched = new Watched([file]);
    await watched.watch.start();
    watched.write(file);
    while (watched.changes.length === 0) await sleep(EVERY_MS);
    assert.deepEqual([...(await watched.seen())], [file]);
    assert.match(watched.lines[0] ?? '', /has changed/);
    watched.watch.stop();
  }
});

test('a file that appears is a change, and so is one that takes the place of another', async () => {
  const watched = new Watched(['app.js']);
  await watched.watch.start();
  watched.write('new/mod.js');
  while (watched.changes.length === 0) await sleep(EVERY_MS);
  watched.write('app.txt');
  renameSync(join(watched.root, 'app.txt'), join(watched.root, 'app.js'));
  while (watched.changes.length === 1) await sleep(EVERY_MS);
  assert.deepEqual(watched.changes, ['new/mod.js', 'app.js']);
  watched.watch.stop();
});

test('what disappears, is installed, hidden or no source is none', async () => {
  const watched = new Watched(['gone.js', 'node_modules/a/index.js', '.git/x.js', 'notes.txt']);
  await watched.watch.start();
  rmSync(join(watched.root, 'gone.js'));
  for (const file of ['node_modules/a/index.js', '.git/x.js', 'notes.txt']) watched.write(file);
  assert.deepEqual([...(await watched.seen())], []);
  watched.watch.stop();
});

test('nothing is told after the stop, nor of a folder that is not there', async () => {
  const watched = new Watched(['app.js']);
  const started = watched.watch.start();
  watched.watch.stop();
  await started;
  watched.write('app.js');
  await sleep(EVERY_MS * 10);
  assert.deepEqual(watched.changes, []);
  const nowhere = new SourceWatch([join(watched.root, 'nowhere')], {
    everyMs: EVERY_MS,
    onChange: () => assert.fail('there is nothing to change'),
    log: () => {},
  });
  await nowhere.start();
  nowhere.stop();
});
