// Trailer fields: which are taken, and how they travel.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { trailerLines, trailerPairs } from '../../dist/protocol/trailers.js';

test('any trailers arrive as they were, or not at all', () => {
  const text = fc.string({
    maxLength: 20,
    unit: fc.constantFrom('X', 'a', '-', '_', ' ', '\t', ':', '\r', '\n', '\0', 'é', 'Ā'),
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text)), (pairs) => {
      const taken = trailerPairs(trailerLines(pairs.flat()));
      const isFine = ([name, value]: [string, string]) =>
        /^[Xa-]+$/.test(name) && /^[\t\x20-\xff]*$/.test(value.replace(/^[ \t]+|[ \t]+$/g, ''));
      const expected = pairs.filter(isFine).map(([name, value]) => [name, value.replace(/^[ \t]+|[ \t]+$/g, '')]);
      assert.deepEqual(taken, expected);
    }),
  );
});

test('what frames, routes, authenticates or describes a message is left out', () => {
  for (const name of [
    'Content-Length',
    'TRANSFER-ENCODING',
    'Trailer',
    'Host',
    'Connection',
    'Upgrade',
    'TE',
    'Expect',
    'Cache-Control',
    'Max-Forwards',
    'Range',
    'If-Match',
    'If-None-Match',
    'Authorization',
    'Proxy-Authorization',
    'Cookie',
    'Set-Cookie',
    'Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'X-Real-IP',
    'Content-Encoding',
    'Content-Type',
    'Content-Range',
  ]) {
    assert.equal(trailerLines([name, 'x', 'X-Sum', '1']), 'X-Sum: 1\r\n', name);
  }
});
