// The uwsgi request packet, read where it lies: offsets into the caller's buffer, a sticky fault code, no copy, no
// exception, no garbage. Invariant, on entry and exit of every chunk: start <= varsStart <= cursor <= varsEnd, and cursor
// <= end: the cursor stands at the first var that has not wholly come.
import { assert } from '../base/assert.js';
import { equalsBytes, latin1Bytes, readU16le } from '../base/bytes.js';
import { PACKET_HEADER_BYTES, PACKET_VARS_BYTES_MAX, PACKET_VARS_MAX } from '../base/limits.js';
import { FAULT, type Fault } from './faults.js';

/** What `PacketParser.parse` says of the bytes so far. */
export const PARSE = { NEED_MORE: 0, COMPLETE: 1, FAULT: 2 } as const;

/** A request whose vars follow. */
export const MODIFIER_REQUEST = 0;
/** A ping: answered with the same header, modifier2 = 1 and a warning, if there is one. */
export const MODIFIER_PING = 100;

/** First byte of a TLS record that is a handshake (RFC 8446 section 5.1); the next is the version's major number, 3. */
const TLS_HANDSHAKE = 22;
const TLS_MAJOR = 3;

const CONTENT_LENGTH = latin1Bytes('CONTENT_LENGTH');

/**
 * Reads `u8 modifier1 · u16le datasize · u8 modifier2 · vars` (uwsgi protocol 0.1). One parser serves one connection after
 * the other: `reset` between packets. The body starts at `varsEnd`.
 */
export class PacketParser {
  modifier1 = 0;
  modifier2 = 0;
  /** Bytes of the vars block, as the header says. */
  datasize = 0;
  /** Offsets of the vars block in the buffer given to `parse`; set once the header has come. */
  varsStart = 0;
  varsEnd = 0;
  /** Vars that have wholly come. */
  varCount = 0;
  /** Bytes of body that CONTENT_LENGTH names, 0 when it is empty, -1 when there is none. */
  contentLength = -1;
  /** The first fault found; it stays until `reset`. */
  fault: Fault = FAULT.NONE;
  /** The number of the fault's log line. */
  faultArg = 0;

  /** The largest vars block taken (buffer-size). */
  readonly varsBytesMax: number;

  private headerRead = false;
  private cursor = 0;
  private endSeen = 0;

  constructor(varsBytesMax: number = PACKET_VARS_BYTES_MAX) {
    this.varsBytesMax = varsBytesMax;
  }

  /** Forgets the packet at hand. */
  reset(): void {
    this.modifier1 = 0;
    this.modifier2 = 0;
    this.datasize = 0;
    this.varsStart = 0;
    this.varsEnd = 0;
    this.varCount = 0;
    this.contentLength = -1;
    this.fault = FAULT.NONE;
    this.faultArg = 0;
    this.headerRead = false;
    this.cursor = 0;
    this.endSeen = 0;
  }

  /**
   * Reads on: `buf[start, end)` is all that has come of the packet so far, the same bytes as before and more. Answers a
   * `PARSE` code; the work is in proportion to the new bytes. Once COMPLETE or FAULT, it stays so.
   */
  parse(buf: Uint8Array, start: number, end: number): number {
    if (this.fault !== FAULT.NONE) return PARSE.FAULT;
    assert(start <= end && end <= buf.length && end >= this.endSeen, 'the packet only grows');
    this.endSeen = end;
    if (!this.headerRead) {
      if (end - start < PACKET_HEADER_BYTES) return PARSE.NEED_MORE;
      this.readHeader(buf, start);
    }
    assert(
      this.varsStart === start + PACKET_HEADER_BYTES && this.cursor >= this.varsStart,
      'the packet stays in place',
    );
    if (this.fault === FAULT.NONE) {
      if (this.modifier1 === MODIFIER_REQUEST) this.readVars(buf, end);
      else this.cursor = Math.min(this.varsEnd, end);
    }
    assert(this.cursor <= this.varsEnd && this.cursor <= end, 'the cursor stays inside the packet');
    if (this.fault !== FAULT.NONE) return PARSE.FAULT;
    return this.cursor === this.varsEnd ? PARSE.COMPLETE : PARSE.NEED_MORE;
  }

