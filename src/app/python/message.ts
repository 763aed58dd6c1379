// The messages to Python: u32le length, then the request as CPython's `marshal` has it: (token, flags, number of descriptors,
// environ, body or its length). python/fastwsgi_ts/channel.py takes them apart.
import { INLINE_BODY_BYTES_MAX, PACKET_VARS_BYTES_MAX, PACKET_VARS_MAX } from '../../base/limits.js';
import type { Exchange } from '../exchange.js';
import { MARSHALLED_VAR_BYTES, writeBytes, writeFloat, writeInt, writeTuple, writeVars } from './marshal.js';

const LENGTH_BYTES = 4;
/** Room for everything but vars and body. */
const FRAMING_BYTES = 64;
const MESSAGE_BYTES_MAX =
  LENGTH_BYTES +
  FRAMING_BYTES +
  2 * PACKET_VARS_BYTES_MAX +
  PACKET_VARS_MAX * MARSHALLED_VAR_BYTES +
  INLINE_BODY_BYTES_MAX;

/** Writes one message after the other; each is a copy. */
export class RequestMessage {
  private readonly scratch = Buffer.allocUnsafeSlow(MESSAGE_BYTES_MAX);

  /** The request as a message. */
  request(exchange: Exchange, token: number): Buffer {
    const { scratch } = this;
    const { packet, varsStart, varsEnd, body } = exchange;
    let at = writeTuple(scratch, LENGTH_BYTES, 5);
    at = writeInt(scratch, at, token);
    at = writeInt(scratch, at, 0);
    at = writeInt(scratch, at, 0);
    at = writeVars(scratch, at, packet, varsStart, varsEnd);
    at = body.fd >= 0 ? writeFloat(scratch, at, body.length) : writeBytes(scratch, at, body.readSync(body.length));
    scratch.writeUInt32LE(at - LENGTH_BYTES, 0);
    return Buffer.from(scratch.subarray(0, at));
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
