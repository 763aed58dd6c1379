// Properties of the HTTP side: framing against a slow reference written from the RFC, targets that never climb, heads that
// come back as they were written.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkFraming, FRAMING, FRAMING_TABLE, FramingCheck } from '../../dist/protocol/request-framing.js';
import { RequestTarget, TARGET } from '../../dist/protocol/request-target.js';
import { parseHead, ResponseHead } from '../../dist/protocol/response-head.js';

const latin1 = (constraints: fc.ArrayConstraints) =>
  fc
    .array(fc.integer({ min: 0, max: 255 }), { size: 'max', ...constraints })
    .map((codes) => String.fromCharCode(...codes));

const name = fc.oneof(
  fc.constantFrom(
    'Content-Length',
    'content-length',
    'Transfer-Encoding',
    'TRANSFER-ENCODING',
    'Host',
    'host',
    'Expect',
    'Accept',
    'X_Y',
    'Connection',
    'A B',
    '',
  ),
  latin1({ maxLength: 6 }),
);
const value = fc.oneof(
  fc.constantFrom(
    '5',
    '05',
    '5, 5',
    '+5',
    '',
    ' 5 ',
    '9007199254740992',
    'chunked',
    'Chunked ',
    'gzip, chunked',
    'chunked, chunked',
    'gzip',
    'a.b:80',
    '[::1]',
    'a b',
    '100-continue',
    'x',
    'y\r\nz',
    '\t',
  ),
  latin1({ maxLength: 40 }),
);
const headers = fc.array(fc.tuple(name, value), { maxLength: 6, size: 'max' });
const withHost = headers.map((list): [string, string][] => [
  ['Host', 'h'],
  ...list.filter(([n]) => n.toLowerCase() !== 'host'),
]);

