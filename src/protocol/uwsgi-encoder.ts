// uwsgi packets, written: whole ones for tests and `--ping`, and var by var into a slot for the HTTP fronts.
// Keys and values are latin-1 strings: one character, one byte.
import { latin1Bytes, readU16le, writeU16le } from '../base/bytes.js';
import { PACKET_HEADER_BYTES, PACKET_VARS_BYTES_MAX } from '../base/limits.js';
import { MODIFIER_PING } from './uwsgi-packet.js';

/** Bytes of the longest CONTENT_LENGTH. */
const LATE_VAR_BYTES = 40;
/** Shorter values are written character by character; the call into C++ pays for itself only above (bench: micro/encode). */
const NATIVE_WRITE_MIN = 24;

/**
 * Writes a request packet into a buffer that has room for it or not: what does not fit makes `end` answer -1, and nothing
 * is written outside. `begin`, then vars, then `end`.
 */
export class PacketWriter {
  private buffer: Buffer = Buffer.alloc(0);
  private start = 0;
  private limit = 0;
  private cursor = 0;
  private fits = true;

  /** Starts a packet at `offset` of `buffer`; vars may take `varsBytesMax` bytes. */
  begin(buffer: Buffer, offset: number, varsBytesMax: number = PACKET_VARS_BYTES_MAX): void {
    this.buffer = buffer;
    this.start = offset;
    this.cursor = offset + PACKET_HEADER_BYTES;
    this.limit = Math.min(buffer.length, this.cursor + Math.min(varsBytesMax, PACKET_VARS_BYTES_MAX));
    this.fits = this.cursor <= buffer.length;
  }

  /** A var whose key is already encoded (`encodeKey`): the fast way. */
  keyed(key: Uint8Array, value: string): void {
    const { buffer } = this;
    const { length } = value;
    let cursor = this.cursor;
    if (!this.fits || cursor + key.length + 2 + length > this.limit) {
      this.fits = false;
      return;
    }
    for (let i = 0; i < key.length; i++) buffer[cursor + i] = key[i] as number;
    cursor += key.length;
    writeU16le(buffer, cursor, length);
    cursor += 2;
    if (length < NATIVE_WRITE_MIN) for (let i = 0; i < length; i++) buffer[cursor + i] = value.charCodeAt(i);
    else buffer.latin1Write(value, cursor, length);
    this.cursor = cursor + length;
  }

  /** A var whose key is seldom the same. */
  var(key: string, value: string): void {
    if (key.length > PACKET_VARS_BYTES_MAX) this.fits = false;
    else this.keyed(encodeKey(key), value);
  }

  /** Vars that are the same for every request of a front, encoded once (`encodeVar`). */
  rawVar(encoded: Uint8Array): void {
    const { buffer, cursor } = this;
    if (!this.fits || cursor + encoded.length > this.limit) {
      this.fits = false;
      return;
    }
    for (let i = 0; i < encoded.length; i++) buffer[cursor + i] = encoded[i] as number;
    this.cursor = cursor + encoded.length;
  }

  /** Completes the header. The offset after the packet, or -1 when it did not fit. */
  end(): number {
    if (!this.fits) return -1;
    const { buffer, start } = this;
    buffer[start] = 0;
    writeU16le(buffer, start + 1, this.cursor - start - PACKET_HEADER_BYTES);
    buffer[start + 3] = 0;
    return this.cursor;
  }
}

/** `u16le keylen · key`. The key is not empty and at most 65535 characters. */
export function encodeKey(key: string): Uint8Array {
  const bytes = latin1Bytes(`\0\0${key}`);
  writeU16le(bytes, 0, key.length);
  return bytes;
}

/** `u16le keylen · key · u16le vallen · value`. */
export function encodeVar(key: string, value: string): Uint8Array {
  const bytes = latin1Bytes(`\0\0${key}\0\0${value}`);
  writeU16le(bytes, 0, key.length);
  writeU16le(bytes, 2 + key.length, value.length);
  return bytes;
}

/**
 * A copy of the packet `packet[0, end)` with these vars behind its own, so that they are the ones that count. Null when that is
 * more than a packet can hold, with room for a CONTENT_LENGTH that is still to come.
 */
export function appendVars(packet: Buffer, end: number, vars: ReadonlyMap<string, string>): Buffer | null {
  const added = Buffer.concat(Array.from(vars, ([key, value]) => encodeVar(key, value)));
  const varsBytes = end - PACKET_HEADER_BYTES + added.length;
  if (varsBytes > PACKET_VARS_BYTES_MAX - LATE_VAR_BYTES) return null;
  const copy = Buffer.concat([packet.subarray(0, end), added]);
  writeU16le(copy, 1, varsBytes);
  return copy;
}

/** A whole packet. Throws a RangeError when it is larger than the format allows, and a TypeError on what is not latin-1. */
export function encodePacket(vars: Iterable<readonly [string, string]>, modifier1 = 0, modifier2 = 0): Buffer {
  const parts: Uint8Array[] = [];
  let datasize = 0;
  for (const [key, value] of vars) {
    if (key.length === 0) throw new RangeError('A uwsgi key must not be empty');
    if (/[^\0-\xff]/.test(key + value)) throw new TypeError(`Var ${JSON.stringify(key)} is not latin-1`);
    datasize += 4 + key.length + value.length;
    if (datasize > PACKET_VARS_BYTES_MAX) throw new RangeError(`Vars take more than ${PACKET_VARS_BYTES_MAX} bytes`);
    parts.push(encodeVar(key, value));
  }
  return Buffer.concat([packetHeader(modifier1, datasize, modifier2), ...parts]);
}

/** What `--ping` sends: modifier1 100, nothing else. */
export function encodePing(): Buffer {
  return packetHeader(MODIFIER_PING, 0, 0);
}

/** The answer to a ping: modifier2 1 and, when the server has something to complain of, a warning (latin-1). */
export function pingReply(warning = ''): Buffer {
  const text = Buffer.from(warning, 'latin1').subarray(0, PACKET_VARS_BYTES_MAX);
  return Buffer.concat([packetHeader(MODIFIER_PING, text.length, 1), text]);
}

export interface PingReply {
  readonly state: 'incomplete' | 'invalid' | 'ok' | 'warning';
  readonly warning: string;
}

/** Reads what has come of the answer to a ping. */
export function parsePingReply(bytes: Buffer): PingReply {
  if (bytes.length > 0 && bytes[0] !== MODIFIER_PING) return { state: 'invalid', warning: '' };
  if (bytes.length < PACKET_HEADER_BYTES) return { state: 'incomplete', warning: '' };
  if (bytes[3] !== 1) return { state: 'invalid', warning: '' };
  const end = PACKET_HEADER_BYTES + readU16le(bytes, 1);
  if (bytes.length < end) return { state: 'incomplete', warning: '' };
  const warning = bytes.latin1Slice(PACKET_HEADER_BYTES, end);
  return { state: warning === '' ? 'ok' : 'warning', warning };
}

function packetHeader(modifier1: number, datasize: number, modifier2: number): Buffer {
  return Buffer.from([modifier1, datasize & 0xff, datasize >>> 8, modifier2]);
}
