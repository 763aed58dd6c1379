// The log: opened again and rotated while several threads write, and a destination that fails or that nobody reads.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { FastwsgiError } from '../../dist/base/errors.js';
import { Log } from '../../dist/observe/log.js';
import { LogRotation } from '../../dist/observe/log-rotation.js';
import type { LogThreadData } from '../helpers/log-thread.js';
import { openDescriptors } from '../helpers/process-status.js';

const root = mkdtempSync(join(tmpdir(), 'fastwsgi-log-'));
after(() => rmSync(root, { recursive: true }));

let folders = 0;
function newFolder(): string {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  return folder;
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

function makeFifo(folder: string): { file: string; reader: number } {
  const file = join(folder, 'log.fifo');
  execFileSync('mkfifo', [file]);
  return { file, reader: openSync(file, constants.O_RDONLY | constants.O_NONBLOCK) };
}

const drained = Buffer.alloc(1 << 16);

/** What the pipe holds now. */
function drain(reader: number): string {
  try {
    return drained.toString('latin1', 0, readSync(reader, drained));
  } catch {
    // Empty for now.
    return '';
  }
}

/** Reads the pipe until `isDone` says so of the length and of the last piece. */
async function readUntil(reader: number, isDone: (length: number, piece: string) => boolean): Promise<string> {
  let text = '';
  let piece = '';
  while (!isDone(text.length, piece)) {
    piece = drain(reader);
    text += piece;
    if (piece === '') await sleep(1);
  }
  return text;
}

interface ThreadResult {
  readonly written: number;
  readonly lost: number;
}

function startThread(data: LogThreadData): { stop(): Promise<ThreadResult> } {
  const worker = new Worker(new URL('../helpers/log-thread.js', import.meta.url), { workerData: data });
  return {
    stop: async () => {
      const exit = once(worker, 'exit');
      const message = once(worker, 'message');
      worker.postMessage('stop');
      await exit;
      const [result] = (await message) as [ThreadResult];
      return result;
    },
  };
}

/** Checks that `lines` are those that the thread wrote, each once and whole, and gives back the others. */
function withoutLinesOf(lines: readonly string[], { name, filler }: LogThreadData, written: number): string[] {
  const seen = new Set<number>();
  const rest = lines.filter((line) => {
    const number = /^(\S+) (\d+) /.exec(line);
    if (number === null || number[1] !== name) return true;
    const n = Number(number[2]);
    assert.equal(line, `${name} ${n} ${'é'.repeat(n % filler)} ${n} ${name}`);
    assert.ok(!seen.has(n), `${line} stands twice`);
    seen.add(n);
    return false;
  });
  assert.equal(seen.size, written, `lines of ${name}`);
  return rest;
}

test('after the file was renamed and opened again, every log of it writes to the new one', async () => {
  const folder = newFolder();
  const file = join(folder, 'app.log');
  const leader = new Log({ file });
  const follower = new Log(leader.forThread());
  leader.line('leader, old');
  follower.line('follower, old');
  renameSync(file, `${file}.1`);
  await leader.reopen();
  leader.line('leader, new');
  follower.line('follower, new');
  await Promise.all([leader.close(), follower.close()]);
  assert.deepEqual(linesOf(`${file}.1`).sort(), ['follower, old', 'leader, old']);
  assert.deepEqual(linesOf(file).sort(), [`${file} reopened.`, 'follower, new', 'leader, new']);
});

test('a log that writes nothing lets go of the old file too', async () => {
  const folder = newFolder();
  const file = join(folder, 'app.log');
  const leader = new Log({ file });
  const follower = new Log(leader.forThread());
  renameSync(file, `${file}.1`);
  await leader.reopen();
  const isOpen = () => openDescriptors(process.pid).includes(`${file}.1`);
  while (isOpen()) await sleep(50);
  await Promise.all([leader.close(), follower.close()]);
});

for (const how of ['rotation by size', 'an outside rename and a reopening'] as const) {
  test(`no line is lost, torn or written twice when two threads write during ${how}`, async () => {
    const folder = newFolder();
    const file = join(folder, 'app.log');
    const leader = new Log({ file });
    const datas = ['one', 'two'].map((name) => ({ name, filler: 300, pauseMs: 1, destination: leader.forThread() }));
    const threads = datas.map(startThread);
    const rotation = new LogRotation(leader, { maxBytes: 300_000, backupName: undefined, everyMs: 5 });
    if (how === 'rotation by size') {
      rotation.start();
      while (readdirSync(folder).length < 12) await nextTurn();
    } else {
      for (let i = 0; i < 12; i++) {
        const size = () => (readdirSync(folder).includes('app.log') ? readFileSync(file).length : 0);
        while (size() < 300_000) await nextTurn();
        renameSync(file, `${file}.${i}`);
        await leader.reopen();
      }
    }
    const results = await Promise.all(threads.map((thread) => thread.stop()));
    rotation.stop();
    await leader.close();
    const files = readdirSync(folder);
    assert.ok(files.length >= 12, files.join());
    let lines = files.flatMap((name) => linesOf(join(folder, name)));
    for (const [i, data] of datas.entries()) {
      assert.equal(results[i]?.lost, 0);
      lines = withoutLinesOf(lines, data, results[i]?.written ?? 0);
    }
    // What is left are the lines of the leader about each new file.
    for (const line of lines) assert.match(line, /^(logsize: \d+, rotated to .*\.\d{10}|.*app\.log reopened\.)$/);
    assert.ok(lines.length >= 11, lines.join('\n'));
  });
}

test('lines of two threads do not mix in a pipe', async () => {
  const { file, reader } = makeFifo(newFolder());
  const leader = new Log({ file });
  const datas = ['one', 'two'].map((name) => ({ name, filler: 1500, pauseMs: 20, destination: leader.forThread() }));
  const threads = datas.map(startThread);
  let isOver = false;
  const stopping = sleep(300).then(() => Promise.all(threads.map((thread) => thread.stop())));
  void stopping.finally(() => {
    isOver = true;
  });
  const text = await readUntil(reader, (_, piece) => isOver && piece === '');
  const results = await stopping;
  const lines = Buffer.from(text, 'latin1').toString('utf8').split('\n').slice(0, -1);
  const told = lines.map((line) => Number(/^\*\*\* (\d+) log lines? (was|were) lost/.exec(line)?.[1] ?? 0));
  assert.equal(
    told.reduce((sum, n) => sum + n, 0),
    results.reduce((sum, { lost }) => sum + lost, 0),
  );
  let rest = lines;
  for (const [i, data] of datas.entries()) {
    rest = withoutLinesOf(rest, data, (results[i]?.written ?? 0) - (results[i]?.lost ?? 0));
  }
  assert.ok(
    rest.every((line) => line.startsWith('*** ')),
    rest[0],
  );
  await leader.close();
  closeSync(reader);
});

test('a pipe that nobody reads blocks nothing; the lines that found no room are counted and told', async () => {
  const { file, reader } = makeFifo(newFolder());
  closeSync(reader);
  // No reader at all: opening it would wait for one.
  const log = new Log({ file });
  const total = 60_000;
  for (let i = 0; i < total; i++) log.line(`line ${i} ${'x'.repeat(100)}`);
  assert.ok(log.lost > 0 && log.lost < total, `${log.lost} lost`);
  const lost = log.lost;
  const late = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const text = await readUntil(late, (_, piece) => piece.endsWith(' ***\n'));
  const lines = text.split('\n').slice(0, -1);
  assert.equal(lines.pop(), `*** ${lost} log lines were lost: whoever reads the log was too slow ***`);
  assert.deepEqual(
    lines,
    Array.from({ length: total - lost }, (_, i) => `line ${i} ${'x'.repeat(100)}`),
  );
  await log.close();
  closeSync(late);
});

test('a log whose reader does not read is closed all the same', async () => {
  const { file, reader } = makeFifo(newFolder());
  const log = new Log({ file });
  for (let i = 0; i < 10_000; i++) log.line(`line ${i}`);
  log.lastLine('the last one');
  await log.close();
  log.line('after the end');
  // The first line may be on its way by another thread when the rest is flushed.
  assert.match(drain(reader), /^line [01]\nline \d+\n/);
  closeSync(reader);
});

test('a full disk loses nothing that memory can hold, and the log tells how many lines it could not', async () => {
  const folder = newFolder();
  const file = join(folder, 'app.log');
  symlinkSync('/dev/full', file);
  const log = new Log({ file });
  const total = 60_000;
  for (let i = 0; i < total; i++) log.line(`line ${i} ${'x'.repeat(100)}`);
  // The first attempt fails here; the next one may be a second away.
  await sleep(20);
  for (let i = total; i < total + 10; i++) log.line(`line ${i} ${'x'.repeat(100)}`);
  const { lost } = log;
  rmSync(file);
  await log.reopen();
  await log.close();
  const lines = linesOf(file);
  const kept = lines.filter((line) => line.startsWith('line '));
  assert.equal(kept.length + lost, total + 10);
  assert.deepEqual(
    kept.slice(0, 1000),
    Array.from({ length: 1000 }, (_, i) => `line ${i} ${'x'.repeat(100)}`),
  );
  const told = lines.find((line) => line.startsWith('***'));
  assert.equal(told, `*** ${lost} log lines were lost: no space left on device ***`);
});

test('a file that cannot be opened again leaves every log with the one it has, and says so', async () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'var'));
  const file = join(folder, 'var', 'app.log');
  const leader = new Log({ file });
  const follower = new Log(leader.forThread());
  renameSync(join(folder, 'var'), join(folder, 'away'));
  await leader.reopen();
  follower.line('still here');
  leader.line('here too');
  const rotation = new LogRotation(leader, { maxBytes: 1, backupName: undefined });
  await rotation.rotate();
  await Promise.all([leader.close(), follower.close()]);
  assert.deepEqual(linesOf(join(folder, 'away', 'app.log')).sort(), [
    `Cannot reopen the log ${file}: no such file or directory. It goes on where it was`,
    'here too',
    'still here',
  ]);
});

