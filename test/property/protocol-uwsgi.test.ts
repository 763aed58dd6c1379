// Properties of the uwsgi packet: cut anywhere it parses the same, what is encoded is read back, and no bytes do harm.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { findVar, forEachVar, readVars } from '../../dist/protocol/environ-vars.js';
import { FAULT } from '../../dist/protocol/faults.js';
import { encodeKey, encodePacket, PacketWriter } from '../../dist/protocol/uwsgi-encoder.js';
import { PARSE, PacketParser } from '../../dist/protocol/uwsgi-packet.js';

const latin1 = (constraints: fc.ArrayConstraints) =>
  fc
    .array(fc.integer({ min: 0, max: 255 }), { size: 'max', ...constraints })
    .map((codes) => String.fromCharCode(...codes));
const key = fc.oneof(
  latin1({ minLength: 1, maxLength: 20 }),
  fc.constantFrom(
    'CONTENT_LENGTH',
    'REQUEST_METHOD',
    '__proto__',
    'HTTP_COOKIE',
    'constructor',
    'CONTENT_LENGTX',
    'toString',
  ),
);
const value = fc.oneof(latin1({ maxLength: 60 }), fc.constantFrom('', '5', '05', '12345678901234567890', 'x'));
const vars = fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 30, size: 'max' });
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8, size: 'max' });

/** Packets that are right, and packets of which a few bytes are not. */
const packet = fc
  .tuple(
    vars,
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
    fc.uint8Array({ maxLength: 10, size: 'max' }),
  )
  .map(([list, changes, tail]) => {
    const bytes = Buffer.concat([encodePacket(list), tail]);
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
    return bytes;
  });

function facts(parser: PacketParser, state: number): unknown {
  const { fault, faultArg, modifier1, modifier2, datasize, varsStart, varsEnd, varCount, contentLength } = parser;
  return { state, fault, faultArg, modifier1, modifier2, datasize, varsStart, varsEnd, varCount, contentLength };
}

/** The protocol as UWSGI.md has it, written to be read: the whole packet at once, no thought of speed. */
function referenceParse(bytes: Buffer): { state: number; fault: number; varCount: number; contentLength: number } {
  const answer = (state: number, fault: number, varCount = 0, contentLength = -1) => ({
    state,
    fault,
    varCount,
    contentLength,
  });
  if (bytes.length < 4) return answer(PARSE.NEED_MORE, FAULT.NONE);
  if (/^[A-Z]{3}[A-Z ]/.test(bytes.toString('latin1', 0, 4))) return answer(PARSE.FAULT, FAULT.HTTP_SPEAKER);
  if (bytes[0] === 22 && bytes[1] === 3) return answer(PARSE.FAULT, FAULT.TLS_SPEAKER);
  const size = bytes.readUInt16LE(1);
  const complete = bytes.length >= 4 + size;
  if (bytes[0] === 100) return answer(complete ? PARSE.COMPLETE : PARSE.NEED_MORE, FAULT.NONE);
  if (bytes[0] !== 0) return answer(PARSE.FAULT, FAULT.UNKNOWN_MODIFIER);
  if (size === 0) return answer(PARSE.FAULT, FAULT.EMPTY_REQUEST);
  if (!complete) return answer(PARSE.NEED_MORE, FAULT.NONE);
  const block = bytes.subarray(4, 4 + size);
  let at = 0;
  let count = 0;
  let contentLength = -1;
  const fail = (fault: number) => answer(PARSE.FAULT, fault, count, contentLength);
  while (at < size) {
    if (size - at < 2) return fail(FAULT.KEY_OVERRUN);
    const keyLength = block.readUInt16LE(at);
    if (keyLength === 0) return fail(FAULT.ZERO_KEY);
    if (at + 2 + keyLength + 2 > size) return fail(FAULT.KEY_OVERRUN);
    const name = block.toString('latin1', at + 2, at + 2 + keyLength);
    const valueLength = block.readUInt16LE(at + 2 + keyLength);
    const from = at + 4 + keyLength;
    if (from + valueLength > size) return fail(FAULT.VALUE_OVERRUN);
    if (name === 'CONTENT_LENGTH') {
      const text = block.toString('latin1', from, from + valueLength);
      if (!/^[0-9]*$/.test(text) || BigInt(text) > 2n ** 53n - 1n) return fail(FAULT.BAD_CONTENT_LENGTH);
      if (contentLength !== -1 && contentLength !== Number(text)) return fail(FAULT.CONTENT_LENGTH_CONFLICT);
      contentLength = Number(text);
    }
    count++;
    at = from + valueLength;
  }
  return answer(PARSE.COMPLETE, FAULT.NONE, count, contentLength);
}

