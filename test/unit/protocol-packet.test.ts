// The uwsgi packet parser and the faults it finds: every case whole, byte by byte and cut at random places.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FAULT, FAULT_TABLE, faultLogLine, faultResponse } from '../../dist/protocol/faults.js';
import { encodePacket, encodePing } from '../../dist/protocol/uwsgi-encoder.js';
import { MODIFIER_PING, PARSE, PacketParser } from '../../dist/protocol/uwsgi-packet.js';

interface Outcome {
  state: number;
  fault: number;
  faultArg: number;
  varCount: number;
  contentLength: number;
  varsEnd: number;
}

interface PacketCase {
  name: string;
  bytes: Buffer;
  varsBytesMax?: number;
  expected: Partial<Outcome>;
}

function header(modifier1: number, datasize: number, modifier2 = 0): Buffer {
  return Buffer.from([modifier1, datasize & 255, datasize >> 8, modifier2]);
}

/** A packet around a vars block written by hand. */
function packet(vars: string): Buffer {
  return Buffer.concat([header(0, vars.length), Buffer.from(vars, 'latin1')]);
}

function manyVars(count: number): Buffer {
  return encodePacket(Array.from({ length: count }, (_, i) => [`K${i}`, 'v']));
}

const COMPLETE = { state: PARSE.COMPLETE, fault: FAULT.NONE };

function fails(fault: number, faultArg?: number): Partial<Outcome> {
  return faultArg === undefined ? { state: PARSE.FAULT, fault } : { state: PARSE.FAULT, fault, faultArg };
}

function length(...values: string[]): Buffer {
  return encodePacket([
    ['REQUEST_METHOD', 'POST'],
    ...values.map((value): [string, string] => ['CONTENT_LENGTH', value]),
  ]);
}

const CASES: PacketCase[] = [
  { name: 'one var', bytes: encodePacket([['A', 'b']]), expected: { ...COMPLETE, varCount: 1, contentLength: -1 } },
  {
    name: 'an empty value at the end',
    bytes: encodePacket([
      ['A', 'b'],
      ['C', ''],
    ]),
    expected: { ...COMPLETE, varCount: 2 },
  },
  {
    name: 'bytes of a body behind it',
    bytes: Buffer.concat([length('5'), Buffer.from('hello')]),
    expected: { ...COMPLETE, contentLength: 5 },
  },
  { name: 'an empty CONTENT_LENGTH', bytes: length(''), expected: { ...COMPLETE, contentLength: 0 } },
  { name: 'the same CONTENT_LENGTH twice', bytes: length('12', '12'), expected: { ...COMPLETE, contentLength: 12 } },
  {
    name: 'the largest CONTENT_LENGTH',
    bytes: length('9007199254740991'),
    expected: { ...COMPLETE, contentLength: 2 ** 53 - 1 },
  },
  {
    name: 'a CONTENT_LENGTH with zeros in front',
    bytes: length('0000000000000000000000007'),
    expected: { ...COMPLETE, contentLength: 7 },
  },
  {
    name: 'HTTP_CONTENT_LENGTH, which is no length',
    bytes: encodePacket([['HTTP_CONTENT_LENGTH', 'x']]),
    expected: { ...COMPLETE, contentLength: -1 },
  },
  { name: '1024 vars', bytes: manyVars(1024), expected: { ...COMPLETE, varCount: 1024 } },
  {
    name: 'the largest vars block',
    bytes: encodePacket([['K', 'v'.repeat(65530)]]),
    expected: { ...COMPLETE, varsEnd: 65539 },
  },
  { name: 'a ping', bytes: encodePing(), expected: { ...COMPLETE, varCount: 0 } },
  {
    name: 'a ping with a payload',
    bytes: Buffer.concat([header(MODIFIER_PING, 3), Buffer.from('abc')]),
    expected: { ...COMPLETE, varCount: 0 },
  },
  { name: 'a vars block of buffer-size', bytes: encodePacket([['KEY', 'vvv']]), varsBytesMax: 10, expected: COMPLETE },

  {
    name: 'a vars block over buffer-size',
    bytes: encodePacket([['KEY', 'vvvv']]),
    varsBytesMax: 10,
    expected: fails(FAULT.OVERSIZE, 11),
  },
  ...[
    'GET / HTTP/1.1\r\n',
    'POST / HTTP/1.1',
    'PUT /',
    'HEAD /',
    'DELETE /',
    'OPTIONS *',
    'PATCH /',
    'PRI * HTTP/2.0',
  ].map((text) => ({
    name: `the HTTP request line ${JSON.stringify(text)}`,
    bytes: Buffer.from(text),
    expected: fails(FAULT.HTTP_SPEAKER),
  })),
  { name: 'a TLS ClientHello', bytes: Buffer.from([22, 3, 1, 2, 0, 1, 0]), expected: fails(FAULT.TLS_SPEAKER) },
  { name: 'a key of no length', bytes: packet('\0\0\x01\0v'), expected: fails(FAULT.ZERO_KEY) },
  {
    name: 'a key of no length after a var',
    bytes: packet('\x01\0k\x01\0v\0\0\0\0'),
    expected: { ...fails(FAULT.ZERO_KEY), varCount: 1 },
  },
  { name: 'a value one byte too long', bytes: packet('\x01\0k\x02\0v'), expected: fails(FAULT.VALUE_OVERRUN, 2) },
  {
    name: 'a value of 65535 bytes in a small packet',
    bytes: packet('\x01\0k\xff\xffv'),
    expected: fails(FAULT.VALUE_OVERRUN, 65535),
  },
  { name: 'a key longer than the packet', bytes: packet('\xff\0k\x01\0v'), expected: fails(FAULT.KEY_OVERRUN, 255) },
  { name: 'a key without a value', bytes: packet('\x01\0k'), expected: fails(FAULT.KEY_OVERRUN, 1) },
  { name: 'a key with half the length of a value', bytes: packet('\x01\0k\0'), expected: fails(FAULT.KEY_OVERRUN, 1) },
  {
    name: 'half a key length at the end',
    bytes: packet('\x01\0k\0\0\x01'),
    expected: { ...fails(FAULT.KEY_OVERRUN, 0), varCount: 1 },
  },
  { name: '1025 vars', bytes: manyVars(1025), expected: { ...fails(FAULT.TOO_MANY_VARS), varCount: 1024 } },
  { name: 'modifier 0 and no vars', bytes: header(0, 0), expected: fails(FAULT.EMPTY_REQUEST) },
  { name: 'an unknown modifier', bytes: header(5, 0), expected: fails(FAULT.UNKNOWN_MODIFIER, 5) },
  ...[
    'x',
    '1x',
    '+1',
    '-1',
    ' 1',
    '1 ',
    '0x10',
    '1e3',
    '1,1',
    '1.0',
    '\0',
    '9007199254740992',
    '99999999999999999999999',
  ].map((value) => ({
    name: `CONTENT_LENGTH ${JSON.stringify(value)}`,
    bytes: length(value),
    expected: { ...fails(FAULT.BAD_CONTENT_LENGTH), varCount: 1 },
  })),
  {
    name: 'CONTENT_LENGTH twice, with two values',
    bytes: length('5', '6'),
    expected: fails(FAULT.CONTENT_LENGTH_CONFLICT),
  },
  { name: 'CONTENT_LENGTH twice, once empty', bytes: length('', '6'), expected: fails(FAULT.CONTENT_LENGTH_CONFLICT) },
];