test('a rotation that cannot be done leaves the log as it is, and says so', async () => {
  const folder = newFolder();
  const file = join(folder, 'app.log');
  const log = new Log({ file });
  const backup = join(folder, 'missing', 'old.log');
  const rotation = new LogRotation(log, { maxBytes: 1, backupName: backup });
  await rotation.rotate();
  log.line('after it');
  await log.close();
  assert.deepEqual(linesOf(file), [
    `Cannot rotate the log ${file} to ${backup}: no such file or directory`,
    'after it',
  ]);
});

test('a rotated file gets the name of log-backupname, or one that no other has', async () => {
  const folder = newFolder();
  const file = join(folder, 'app.log');
  const log = new Log({ file });
  const named = new LogRotation(log, { maxBytes: 1, backupName: join(folder, 'old.log') });
  const timed = new LogRotation(log, { maxBytes: 1, backupName: undefined });
  log.line('first');
  await named.rotate();
  for (let i = 0; i < 3; i++) await timed.rotate();
  await log.close();
  assert.deepEqual(linesOf(join(folder, 'old.log')), ['first']);
  const others = readdirSync(folder).filter((name) => /^app\.log\.\d{10}$/.test(name));
  assert.equal(others.length, 3);
  assert.match(readFileSync(file, 'utf8'), /^logsize: \d+, rotated to .*app\.log\.\d{10}\n$/);
});

