// Any bytes at all, cut anywhere: the front answers or closes, never dies, and serves the next client.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { request, talk } from '../helpers/http-client.js';
import { ENGINES, eventually, type HttpHarness, startHttp } from '../helpers/http-front.js';

/** Pieces of requests, right and wrong, that a generator puts together. */
const FRAGMENTS = [
  'GET / HTTP/1.1\r\n',
  'POST /hash HTTP/1.1\r\n',
  'POST /hash HTTP/1.0\r\n',
  'HEAD /length?100000 HTTP/1.1\r\n',
  'GET /stream?100000 HTTP/1.1\r\n',
  'OPTIONS * HTTP/1.1\r\n',
  'Host: a\r\n',
  'Content-Length: 3\r\n',
  'Content-Length: 70000\r\n',
  'Content-Length: -1\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip\r\n',
  'Connection: close\r\n',
  'Expect: 100-continue\r\n',
  'X-Y: z\r\n',
  ': empty\r\n',
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\0',
  'abc',
  '3\r\nabc\r\n',
  '0\r\n\r\n',
  'ffffffffffffffff\r\n',
  'x'.repeat(5000),
];

const fragment = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...FRAGMENTS).map((text) => Buffer.from(text, 'latin1')) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
);

const pieces = fc.array(fc.array(fragment, { minLength: 1, maxLength: 8 }).map(Buffer.concat), {
  minLength: 1,
  maxLength: 3,
});

for (const engine of ENGINES) {
  describe(`any bytes on ${engine}`, () => {
    const http: Promise<HttpHarness> = startHttp(engine);
    after(async () => (await http)[Symbol.asyncDispose]());

    test('are answered or dropped, and the next request is served', async () => {
      const { target, worker } = await http;
      await fc.assert(
        fc.asyncProperty(pieces, async (bytes) => {
          await talk(target, bytes, 5);
          const response = await request(target, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
          assert.equal(response?.status, 200);
        }),
        { numRuns: 300 },
      );
      await eventually('all slots are free', () => worker.busySlots === 0);
    });
  });
}