describe('uwsgi packets', () => {
  it('parse the same wherever they are cut', () => {
    fc.assert(
      fc.property(packet, cuts, fc.nat({ max: 9 }), (bytes, fractions, offset) => {
        const buffer = Buffer.concat([Buffer.alloc(offset), bytes]);
        const whole = new PacketParser();
        const expected = facts(whole, whole.parse(buffer, offset, buffer.length));
        const parser = new PacketParser();
        // Rubbish where nothing has come yet.
        buffer.fill(0xaa);
        for (const cut of fractions.map((f) => Math.floor(f * bytes.length)).sort((a, b) => a - b)) {
          bytes.copy(buffer, offset, 0, cut);
          parser.parse(buffer, offset, offset + cut);
        }
        bytes.copy(buffer, offset);
        assert.deepEqual(facts(parser, parser.parse(buffer, offset, buffer.length)), expected);
      }),
      { numRuns: 1000 },
    );
  });

  it('are judged as the reference judges them, as soon as they are complete', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          packet,
          fc.uint8Array({ maxLength: 60, size: 'max' }).map((bytes) => Buffer.from(bytes)),
        ),
        (bytes) => {
          const expected = referenceParse(bytes);
          const parser = new PacketParser();
          const state = parser.parse(bytes, 0, bytes.length);
          if (expected.state === PARSE.NEED_MORE) {
            // A fault may show before the packet is complete; completeness may not.
            assert.notEqual(state, PARSE.COMPLETE);
            return;
          }
          const { fault, varCount, contentLength } = parser;
          assert.deepEqual({ state, fault, varCount, contentLength }, expected);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('are read back as they were encoded', () => {
    fc.assert(
      fc.property(vars, (list) => {
        const bytes = encodePacket(list);
        const seen: [string, string][] = [];
        forEachVar(bytes, 4, bytes.length, (name, text) => seen.push([name, text]));
        assert.deepEqual(seen, list);

        const writer = new PacketWriter();
        const room = Buffer.alloc(bytes.length);
        writer.begin(room, 0);
        for (const [name, text] of list) writer.keyed(encodeKey(name), text);
        assert.equal(writer.end(), bytes.length);
        assert.ok(room.equals(bytes));
      }),
    );
  });

  it('become the dictionary that a naive reader makes of them', () => {
    fc.assert(
      fc.property(vars, (list) => {
        const bytes = encodePacket(list);
        const expected = new Map(list);
        for (const target of [{}, Object.create(null)] as Record<string, unknown>[]) {
          readVars(bytes, 4, bytes.length, target);
          assert.deepEqual(Object.getOwnPropertyNames(target).sort(), [...expected.keys()].sort());
          for (const [name, text] of expected) {
            assert.equal(Object.getOwnPropertyDescriptor(target, name)?.value, text);
          }
        }
        for (const [name, text] of expected) assert.equal(findVar(bytes, 4, bytes.length, name), text);
      }),
      { numRuns: 500 },
    );
  });

  it('never throw and never read past their end, whatever their bytes are', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300, size: 'max' }),
        fc.integer({ min: 0, max: 65535 }),
        (bytes, varsBytesMax) => {
          const parser = new PacketParser(varsBytesMax);
          for (let end = 0; end <= bytes.length; end++) parser.parse(bytes, 0, end);
          const longer = new Uint8Array(bytes.length + 1);
          longer.set(bytes);
          const other = new PacketParser(varsBytesMax);
          assert.equal(other.parse(longer, 0, bytes.length), parser.parse(bytes, 0, bytes.length));
          assert.equal(other.fault, parser.fault);
        },
      ),
    );
  });
});
