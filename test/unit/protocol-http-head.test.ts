// HTTP/1 request heads and chunked bodies, strictly.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChunkedDecoder } from '../../dist/protocol/chunked-decoder.js';
import {
  findHeadEnd,
  HEAD_INCOMPLETE,
  HEAD_MALFORMED,
  HeadLines,
  REQUEST_LINE,
  skipEmptyLines,
} from '../../dist/protocol/http-request-head.js';

function begin(line: string): number {
  const head = Buffer.from(`${line}\r\n\r\n`, 'latin1');
  return new HeadLines().begin(head, 0, head.length);
}

test('finds the blank line, however the bytes arrive', () => {
  const bytes = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\nrest', 'latin1');
  const headEnd = bytes.length - 4;
  assert.equal(findHeadEnd(bytes, 0, 0, bytes.length), headEnd);
  let scanned = 0;
  for (let end = 0; end < headEnd; end++) {
    assert.equal(findHeadEnd(bytes, 0, scanned, end), HEAD_INCOMPLETE);
    scanned = end;
  }
  assert.equal(findHeadEnd(bytes, 0, scanned, headEnd), headEnd);
});

test('does not look behind the bytes that have come', () => {
  assert.equal(findHeadEnd(Buffer.from('GET / HTTP/1.1\r\n\r\n'), 0, 0, 10), HEAD_INCOMPLETE);
});

test('refuses a line feed without a carriage return', () => {
  assert.equal(findHeadEnd(Buffer.from('GET / HTTP/1.1\nHost: a\r\n\r\n'), 0, 0, 26), HEAD_MALFORMED);
  assert.equal(findHeadEnd(Buffer.from('\nGET'), 0, 0, 4), HEAD_MALFORMED);
});

test('skips empty lines before the request line', () => {
  assert.equal(skipEmptyLines(Buffer.from('\r\n\r\nGET'), 0, 7), 4);
  assert.equal(skipEmptyLines(Buffer.from('\r'), 0, 1), 0);
});

test('takes request lines apart', () => {
  const head = Buffer.from('POST /a?b=%20 HTTP/1.0\r\nHost: a\r\nX-Y:\t 1 2 \r\nEmpty:\r\n\r\n', 'latin1');
  const lines = new HeadLines();
  assert.equal(lines.begin(head, 0, head.length), REQUEST_LINE.OK);
  assert.deepEqual([lines.method, lines.target, lines.httpMinor], ['POST', '/a?b=%20', 0]);
  const headers: string[][] = [];
  while (lines.next()) headers.push([lines.name, lines.value]);
  assert.deepEqual(headers, [
    ['Host', 'a'],
    ['X-Y', '1 2'],
    ['Empty', ''],
  ]);
});

test('refuses request lines that are none', () => {
  for (const line of [
    'GET  / HTTP/1.1',
    'GET /  HTTP/1.1',
    ' GET / HTTP/1.1',
    'GET / HTTP/1.1 ',
    'GET / a HTTP/1.1',
    'GET /',
    'GET',
    '',
    'GET\t/ HTTP/1.1',
    'GE(T / HTTP/1.1',
    'GET /\u0000 HTTP/1.1',
    'GET /\r HTTP/1.1',
    'GET / HTTP/1.1\r',
    'GET / http/1.1',
    'GET / HTTP/1.10',
    'GET / HTTP/11',
  ]) {
    assert.equal(begin(line), REQUEST_LINE.MALFORMED, JSON.stringify(line));
  }
  for (const line of ['GET / HTTP/2.0', 'GET / HTTP/0.9', 'GET / HTTP/1.2'])
    assert.equal(begin(line), REQUEST_LINE.VERSION);
});

test('gives a line without a colon, a folded one and one without a name an empty name or one that is no token', () => {
  const head = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n folded\r\nnothing\r\n: b\r\nX : 1\r\n\r\n', 'latin1');
  const lines = new HeadLines();
  lines.begin(head, 0, head.length);
  const names: string[] = [];
  while (lines.next()) names.push(lines.name);
  assert.deepEqual(names, ['Host', '', '', '', 'X ']);
});

/** Decodes `bytes` given in pieces of the sizes in `cuts`. */
function decode(bytes: Buffer, cuts: readonly number[]) {
  const decoder = new ChunkedDecoder();
  const parts: Buffer[] = [];
  let at = 0;
  for (let piece = 0; at < bytes.length && !decoder.isDone && !decoder.isFaulty; piece++) {
    const end = Math.min(bytes.length, at + (cuts[piece % cuts.length] as number));
    while (at < end && !decoder.isDone && !decoder.isFaulty) {
      at = decoder.next(bytes, at, end);
      parts.push(Buffer.from(bytes.subarray(decoder.dataStart, decoder.dataEnd)));
    }
  }
  const { isDone: done, isFaulty: faulty, trailers } = decoder;
  return { body: Buffer.concat(parts), rest: bytes.subarray(at), done, faulty, trailers };
}

test('decodes any chunks, cut anywhere, and leaves what follows', () => {
  const chunk = fc.uint8Array({ minLength: 1, maxLength: 300 });
  const property = fc.property(
    fc.array(fc.tuple(chunk, fc.boolean(), fc.boolean()), { maxLength: 8 }),
    fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 }),
    (chunks, cuts) => {
      const encoded = chunks.map(([data, upper, extended]) => {
        const size = data.length.toString(16);
        const line = `${upper ? size.toUpperCase() : `0${size}`}${extended ? ';a="b c";d' : ''}\r\n`;
        return Buffer.concat([Buffer.from(line), data, Buffer.from('\r\n')]);
      });
      const bytes = Buffer.concat([...encoded, Buffer.from('0\r\nX-One: x\r\nb:\xe9\r\n\r\nGET /next', 'latin1')]);
      const { body, rest, done, trailers } = decode(bytes, cuts);
      assert.ok(done);
      assert.ok(body.equals(Buffer.concat(chunks.map(([data]) => data))));
      assert.equal(rest.toString(), 'GET /next');
      assert.equal(trailers, 'X-One: x\r\nb:\xe9\r\n');
    },
  );
  fc.assert(property);
});

test('refuses chunks that are not exactly as they should be', () => {
  for (const text of [
    '\r\n',
    'g\r\n',
    '-1\r\n',
    '+5\r\nhello\r\n',
    '0x5\r\nhello\r\n',
    ' 5\r\nhello\r\n',
    '5 \r\nhello\r\n',
    '5\nhello\r\n',
    '5\r\nhello\n',
    '5\r\nhelloo\r\n',
    '5\r\nhell\r\n0\r\n\r\n',
    '5\r\rhello\r\n',
    '5;a\u0000\r\nhello\r\n',
    '5;a\nb\r\nhello\r\n',
    'fffffffffffffffff\r\n',
    '0\r\n\n',
    '0\r\nA: b\n\r\n',
    '0\r\nA b\r\n\r\n',
    '0\r\nA : b\r\n\r\n',
    '0\r\nA: b\r\n folded\r\n\r\n',
    '0\r\nA: \u0000\r\n\r\n',
    `0\r\nA: ${'b'.repeat(16_384)}\r\n\r\n`,
    `0\r\n${'a:\r\n'.repeat(4097)}\r\n`,
    ';\r\n',
  ]) {
    const { faulty, done } = decode(Buffer.from(text, 'latin1'), [7]);
    assert.ok(faulty && !done, JSON.stringify(text));
  }
});

test('any bytes end as data, a fault or a wish for more', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const { body, done, faulty } = decode(Buffer.from(bytes), [3]);
      assert.ok(body.length <= bytes.length && !(done && faulty));
    }),
  );
});
