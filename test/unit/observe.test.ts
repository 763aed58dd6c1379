// The log, the request line and the counters, each by itself.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { FastwsgiError } from '../../dist/base/errors.js';
import { Counters, countersBytes } from '../../dist/observe/counters.js';
import { Log } from '../../dist/observe/log.js';
import { ctime, memoryPrefix, type RequestRecord, requestLine } from '../../dist/observe/request-line.js';

const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-observe-'));
after(() => rmSync(folder, { recursive: true }));

const RECORD: RequestRecord = {
  pid: 7,
  requestOfWorker: 3,
  requestOfServer: 12,
  address: '192.0.2.1',
  user: 'ada',
  varCount: 14,
  varsBytes: 300,
  method: 'GET',
  uri: '/a?b=c',
  bodyBytes: 1234,
  elapsedMs: 5.9,
  protocol: 'HTTP/1.1',
  status: 200,
  headerCount: 2,
  headBytes: 80,
  core: 4,
  app: 0,
  switches: 1,
};

test('a request line is uWSGI’s default format, character by character', () => {
  assert.equal(
    requestLine(RECORD, 'Sun Nov 22 05:02:00 2026'),
    '[pid: 7|app: 0|req: 3/12] 192.0.2.1 (ada) {28 vars in 300 bytes} [Sun Nov 22 05:02:00 2026] GET /a?b=c => ' +
      'generated 1234 bytes in 5 msecs (HTTP/1.1 200) 2 headers in 80 bytes (1 switches on core 4)',
  );
});

test('the memory prefix has bytes and whole megabytes', () => {
  assert.equal(
    memoryPrefix(2 ** 31, 5 * 2 ** 20 - 1),
    '{address space usage: 2147483648 bytes/2048MB} {rss usage: 5242879 bytes/4MB} ',
  );
});

test('the date is written as C’s ctime writes it', () => {
  const date = new Date(2026, 10, 2, 5, 2, 0, 250);
  assert.equal(ctime(date.getTime()), 'Mon Nov  2 05:02:00 2026');
  assert.equal(ctime(date.getTime() + 700), 'Mon Nov  2 05:02:00 2026');
  assert.equal(ctime(date.getTime() + 1000), 'Mon Nov  2 05:02:01 2026');
});

test('whatever a client sends, its request is one line of printable characters', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.nat(255).map((c) => String.fromCharCode(c)) }),
  );
  fc.assert(
    fc.property(text, text, text, text, (address, user, method, uri) => {
      const line = requestLine({ ...RECORD, address, user, method, uri, protocol: user }, 'now');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f]/);
    }),
  );
});

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