/** Parses `bytes`, handed over up to each of the `cuts` in turn, at `offset` of a buffer that holds rubbish all around. */
function parseCut(bytes: Buffer, cuts: readonly number[], varsBytesMax: number | undefined, offset: number): Outcome {
  const buffer = Buffer.alloc(offset + bytes.length, 0xaa);
  const parser = new PacketParser(varsBytesMax);
  let state: number = PARSE.NEED_MORE;
  for (const cut of cuts) {
    bytes.copy(buffer, offset, 0, cut);
    const next = parser.parse(buffer, offset, offset + cut);
    assert.ok(state === PARSE.NEED_MORE || next === state, 'an outcome stays');
    state = next;
  }
  const { fault, faultArg, varCount, contentLength } = parser;
  return { state, fault, faultArg, varCount, contentLength, varsEnd: parser.varsEnd - offset };
}

/** A small generator of known numbers (mulberry32), so that a failure can be repeated from its seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

describe('PacketParser', () => {
  for (const { name, bytes, varsBytesMax, expected } of CASES) {
    const verb = expected.state === PARSE.FAULT ? 'refuses' : 'reads';
    const whole = parseCut(bytes, [bytes.length], varsBytesMax, 0);

    it(`${verb} ${name}, come whole`, () => {
      assert.deepEqual({ ...whole, ...expected }, whole);
    });

    it(`${verb} ${name}, come byte by byte`, () => {
      const cuts = Array.from({ length: bytes.length + 1 }, (_, i) => i);
      assert.deepEqual(parseCut(bytes, cuts, varsBytesMax, 7), whole);
    });

    it(`${verb} ${name}, cut at random places`, () => {
      const seed = (Math.random() * 2 ** 32) | 0;
      const next = random(seed);
      for (let round = 0; round < 20; round++) {
        const cuts = Array.from({ length: 1 + Math.floor(next() * 6) }, () => Math.floor(next() * bytes.length));
        cuts.sort((a, b) => a - b).push(bytes.length);
        assert.deepEqual(parseCut(bytes, cuts, varsBytesMax, round), whole, `seed ${seed}, cuts ${cuts}`);
      }
    });
  }

  it('wants more of every part of a packet', () => {
    const bytes = encodePacket([
      ['CONTENT_LENGTH', '1'],
      ['A', ''],
    ]);
    for (let cut = 0; cut < bytes.length; cut++) {
      assert.equal(parseCut(bytes, [cut], undefined, 0).state, PARSE.NEED_MORE, `cut at ${cut}`);
    }
  });

  it('finds a wrong length before the bytes that it promises', () => {
    const bytes = Buffer.from([0, 100, 0, 0, 200, 0]);
    assert.equal(parseCut(bytes, [bytes.length], undefined, 0).fault, FAULT.KEY_OVERRUN);
  });

  it('reads on in another buffer that holds the same bytes', () => {
    const bytes = length('42');
    const parser = new PacketParser();
    assert.equal(parser.parse(bytes.subarray(0, 11), 0, 11), PARSE.NEED_MORE);
    assert.equal(parser.parse(Buffer.from(bytes), 0, bytes.length), PARSE.COMPLETE);
    assert.equal(parser.contentLength, 42);
  });

  it('reads from shared memory', () => {
    const bytes = length('42');
    const shared = Buffer.from(new SharedArrayBuffer(bytes.length));
    bytes.copy(shared);
    const parser = new PacketParser();
    assert.equal(parser.parse(shared, 0, shared.length), PARSE.COMPLETE);
    assert.equal(parser.contentLength, 42);
  });

  it('keeps a fault until it is reset, and forgets it then', () => {
    const parser = new PacketParser();
    const bad = packet('\0\0\0\0');
    assert.equal(parser.parse(bad, 0, bad.length), PARSE.FAULT);
    const good = encodePacket([['A', 'b']], 0, 3);
    assert.equal(parser.parse(good, 0, good.length), PARSE.FAULT);
    parser.reset();
    assert.equal(parser.parse(good, 0, good.length), PARSE.COMPLETE);
    assert.deepEqual(
      [
        parser.modifier1,
        parser.modifier2,
        parser.datasize,
        parser.varsStart,
        parser.varsEnd,
        parser.varCount,
        parser.contentLength,
      ],
      [0, 3, 6, 4, 10, 1, -1],
    );
  });

  it('fails an assertion when the packet shrinks or moves, which is a bug of ours', () => {
    const bytes = length('42');
    const parser = new PacketParser();
    parser.parse(bytes, 0, 10);
    assert.throws(() => parser.parse(bytes, 0, 9), { name: 'AssertionError' });
    assert.throws(() => parser.parse(bytes, 1, 12), { name: 'AssertionError' });
  });
});

describe('faults', () => {
  it('logs what uWSGI logs', () => {
    assert.equal(faultLogLine(FAULT.OVERSIZE, 21573, 4096), 'invalid request block size: 21573 (max 4096)...skip');
    assert.equal(faultLogLine(FAULT.ZERO_KEY, 0, 0), 'uwsgi key cannot be null. skip this var.');
    assert.equal(faultLogLine(FAULT.VALUE_OVERRUN, 300), 'invalid uwsgi request (current strsize: 300). skip.');
    assert.equal(faultLogLine(FAULT.KEY_OVERRUN, 301), 'invalid uwsgi request (current strsize: 301). skip.');
    assert.equal(faultLogLine(FAULT.UNKNOWN_MODIFIER, 5), '-- unavailable modifier requested: 5 --');
    assert.equal(faultLogLine(FAULT.EMPTY_REQUEST), 'empty request. skip.');
    assert.equal(faultLogLine(FAULT.BODY_TOO_LARGE), 'Invalid (too big) CONTENT_LENGTH. skip.');
  });

  it('says nothing of a peer that closes before its first byte', () => {
    assert.equal(faultLogLine(FAULT.EOF_BEFORE_REQUEST), '');
    assert.equal(faultResponse(FAULT.EOF_BEFORE_REQUEST), null);
  });

  it('names the protocol to who speaks HTTP or TLS', () => {
    for (const fault of [FAULT.HTTP_SPEAKER, FAULT.TLS_SPEAKER]) {
      const response = String(faultResponse(fault));
      assert.match(response, /^HTTP\/1\.1 400 Bad Request\r\n/);
      assert.match(response, /\r\n\r\nthis socket speaks uwsgi, not HTTP\n$/);
      assert.match(faultLogLine(fault), /this socket speaks uwsgi, not HTTP/);
    }
  });

  it('answers with the status of the table, or not at all, and makes each answer once', () => {
    const statuses = Object.values(FAULT).map((fault) => {
      const response = faultResponse(fault);
      assert.equal(faultResponse(fault), response);
      if (response === null) return 0;
      const [head, body] = String(response).split('\r\n\r\n') as [string, string];
      assert.match(head, new RegExp(`\r\nContent-Length: ${body.length}\r\nConnection: close$`));
      return Number(head.split(' ')[1]);
    });
    assert.deepEqual(
      statuses,
      Object.values(FAULT).map((fault) => FAULT_TABLE[fault].status),
    );
    assert.deepEqual(statuses, [0, 431, 400, 400, 400, 400, 400, 0, 0, 0, 0, 431, 0, 413, 400, 400, 0]);
  });

  it('fails an assertion on a code that is none', () => {
    assert.throws(() => faultLogLine(99), { name: 'AssertionError' });
  });
});
