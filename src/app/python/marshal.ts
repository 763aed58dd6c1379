// Requests in the form that CPython's own C code loads: its `marshal` format (Python/marshal.c; the types used here are the same
// from Python 3.4 on). Decoding a packet in Python instead takes four times as long.
import { readU16le } from '../../base/bytes.js';

const TYPE = {
  NULL: 0x30, // 0: the end of a dict
  SMALL_TUPLE: 0x29, // )
  INT: 0x69, // i
  FLOAT: 0x67, // g
  BYTES: 0x73, // s
  DICT: 0x7b, // {
  UNICODE: 0x75, // u
  ASCII: 0x61, // a
  SHORT_ASCII: 0x7a, // z
  SHORT_ASCII_INTERNED: 0x5a, // Z
} as const;

/** Bytes that the var `key`/`value` of a packet takes at most: twice its own, and the lengths. */
export const MARSHALLED_VAR_BYTES = 10;

/** Begins a tuple of `items` items at `at`; the offset after it, as of every function here. */
export function writeTuple(out: Buffer, at: number, items: number): number {
  out[at] = TYPE.SMALL_TUPLE;
  out[at + 1] = items;
  return at + 2;
}

/** A whole number of 32 bits. */
export function writeInt(out: Buffer, at: number, value: number): number {
  out[at] = TYPE.INT;
  return out.writeInt32LE(value, at + 1);
}

/** Any number. */
export function writeFloat(out: Buffer, at: number, value: number): number {
  out[at] = TYPE.FLOAT;
  return out.writeDoubleLE(value, at + 1);
}

/** A bytes object. */
export function writeBytes(out: Buffer, at: number, bytes: Uint8Array): number {
  out[at] = TYPE.BYTES;
  const start = out.writeUInt32LE(bytes.length, at + 1);
  out.set(bytes, start);
  return start + bytes.length;
}

/** A text of latin-1. */
export function writeText(out: Buffer, at: number, text: string): number {
  return writeUnicode(out, at, text);
}

/**
 * The vars in `packet[start, end)` as a dict of latin-1 strings, without HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH: a web server
 * sends them beside CONTENT_TYPE and CONTENT_LENGTH, and PEP 3333 has no such keys. Of a key that is there twice the last value wins.
 */
export function writeVars(out: Buffer, at: number, packet: Buffer, start: number, end: number): number {
  out[at++] = TYPE.DICT;
  let cursor = start;
  while (cursor < end) {
    const keyLength = readU16le(packet, cursor);
    const key = cursor + 2;
    const valueLength = readU16le(packet, key + keyLength);
    const value = key + keyLength + 2;
    cursor = value + valueLength;
    if (isRepeated(packet, key, keyLength)) continue;
    at = writeVarText(out, at, packet, key, keyLength, TYPE.SHORT_ASCII_INTERNED);
    at = writeVarText(out, at, packet, value, valueLength, TYPE.SHORT_ASCII);
  }
  out[at++] = TYPE.NULL;
  return at;
}

function writeVarText(out: Buffer, at: number, from: Buffer, start: number, length: number, shortType: number): number {
  let cursor = at;
  if (length < 256) {
    out[cursor++] = shortType;
    out[cursor++] = length;
  } else {
    out[cursor] = TYPE.ASCII;
    cursor = out.writeUInt32LE(length, cursor + 1);
  }
  let bits = 0;
  for (let i = 0; i < length; i++) {
    const byte = from[start + i] as number;
    out[cursor + i] = byte;
    bits |= byte;
  }
  return bits < 0x80 ? cursor + length : writeUnicode(out, at, from.latin1Slice(start, start + length));
}

function writeUnicode(out: Buffer, at: number, text: string): number {
  out[at] = TYPE.UNICODE;
  const bytes = out.utf8Write(text, at + 5);
  out.writeUInt32LE(bytes, at + 1);
  return at + 5 + bytes;
}

const REPEATED = ['HTTP_CONTENT_TYPE', 'HTTP_CONTENT_LENGTH'] as const;

function isRepeated(packet: Buffer, start: number, length: number): boolean {
  // 67 is the C of CONTENT.
  if ((length !== 17 && length !== 19) || packet[start + 5] !== 67) return false;
  const key = packet.latin1Slice(start, start + length);
  return REPEATED.some((name) => name === key);
}