  private readHeader(buf: Uint8Array, start: number): void {
    this.headerRead = true;
    this.modifier1 = buf[start] as number;
    this.datasize = readU16le(buf, start + 1);
    this.modifier2 = buf[start + 3] as number;
    this.varsStart = start + PACKET_HEADER_BYTES;
    this.varsEnd = this.varsStart + this.datasize;
    this.cursor = this.varsStart;
    if (looksLikeHttp(buf, start)) this.fail(FAULT.HTTP_SPEAKER, this.datasize);
    else if (this.modifier1 === TLS_HANDSHAKE && buf[start + 1] === TLS_MAJOR) {
      this.fail(FAULT.TLS_SPEAKER, this.datasize);
    } else if (this.datasize > this.varsBytesMax) this.fail(FAULT.OVERSIZE, this.datasize);
    else if (this.modifier1 === MODIFIER_REQUEST) {
      if (this.datasize === 0) this.fail(FAULT.EMPTY_REQUEST, 0);
    } else if (this.modifier1 !== MODIFIER_PING) this.fail(FAULT.UNKNOWN_MODIFIER, this.modifier1);
  }

  /** Moves the cursor over every var that has wholly come. A length that cannot be right is a fault before its bytes come. */
  private readVars(buf: Uint8Array, end: number): void {
    const varsEnd = this.varsEnd;
    let cursor = this.cursor;
    let count = this.varCount;
    while (cursor < varsEnd) {
      if (cursor + 2 > varsEnd) {
        this.fail(FAULT.KEY_OVERRUN, 0);
        break;
      }
      if (cursor + 2 > end) break;
      const keyLength = readU16le(buf, cursor);
      const keyEnd = cursor + 2 + keyLength;
      if (keyLength === 0 || keyEnd + 2 > varsEnd) {
        this.fail(keyLength === 0 ? FAULT.ZERO_KEY : FAULT.KEY_OVERRUN, keyLength);
        break;
      }
      if (keyEnd + 2 > end) break;
      const valueLength = readU16le(buf, keyEnd);
      const varEnd = keyEnd + 2 + valueLength;
      if (varEnd > varsEnd) {
        this.fail(FAULT.VALUE_OVERRUN, valueLength);
        break;
      }
      if (count === PACKET_VARS_MAX) {
        this.fail(FAULT.TOO_MANY_VARS, count + 1);
        break;
      }
      if (varEnd > end) break;
      if (equalsBytes(buf, cursor + 2, keyLength, CONTENT_LENGTH)) {
        this.readContentLength(buf, keyEnd + 2, varEnd);
        if (this.fault !== FAULT.NONE) break;
      }
      count++;
      cursor = varEnd;
    }
    this.cursor = cursor;
    this.varCount = count;
  }

  private readContentLength(buf: Uint8Array, from: number, to: number): void {
    const length = parseDecimal(buf, from, to);
    if (length < 0) this.fail(FAULT.BAD_CONTENT_LENGTH, 0);
    else if (this.contentLength >= 0 && this.contentLength !== length) this.fail(FAULT.CONTENT_LENGTH_CONFLICT, 0);
    else this.contentLength = length;
  }

  private fail(fault: Fault, arg: number): void {
    this.fault = fault;
    this.faultArg = arg;
  }
}

/** The number that the digits `bytes[from, to)` write, 0 when there are none, -1 when they are no number up to 2^53 - 1. */
function parseDecimal(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = (bytes[i] as number) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return -1;
  }
  return value;
}

/** Four capital letters, or three and a space: the start of an HTTP request line, and no modifier that is served here. */
function looksLikeHttp(bytes: Uint8Array, start: number): boolean {
  return (
    isCapital(bytes[start] as number) &&
    isCapital(bytes[start + 1] as number) &&
    isCapital(bytes[start + 2] as number) &&
    (isCapital(bytes[start + 3] as number) || bytes[start + 3] === 32)
  );
}

function isCapital(byte: number): boolean {
  return byte >= 65 && byte <= 90;
}
