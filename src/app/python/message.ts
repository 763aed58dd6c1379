// The messages to Python: u32le length, then the request as CPython's `marshal` has it: (token, flags, number of descriptors,
// serial number, environ, mount point, body or its length). python/fastwsgi_ts/channel.py takes them apart.
import { INLINE_BODY_BYTES_MAX, PACKET_VARS_BYTES_MAX, PACKET_VARS_MAX } from '../../base/limits.js';
import { unmovable } from '../../system/send-descriptors.js';
import type { Exchange } from '../exchange.js';
import { MARSHALLED_VAR_BYTES, writeBytes, writeFloat, writeInt, writeText, writeTuple, writeVars } from './marshal.js';

const LENGTH_BYTES = 4;
/** Of the number after a type's byte in a message that is put together: tuple and its size, token; flags; number of descriptors. */
const FLAGS_AT = LENGTH_BYTES + 2 + 5 + 1;
const DESCRIPTORS_AT = FLAGS_AT + 5;
/** Room for everything but vars and body. */
const FRAMING_BYTES = 64;
const MESSAGE_BYTES_MAX =
  LENGTH_BYTES +
  FRAMING_BYTES +
  2 * PACKET_VARS_BYTES_MAX +
  PACKET_VARS_MAX * MARSHALLED_VAR_BYTES +
  INLINE_BODY_BYTES_MAX;

/** How a request reaches Python: with the descriptors of its client and of its body's file, or without. */
export const REQUEST_FLAG = { DIRECT: 1, BODY_FD: 2 } as const;

/** What identifies a request, and how it travels. */
export interface RequestHeader {
  readonly token: number;
  /** Tells it from the one that had the token before it. */
  readonly serial: number;
  /** Of REQUEST_FLAG. */
  readonly flags: number;
  readonly descriptors: number;
}

/** Messages one behind the other, at the front of one buffer. */
export class RequestMessages {
  readonly scratch = unmovable(2 * MESSAGE_BYTES_MAX);
  /** Bytes of all of them. */
  length = 0;

  /** Whether another one surely finds room. */
  get hasRoom(): boolean {
    return this.length <= MESSAGE_BYTES_MAX;
  }

  /** Adds a request; where its message begins. */
  add(exchange: Exchange, { token, serial, flags, descriptors }: RequestHeader, inline: Uint8Array): number {
    const { scratch } = this;
    const { packet, varsStart, varsEnd, body } = exchange;
    const start = this.length;
    let at = writeTuple(scratch, start + LENGTH_BYTES, 7);
    at = writeInt(scratch, at, token);
    at = writeInt(scratch, at, flags);
    at = writeInt(scratch, at, descriptors);
    at = writeInt(scratch, at, serial);
    at = writeVars(scratch, at, packet, varsStart, varsEnd);
    at = writeText(scratch, at, exchange.mountPoint);
    at = body.fd >= 0 ? writeFloat(scratch, at, body.length) : writeBytes(scratch, at, inline);
    scratch.writeUInt32LE(at - start - LENGTH_BYTES, start);
    this.length = at;
    return start;
  }

  /** Has the request whose message begins at `start` travel without descriptors. */
  withoutDescriptors(start: number): void {
    this.scratch.writeInt32LE(0, start + FLAGS_AT);
    this.scratch.writeInt32LE(0, start + DESCRIPTORS_AT);
  }

  /** A copy of all of them from `start` on; the buffer is empty afterwards. */
  take(start = 0): Buffer {
    const bytes = Buffer.from(this.scratch.subarray(start, this.length));
    this.length = 0;
    return bytes;
  }
}

/** A message that is a text. */
export function textMessage(text: string): Buffer {
  const bytes = Buffer.from(text);
  const message = Buffer.alloc(LENGTH_BYTES + bytes.length);
  message.writeUInt32LE(bytes.length);
  message.set(bytes, LENGTH_BYTES);
  return message;
}
