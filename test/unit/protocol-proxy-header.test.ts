// The parser of PROXY headers: every form, whole and cut anywhere; nothing is guessed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PROXY, PROXY_HEADER_BYTES_MAX, ProxyHeader } from '../../dist/protocol/proxy-header.js';
import { proxyV2, TLVS, UNIX_CONTENT, V4_CONTENT, V6_CONTENT } from '../helpers/proxy-header.js';

interface Good {
  readonly what: string;
  readonly bytes: Buffer;
  /** `address port`; undefined: nobody is named. */
  readonly peer: string | undefined;
}

const GOOD: readonly Good[] = [
  { what: 'TCP4', bytes: Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n'), peer: '192.0.2.7 4711' },
  { what: 'TCP6', bytes: Buffer.from('PROXY TCP6 2001:DB8:0::7 ::1 4711 443\r\n'), peer: '2001:db8::7 4711' },
  { what: 'IPv4 inside TCP6', bytes: Buffer.from('PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n'), peer: '192.0.2.7 1' },
  { what: 'UNKNOWN', bytes: Buffer.from('PROXY UNKNOWN\r\n'), peer: undefined },
  { what: 'UNKNOWN with more', bytes: Buffer.from('PROXY UNKNOWN ffff::1 nonsense 1\r\n'), peer: undefined },
  {
    what: 'the longest line',
    bytes: Buffer.from(`PROXY UNKNOWN ${'x'.repeat(107 - 16)}\r\n`),
    peer: undefined,
  },
  { what: 'version 2, IPv4', bytes: proxyV2({ family: 1, content: V4_CONTENT }), peer: '192.0.2.7 4711' },
  { what: 'version 2, IPv6', bytes: proxyV2({ family: 2, content: V6_CONTENT }), peer: '2001:db8::7 4711' },
  { what: 'version 2, unix', bytes: proxyV2({ family: 3, content: UNIX_CONTENT }), peer: ' ' },
  {
    what: 'version 2 with TLVs',
    bytes: proxyV2({ family: 1, content: Buffer.concat([V4_CONTENT, TLVS]) }),
    peer: '192.0.2.7 4711',
  },
  {
    what: 'the largest of version 2',
    bytes: proxyV2({ family: 1, content: Buffer.concat([V4_CONTENT, Buffer.alloc(PROXY_HEADER_BYTES_MAX - 28)]) }),
    peer: '192.0.2.7 4711',
  },
  { what: 'LOCAL', bytes: proxyV2({ command: 0, family: 0, content: Buffer.alloc(0) }), peer: undefined },
  { what: 'LOCAL with an address', bytes: proxyV2({ command: 0, family: 1, content: V4_CONTENT }), peer: undefined },
  { what: 'an unspecified family', bytes: proxyV2({ family: 0, transport: 0, content: TLVS }), peer: undefined },
];

const BAD: readonly (readonly [string, Buffer])[] = [
  ['a request', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['a ClientHello', Buffer.of(0x16, 3, 1)],
  ['lower case', Buffer.from('proxy TCP4')],
  ['a family that does not exist', Buffer.from('PROXY TCP5 192.0.2.7 198.51.100.1 4711 443\r\n')],
  ['IPv6 as TCP4', Buffer.from('PROXY TCP4 ::1 ::1 4711 443\r\n')],
  ['IPv4 as TCP6', Buffer.from('PROXY TCP6 192.0.2.7 192.0.2.7 4711 443\r\n')],
  ['a zone', Buffer.from('PROXY TCP6 fe80::1%eth0 ::1 4711 443\r\n')],
  ['an address with a leading zero', Buffer.from('PROXY TCP4 192.0.02.7 198.51.100.1 4711 443\r\n')],
  ['a port with a leading zero', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 04711 443\r\n')],
  ['a port that is too large', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n')],
  ['two spaces', Buffer.from('PROXY  TCP4 192.0.2.7 198.51.100.1 4711 443\r\n')],
  ['one word too many', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 4711 443 1\r\n')],
  ['one word too few', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 4711\r\n')],
  ['a line feed alone', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\n')],
  ['no end within 107 bytes', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(120)}`)],
  ['an end after 107 bytes', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(108 - 16)}\r\n`)],
  ['version 1 in the form of 2', proxyV2({ version: 1, family: 1, content: V4_CONTENT })],
  ['version 3', proxyV2({ version: 3, family: 1, content: V4_CONTENT })],
  ['command 2', proxyV2({ command: 2, family: 1, content: V4_CONTENT })],
  ['family 4', proxyV2({ family: 4, content: V4_CONTENT })],
  ['transport 3', proxyV2({ family: 1, transport: 3, content: V4_CONTENT })],
  ['addresses that are too short', proxyV2({ family: 2, content: V4_CONTENT })],
  ['a length that nobody needs', proxyV2({ family: 1, content: V4_CONTENT, length: PROXY_HEADER_BYTES_MAX - 15 })],
  ['another signature', Buffer.from('\r\n\r\n\0\r\nQUIP\n', 'latin1')],
];

/** The parser's answer to what stands behind some other bytes, and who it names. */
function parse(bytes: Buffer): { outcome: number; peer: string | undefined } {
  const header = new ProxyHeader();
  const padding = 5;
  const outcome = header.parse(Buffer.concat([Buffer.alloc(padding, 80), bytes]), padding, padding + bytes.length);
  return { outcome, peer: header.isKnown ? `${header.address} ${header.port}` : undefined };
}

for (const { what, bytes, peer } of GOOD) {
  test(`${what} is read whole, and waited for at every cut`, () => {
    for (let length = 0; length < bytes.length; length++) {
      assert.deepEqual(parse(bytes.subarray(0, length)), { outcome: PROXY.MORE, peer: undefined }, `cut at ${length}`);
    }
    assert.deepEqual(parse(bytes), { outcome: bytes.length, peer });
    const request = Buffer.from('PROXY GET / HTTP/1.1');
    assert.deepEqual(parse(Buffer.concat([bytes, request])), { outcome: bytes.length, peer });
  });
}

for (const [what, bytes] of BAD) {
  test(`${what} is a fault, and stays one whatever follows`, () => {
    assert.equal(parse(bytes).outcome, PROXY.FAULT);
    assert.equal(parse(Buffer.concat([bytes, Buffer.alloc(5000)])).outcome, PROXY.FAULT);
  });
}

test('any bytes: never more than is there, never a fault that more bytes would undo', () => {
  const chunk = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom(...GOOD.map(({ bytes }) => bytes), ...BAD.map(([, bytes]) => bytes)),
    fc.constantFrom('PROXY ', 'TCP4 ', ' 1', '\r\n').map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 6 }), fc.nat(300), (chunks, cut) => {
      const bytes = Buffer.concat(chunks);
      const whole = parse(bytes).outcome;
      const begun = parse(bytes.subarray(0, cut)).outcome;
      assert.ok(whole <= bytes.length);
      if (begun !== PROXY.MORE) assert.equal(whole, begun);
    }),
    { numRuns: 3000 },
  );
});