/** Everything that is wrong with a request, each as the RFC has it. Strings and lists, no thought of speed. */
function referenceFaults(method: string, httpMinor: number, list: [string, string][]): Set<number> {
  const faults = new Set<number>();
  const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
  // RFC 9110 section 9.1, 5.1, 5.5.
  if (!token.test(method)) faults.add(FRAMING.BAD_METHOD);
  if (list.some(([n]) => !token.test(n))) faults.add(FRAMING.BAD_HEADER_NAME);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (list.some(([, v]) => /[\0-\x08\x0a-\x1f\x7f]/.test(v))) faults.add(FRAMING.BAD_HEADER_VALUE);
  const valuesOf = (wanted: string) =>
    list.filter(([n]) => n.toLowerCase() === wanted).map(([, v]) => v.replace(/^[ \t]+|[ \t]+$/g, ''));
  // RFC 9112 section 6.3.
  const lengths = valuesOf('content-length');
  const codings = valuesOf('transfer-encoding');
  if (lengths.some((v) => !/^[0-9]+$/.test(v) || BigInt(v) > 2n ** 53n - 1n)) faults.add(FRAMING.BAD_CONTENT_LENGTH);
  if (lengths.length > 1) faults.add(FRAMING.REPEATED_CONTENT_LENGTH);
  if (lengths.length > 0 && codings.length > 0) faults.add(FRAMING.LENGTH_AND_CODING);
  if (codings.length > 0 && httpMinor === 0) faults.add(FRAMING.CODING_IN_HTTP_1_0);
  if (codings.length > 1) faults.add(FRAMING.BAD_TRANSFER_CODING);
  for (const coding of codings) {
    const parts = coding.toLowerCase().split(',');
    const names = parts.map((part) => (part.split(';')[0] as string).replace(/^[ \t]+|[ \t]+$/g, ''));
    const isChunked = parts.map((part) => part.replace(/^[ \t]+|[ \t]+$/g, '') === 'chunked');
    const endsClearly = isChunked.indexOf(true) === parts.length - 1 && names.every((part) => token.test(part));
    if (!endsClearly) faults.add(FRAMING.BAD_TRANSFER_CODING);
    else if (parts.length > 1) faults.add(FRAMING.UNKNOWN_TRANSFER_CODING);
  }
  // RFC 9112 section 3.2, RFC 9110 section 10.1.1.
  const hosts = valuesOf('host');
  if (hosts.length === 0 && httpMinor > 0) faults.add(FRAMING.MISSING_HOST);
  if (hosts.length > 1) faults.add(FRAMING.REPEATED_HOST);
  if (hosts.some((v) => !/^(\[[0-9a-f:.]+\]|([a-z0-9\-._~!$&'()*+,;=]|%)*)(:\d*)?$/i.test(v)))
    faults.add(FRAMING.BAD_HOST);
  if (valuesOf('expect').some((v) => v.toLowerCase() !== '100-continue')) faults.add(FRAMING.UNKNOWN_EXPECTATION);
  return faults;
}

describe('request framing', () => {
  it('is refused exactly when the reference finds a fault, and for one that the reference finds', () => {
    const check = new FramingCheck();
    fc.assert(
      fc.property(
        fc.oneof(headers, withHost),
        fc.constantFrom(0, 1),
        fc.constantFrom('GET', 'POST', 'G T'),
        (list, minor, method) => {
          const expected = referenceFaults(method, minor, list);
          const got = checkFraming(check, method, minor, list.flat());
          if (expected.size === 0) {
            assert.equal(got, FRAMING.OK);
            const lengths = list.filter(([n]) => n.toLowerCase() === 'content-length');
            assert.equal(check.contentLength, lengths.length === 0 ? -1 : Number((lengths[0] as [string, string])[1]));
            assert.equal(
              check.chunked,
              list.some(([n]) => n.toLowerCase() === 'transfer-encoding'),
            );
          } else {
            assert.ok(expected.has(got), `${got} is not among ${[...expected]}`);
            assert.ok(FRAMING_TABLE[got].status >= 400);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

/** Decoding and RFC 3986 section 5.2.4, on lists of segments. */
function referencePath(raw: string): string | null {
  const path = raw.split('#')[0] as string;
  const decoded = path.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  if (decoded.includes('\0')) return null;
  const out: string[] = [];
  const segments = decoded.split('/').slice(1);
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1;
    if (segment === '..') out.pop();
    if (segment !== '.' && segment !== '..') out.push(segment);
    else if (last) out.push('');
  });
  return `/${out.join('/')}`;
}

describe('request targets', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '/',
      '.',
      '..',
      '/..',
      '/.',
      '%2e',
      '%2E',
      '%2f',
      '%',
      '%0',
      '%00',
      '%zz',
      '#',
      'a',
      'b',
      '%25',
      '//',
    ),
    fc
      .integer({ min: 0x21, max: 0xff })
      .filter((code) => code !== 127 && code !== 63)
      .map((code) => String.fromCharCode(code)),
  );

  it('are decoded as the reference decodes them, and never hold a dot segment afterwards', () => {
    const target = new RequestTarget();
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12, size: 'max' }).map((pieces) => `/${pieces.join('')}`),
        (raw) => {
          const expected = referencePath(raw);
          const got = target.parse('GET', `${raw}?q=%00/..`);
          if (expected === null) {
            assert.equal(got, TARGET.NUL_IN_PATH);
            return;
          }
          assert.equal(got, TARGET.OK);
          assert.equal(target.pathInfo, expected);
          assert.equal(target.queryString, 'q=%00/..');
          assert.ok(!target.pathInfo.split('/').some((segment) => segment === '.' || segment === '..'));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('never throw, whatever they are', () => {
    const target = new RequestTarget();
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', size: 'max', maxLength: 60 }),
        fc.constantFrom('GET', 'OPTIONS', 'CONNECT'),
        (raw, method) => {
          const got = target.parse(method, raw);
          assert.ok(Object.values(TARGET).includes(got as 0 | 1 | 2));
        },
      ),
    );
  });
});

describe('response heads', () => {
  const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,20}$/);
  const text = fc
    .array(
      fc.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f),
      { maxLength: 50, size: 'max' },
    )
    .map((codes) => String.fromCharCode(...codes));
  const lines = fc.array(
    fc.tuple(
      token.filter((t) => t.toLowerCase() !== 'content-length'),
      text,
    ),
    { maxLength: 10, size: 'max' },
  );

  it('come back as they were written', () => {
    const head = new ResponseHead();
    const out = Buffer.alloc(8192);
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 999 }),
        fc.stringMatching(/^[A-Za-z ]{1,10}$/),
        lines,
        (code, reason, list) => {
          head.set(`${code} ${reason}`, list);
          const end = head.encode('HTTP/1.1', out, 3);
          assert.deepEqual(parseHead(out, 3, end), { statusCode: code, reason, rawHeaders: list.flat() });
          assert.equal(head.statusCode, code);
          assert.equal(head.headerCount, list.length);
        },
      ),
    );
  });

  it('are refused, or have as many lines as they have headers', () => {
    const head = new ResponseHead();
    const out = Buffer.alloc(65536);
    const anything = fc.string({ unit: 'binary', maxLength: 40, size: 'max' });
    fc.assert(
      fc.property(anything, fc.array(fc.tuple(anything, anything), { maxLength: 3 }), (reason, list) => {
        try {
          head.set(`200 ${reason}`, list);
        } catch (error) {
          assert.ok(error instanceof TypeError);
          return;
        }
        const written = out.toString('latin1', 0, head.encode('HTTP/1.1', out, 0));
        assert.equal(written.split(/[\r\n\0]+/).length, list.length + 2);
        assert.ok(written.endsWith('\r\n\r\n'));
      }),
      { numRuns: 1000 },
    );
  });
});
