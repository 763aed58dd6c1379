// Packets written: whole ones, pings, and var by var into a slot.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  encodeKey,
  encodePacket,
  encodePing,
  encodeVar,
  PacketWriter,
  parsePingReply,
  pingReply,
} from '../../dist/protocol/uwsgi-encoder.js';

describe('encodePacket', () => {
  it('writes lengths, little-endian, in front of keys and values', () => {
    const bytes = encodePacket(
      [
        ['KEY', 'v'.repeat(258)],
        ['E', ''],
      ],
      1,
      2,
    );
    assert.equal(bytes.toString('latin1'), `\x01\x0e\x01\x02\x03\0KEY\x02\x01${'v'.repeat(258)}\x01\0E\0\0`);
  });

  it('writes one byte for each character of latin-1', () => {
    assert.deepEqual([...encodePacket([['K', '\xff\0']])], [0, 7, 0, 0, 1, 0, 75, 2, 0, 255, 0]);
  });

  it('throws a RangeError on what the format has no room for', () => {
    assert.throws(() => encodePacket([['', 'v']]), RangeError);
    assert.throws(() => encodePacket([['K', 'v'.repeat(65531)]]), RangeError);
    assert.equal(encodePacket([['K', 'v'.repeat(65530)]]).length, 65539);
  });

  it('throws a TypeError on a character that is no byte', () => {
    assert.throws(() => encodePacket([['K', '\u0100']]), TypeError);
  });
});

describe('ping', () => {
  it('is four bytes with modifier 100', () => {
    assert.deepEqual([...encodePing()], [100, 0, 0, 0]);
  });

  it('is answered with modifier2 1, and a warning if there is one', () => {
    assert.deepEqual([...pingReply()], [100, 0, 0, 1]);
    assert.equal(pingReply('slow').toString('latin1'), '\x64\x04\0\x01slow');
    assert.deepEqual(parsePingReply(pingReply()), { state: 'ok', warning: '' });
    assert.deepEqual(parsePingReply(pingReply('slow')), { state: 'warning', warning: 'slow' });
  });

  it('waits for the whole answer', () => {
    const reply = pingReply('slow');
    for (let cut = 0; cut < reply.length; cut++)
      assert.equal(parsePingReply(reply.subarray(0, cut)).state, 'incomplete');
  });

  it('takes nothing else for an answer', () => {
    assert.equal(parsePingReply(Buffer.from('HTTP/1.1 400')).state, 'invalid');
    assert.equal(parsePingReply(encodePing()).state, 'invalid');
  });
});

describe('PacketWriter', () => {
  const vars: [string, string][] = [
    ['REQUEST_METHOD', 'GET'],
    ['QUERY_STRING', ''],
    ['HTTP_USER_AGENT', 'x'.repeat(23)],
    ['HTTP_COOKIE', '\xe9'.repeat(300)],
  ];

  function write(writer: PacketWriter): number {
    writer.keyed(encodeKey('REQUEST_METHOD'), 'GET');
    writer.rawVar(encodeVar('QUERY_STRING', ''));
    for (const [key, value] of vars.slice(2)) writer.var(key, value);
    return writer.end();
  }

  it('writes what encodePacket writes, wherever it begins', () => {
    const expected = encodePacket(vars);
    const buffer = Buffer.from(new SharedArrayBuffer(1000));
    const writer = new PacketWriter();
    for (const offset of [0, 5]) {
      writer.begin(buffer, offset);
      assert.equal(write(writer), offset + expected.length);
      assert.ok(buffer.subarray(offset, offset + expected.length).equals(expected));
    }
  });

  it('answers -1 and writes nothing outside when the packet does not fit, wherever it stops', () => {
    const expected = encodePacket(vars);
    const writer = new PacketWriter();
    for (let room = 0; room < expected.length; room++) {
      const buffer = Buffer.alloc(expected.length + 1, 0xaa);
      writer.begin(buffer.subarray(0, room), 0);
      assert.equal(write(writer), -1, `room for ${room}`);
      assert.ok(buffer.subarray(room).every((byte) => byte === 0xaa));
    }
    writer.begin(Buffer.alloc(expected.length), 0);
    assert.equal(write(writer), expected.length);
  });

  it('holds to the limit for vars and to that of the format', () => {
    const writer = new PacketWriter();
    const buffer = Buffer.alloc(200_000);
    const expected = encodePacket(vars);
    writer.begin(buffer, 0, expected.length - 5);
    assert.equal(write(writer), -1);
    writer.begin(buffer, 0, expected.length - 4);
    assert.equal(write(writer), expected.length);
    writer.begin(buffer, 0, 1_000_000);
    writer.var('K', 'v'.repeat(65530));
    assert.equal(writer.end(), 65539);
    writer.begin(buffer, 0, 1_000_000);
    writer.var('K', 'v'.repeat(65531));
    assert.equal(writer.end(), -1);
    writer.begin(buffer, 0);
    writer.var('k'.repeat(65536), '');
    assert.equal(writer.end(), -1);
  });

  it('stays full once something did not fit, even if a later var would', () => {
    const writer = new PacketWriter();
    writer.begin(Buffer.alloc(30), 0);
    writer.var('K', 'v'.repeat(30));
    writer.var('K', 'v');
    assert.equal(writer.end(), -1);
  });
});