test('a thread that may not open the file writes to the descriptor of the one that could', async () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'var'));
  const file = join(folder, 'var', 'app.log');
  const leader = new Log({ file });
  renameSync(join(folder, 'var'), join(folder, 'away'));
  // As root may open every file, one that is not there stands for one that may not be opened.
  const follower = new Log(leader.forThread());
  follower.line('borrowed');
  mkdirSync(join(folder, 'var'));
  await leader.reopen();
  follower.flush();
  leader.line('leader, new');
  follower.line('follower, new');
  await Promise.all([leader.close(), follower.close()]);
  assert.deepEqual(linesOf(join(folder, 'away', 'app.log')), ['borrowed']);
  assert.deepEqual(linesOf(file).sort(), [`${file} reopened.`, 'follower, new', 'leader, new'].sort());
});

test('a log that is moved to another file begins there where it left off', async () => {
  const folder = newFolder();
  const [first, second] = [join(folder, 'first.log'), join(folder, 'second.log')];
  const log = new Log({ file: first });
  log.line('before');
  log.moveTo(second);
  log.line('after');
  assert.throws(
    () => log.moveTo(join(folder, 'missing', 'third.log')),
    (error) => error instanceof Error && 'option' in error && error.option === 'logto2',
  );
  log.line('after the failure');
  const follower = new Log(log.forThread());
  follower.line('a follower');
  await follower.close();
  await log.close();
  assert.deepEqual(linesOf(first), ['before']);
  assert.deepEqual(linesOf(second).sort(), ['a follower', 'after', 'after the failure'].sort());
});

