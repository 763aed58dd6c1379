// The messages to Python: u32le length, then the request as CPython's `marshal` has it: (token, flags, number of descriptors,
// environ, mount point, body or its length). python/fastwsgi_ts/channel.py takes them apart.
import { INLINE_BODY_BYTES_MAX, PACKET_VARS_BYTES_MAX, PACKET_VARS_MAX } from '../../base/limits.js';
import { unmovable } from '../../system/send-descriptors.js';
import type { Exchange } from '../exchange.js';
import { MARSHALLED_VAR_BYTES, writeBytes, writeFloat, writeInt, writeText, writeTuple, writeVars } from './marshal.js';

const LENGTH_BYTES = 4;
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

/** Writes one message after the other, at the front of its buffer. */
export class RequestMessage {
  readonly scratch = unmovable(MESSAGE_BYTES_MAX);

  /** Writes the request; the message's length. `flags` of REQUEST_FLAG. */
  write(exchange: Exchange, token: number, flags: number, descriptors: number, inline: Uint8Array): number {
    const { scratch } = this;
    const { packet, varsStart, varsEnd, body } = exchange;
    let at = writeTuple(scratch, LENGTH_BYTES, 6);
    at = writeInt(scratch, at, token);
    at = writeInt(scratch, at, flags);
    at = writeInt(scratch, at, descriptors);
    at = writeVars(scratch, at, packet, varsStart, varsEnd);
    at = writeText(scratch, at, exchange.mountPoint);
    at = body.fd >= 0 ? writeFloat(scratch, at, body.length) : writeBytes(scratch, at, inline);
    scratch.writeUInt32LE(at - LENGTH_BYTES, 0);
    return at;
  }

  /** A text. */
  text(text: string): Buffer {
    const bytes = Buffer.from(text);
    const message = Buffer.alloc(LENGTH_BYTES + bytes.length);
    message.writeUInt32LE(bytes.length);
    message.set(bytes, LENGTH_BYTES);
    return message;
  }
}
