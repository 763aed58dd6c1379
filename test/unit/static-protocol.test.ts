// Ranges, conditions, codings and dates of HTTP, as tables from RFC 9110.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseCoding } from '../../dist/protocol/accept-encoding.js';
import { parseRange, RANGE } from '../../dist/protocol/byte-range.js';
import { httpDate, parseHttpDate } from '../../dist/protocol/http-date.js';
import { judgeConditions, rangeStillValid } from '../../dist/protocol/preconditions.js';

const { WHOLE, UNSATISFIABLE } = RANGE;

test('one range of bytes is followed, and cut at the end of the body', () => {
  const cases = [
    ['bytes=0-', 0, 10],
    ['bytes=0-0', 0, 1],
    ['bytes=3-5', 3, 6],
    ['bytes=9-', 9, 10],
    ['bytes=5-100', 5, 10],
    ['bytes=-3', 7, 10],
    ['bytes=-100', 0, 10],
    ['BYTES= 3-5 ', 3, 6],
    ['bytes=3-99999999999999999999999', 3, 10],
  ] as const;
  for (const [value, from, to] of cases) assert.deepEqual(parseRange(value, 10), { from, to }, value);
});

test('a range beyond the end is unsatisfiable, and what is no single range of bytes is the whole', () => {
  for (const value of ['bytes=10-', 'bytes=10-12', 'bytes=-0', 'bytes=99999999999999999999-']) {
    assert.equal(parseRange(value, 10), UNSATISFIABLE, value);
  }
  assert.equal(parseRange('bytes=0-', 0), UNSATISFIABLE);
  assert.equal(parseRange('bytes=-1', 0), UNSATISFIABLE);
  for (const value of [
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=5-3',
    'bytes=0-1,3-4',
    'lines=0-1',
    'bytes=a-b',
    'bytes=0x1-2',
  ]) {
    assert.equal(parseRange(value, 10), WHOLE, value);
  }
});

test('whatever a client writes, a range lies inside the body', () => {
  const value = fc.oneof(
    fc.string(),
    fc.tuple(fc.nat(30), fc.nat(30)).map(([a, b]) => `bytes=${a}-${b}`),
  );
  fc.assert(
    fc.property(value, fc.nat(20), (text, length) => {
      const range = parseRange(text, length);
      if (typeof range !== 'string') assert.ok(0 <= range.from && range.from < range.to && range.to <= length);
    }),
  );
});

const NONE = { ifMatch: undefined, ifUnmodifiedSince: undefined, ifNoneMatch: undefined, ifModifiedSince: undefined };
const MODIFIED = Date.parse('2024-02-29T12:00:00Z');
const VALIDATORS = { etag: '"a-1"', modifiedMs: MODIFIED };
const BEFORE = httpDate(MODIFIED - 1000);
const AT = httpDate(MODIFIED);
const AFTER = httpDate(MODIFIED + 1000);

test('conditions are judged in the order of RFC 9110 section 13.2.2', () => {
  const cases = [
    [{}, 0],
    [{ ifMatch: '*' }, 0],
    [{ ifMatch: '"x", "a-1"' }, 0],
    [{ ifMatch: 'W/"a-1"' }, 412],
    [{ ifMatch: '"x"' }, 412],
    [{ ifMatch: '' }, 412],
    [{ ifMatch: '"a-1"', ifUnmodifiedSince: BEFORE }, 0],
    [{ ifUnmodifiedSince: BEFORE }, 412],
    [{ ifUnmodifiedSince: AT }, 0],
    [{ ifUnmodifiedSince: 'yesterday' }, 0],
    [{ ifNoneMatch: '*' }, 304],
    [{ ifNoneMatch: '"x","a-1"' }, 304],
    [{ ifNoneMatch: 'W/"a-1"' }, 304],
    [{ ifNoneMatch: 'a-1' }, 0],
    [{ ifNoneMatch: '"x"', ifModifiedSince: AFTER }, 0],
    [{ ifModifiedSince: BEFORE }, 0],
    [{ ifModifiedSince: AT }, 304],
    [{ ifModifiedSince: AFTER }, 304],
    [{ ifModifiedSince: 'tomorrow' }, 0],
    [{ ifMatch: '"x"', ifNoneMatch: '"a-1"' }, 412],
    [{ ifMatch: '"a-1"', ifNoneMatch: '"a-1"' }, 304],
    [{ ifUnmodifiedSince: AFTER, ifModifiedSince: AFTER }, 304],
  ] as const;
  for (const [conditions, outcome] of cases) {
    assert.equal(judgeConditions({ ...NONE, ...conditions }, VALIDATORS), outcome, JSON.stringify(conditions));
  }
});

test('If-Range is a strong tag or the very date', () => {
  for (const [value, valid] of [
    ['"a-1"', true],
    ['W/"a-1"', false],
    ['"x"', false],
    [AT, true],
    [AFTER, false],
    [BEFORE, false],
    ['', false],
  ] as const) {
    assert.equal(rangeStillValid(value, VALIDATORS), valid, value);
  }
});

test('the coding is the one with the highest weight, then the one that we prefer, and identity if none is wanted more', () => {
  const cases = [
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['GZIP, deflate, br', 'br'],
    ['gzip;q=1.0, br;q=0.5', 'gzip'],
    ['gzip;q=0, br;q=0', 'identity'],
    ['gzip;q=0, *', 'br'],
    ['*;q=0', 'identity'],
    ['br;q=0.001', 'br'],
    ['identity, gzip;q=0.5', 'identity'],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
    ['identity;q=0', 'identity'],
    ['gzip;q=2', 'identity'],
    ['gzip;q=abc', 'identity'],
    ['gzip ; q=0.5 , br ; q=0.4', 'gzip'],
    [',,;,', 'identity'],
    ['gzipx', 'identity'],
  ] as const;
  for (const [header, coding] of cases) assert.equal(chooseCoding(header, ['br', 'gzip']), coding, header);
});

test('dates are read in the three forms of RFC 9110 section 5.6.7, and in no other', () => {
  const ms = Date.UTC(1994, 10, 6, 8, 49, 37);
  for (const text of ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994']) {
    assert.equal(parseHttpDate(text), ms, text);
  }
  for (const text of [
    '',
    '0',
    '1994-11-06',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 +0100',
    'Nov 6 1994',
    'Sun, 99 Nov 1994 08:49:37 GMT',
  ]) {
    assert.ok(Number.isNaN(parseHttpDate(text)), text);
  }
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4e9 }),
      (seconds) => parseHttpDate(httpDate(seconds * 1000)) === seconds * 1000,
    ),
  );
});