test('a descriptor that was closed since it was offered is not taken', async () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'var'));
  const [first, second] = [join(folder, 'first.log'), join(folder, 'var', 'second.log')];
  const leader = new Log({ file: first });
  leader.moveTo(second);
  const offered = leader.forThread();
  leader.line('leader');
  await leader.drain();
  const current = leader.forThread();
  renameSync(join(folder, 'var'), join(folder, 'away'));
  assert.throws(() => new Log(offered), FastwsgiError);
  const follower = new Log(current);
  follower.line('follower');
  await Promise.all([leader.close(), follower.close()]);
  assert.deepEqual(linesOf(join(folder, 'away', 'second.log')), ['leader', 'follower']);
});

test('a file that somebody else renames at the moment of a rotation is looked at again', async () => {
  const folder = newFolder();
  const file = join(folder, 'app.log');
  class RenamedMeanwhile extends Log {
    attempts = 0;
    override rotate(backup: string, why: string): Promise<boolean> {
      if (this.attempts++ === 0) renameSync(file, `${file}.outside`);
      return super.rotate(backup, why);
    }
  }
  const log = new RenamedMeanwhile({ file });
  const backupName = join(folder, 'old.log');
  const rotation = new LogRotation(log, { maxBytes: 1, backupName, everyMs: 2 });
  log.line('first');
  await log.drain();
  rotation.start();
  while (log.attempts === 0) await sleep(1);
  await log.reopen();
  while (!readdirSync(folder).includes('old.log')) await sleep(1);
  rotation.stop();
  await log.close();
  assert.match(readFileSync(`${file}.outside`, 'utf8'), /^first\nCannot rotate the log/);
});

/** As the request log does. A line that was begun before and never ended leaves nothing behind. */
function writeInPlace(log: Log, text: string): void {
  log.beginLine().text('never ended');
  const line = log.beginLine();
  for (const piece of text.match(/.{1,1000}/gsu) ?? []) line.text(piece);
  log.endLine();
}

test('lines that are written in place are dropped and counted like others when there is no room', async () => {
  const folder = newFolder();
  const file = join(folder, 'app.log');
  symlinkSync('/dev/full', file);
  const log = new Log({ file });
  const total = 60_000;
  for (let i = 0; i < total; i++) writeInPlace(log, `line ${i} ${'x'.repeat(100)}`);
  const { lost } = log;
  assert.ok(lost > 0 && lost < total);
  rmSync(file);
  await log.reopen();
  await log.close();
  const kept = linesOf(file).filter((line) => line.startsWith('line '));
  assert.deepEqual(
    kept,
    Array.from({ length: total - lost }, (_, i) => `line ${i} ${'x'.repeat(100)}`),
  );
  writeInPlace(log, 'after the end');
  assert.doesNotMatch(readFileSync(file, 'latin1'), /after the end|never ended/);
});

test('whatever is logged, a file and a slow pipe get it whole and in order', async () => {
  const folder = newFolder();
  const { file: fifo, reader } = makeFifo(folder);
  const line = fc
    .tuple(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constantFrom(1, 3, 100, 4000, 9000))
    .map(([text, times]) => text.replaceAll('\n', ' ').repeat(times).slice(0, 30_000));
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 30 }), async (lines) => {
      const file = join(folder, 'app.log');
      writeFileSync(file, '');
      const expected = Buffer.from(lines.map((text) => `${text}\n`).join('')).toString('latin1');
      for (const destination of [file, fifo]) {
        const log = new Log({ file: destination });
        for (const [i, text] of lines.entries()) {
          if (i % 2 === 0) log.rawLine(text);
          else writeInPlace(log, text);
        }
        if (destination === fifo) {
          assert.equal(await readUntil(reader, (length) => length >= expected.length), expected);
        }
        await log.close();
      }
      assert.equal(readFileSync(file, 'latin1'), expected);
    }),
    { numRuns: 60 },
  );
  closeSync(reader);
});
