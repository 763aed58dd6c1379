// The log and the counters, each by itself.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FastwsgiError } from '../../dist/base/errors.js';
import { Counters, countersBytes } from '../../dist/observe/counters.js';
import { Log } from '../../dist/observe/log.js';

const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-observe-'));
after(() => rmSync(folder, { recursive: true }));

test('log lines are appended in order, with their control characters shown', async () => {
  const file = join(folder, 'ordered.log');
  const first = new Log({ file });
  for (let i = 0; i < 500; i++) first.line(`line ${i}`);
  await first.close();
  first.line('after the end');
  const second = new Log({ file });
  second.line('two\nlines\twith \x1b[31m\r\x07\x9b');
  second.lastLine('the last one');
  await second.close();
  const expected = Array.from({ length: 500 }, (_, i) => `line ${i}\n`);
  expected.push('two\nlines\twith \\x1b[31m\\x0d\\x07\\x9b\n', 'the last one\n');
  assert.equal(
    readFileSync(file, 'utf8').split('\n').sort().join('\n'),
    expected.join('').split('\n').sort().join('\n'),
  );
  assert.ok(readFileSync(file, 'utf8').startsWith(expected.slice(0, 500).join('')));
});

test('a log that cannot be opened is the operator’s error', () => {
  assert.throws(
    () => new Log({ file: join(folder, 'missing', 'app.log') }),
    (error) => error instanceof FastwsgiError && error.code === 'ERR_FILE' && error.option === 'logto',
  );
});

test('counters of several workers are kept apart and added up', () => {
  const memory = new SharedArrayBuffer(countersBytes(3));
  const [first, second] = [new Counters(memory), new Counters(memory)];
  for (let i = 0; i < 5; i++) first.countRequest(0, 100);
  for (let i = 0; i < 7; i++) second.countRequest(2, 2 ** 33);
  second.countException(2);
  assert.deepEqual([first.requests(0), first.requests(1), first.requests(2)], [5, 0, 7]);
  assert.deepEqual([first.exceptions(0), first.exceptions(2)], [0, 1]);
  assert.equal(second.requestsTotal, 12);
});
