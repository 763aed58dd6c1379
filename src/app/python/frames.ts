// Frames between a worker and its Python process: u8 kind · u8 flags · u16le token · u32le length · payload. The numbers are
// those of python/fastwsgi_ts/frames.py.
import { isUtf8 } from 'node:buffer';
import type { SentResponse } from '../exchange.js';

export const FRAME_HEADER_BYTES = 8;
/** Of what ANSWERED says. */
export const ANSWER_BYTES = 16;

/** From Python. */
export const FROM_PYTHON = {
  LOADED: 1,
  LOAD_ERROR: 2,
  /** Status, names and values, a line each. */
  HEAD: 3,
  CHUNK: 4,
  END: 5,
  /** The application failed: a traceback. */
  FAILED: 6,
  /** The client was answered from there: see `readAnswer`. */
  ANSWERED: 7,
  /** So many bytes of the request's body are wanted. */
  READ: 8,
  /** The request has so many milliseconds from now; 0: no limit of its own. */
  DEADLINE: 9,
  /** A reload is wanted, and why. */
  RELOAD: 10,
  /** The request comes back: it was not begun. */
  RETURNED: 11,
  /** Something of the response was sent from there. */
  SENDING: 12,
  /** The request's line in the log has a variable: see `readLogVariable`. */
  LOG_VARIABLE: 13,
} as const;

/** To Python, on the control channel. */
export const TO_PYTHON = { ABORT: 1, ACK: 2, DATA: 3, RECALL: 4 } as const;

export const FRAME_FLAG = { CUT: 1, BEGUN: 2 } as const;

/** Receives frames; `payload` is valid as long as the chunk it came with. */
export type FrameHandler = (kind: number, flags: number, token: number, payload: Buffer) => void;

const NOTHING = Buffer.alloc(0);

/** Puts frames together out of the chunks of a stream. */
export class FrameReader {
  private rest: Buffer = NOTHING;

  /** Hands every frame that is complete to `handle`. */
  feed(chunk: Buffer, handle: FrameHandler): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + bytes.readUInt32LE(at + 4);
      if (end > bytes.length) break;
      const payload = end === at + FRAME_HEADER_BYTES ? NOTHING : bytes.subarray(at + FRAME_HEADER_BYTES, end);
      handle(bytes[at] as number, bytes[at + 1] as number, bytes.readUInt16LE(at + 2), payload);
      at = end;
    }
    // A copy: what was read into is read into again.
    this.rest = at === bytes.length ? NOTHING : Buffer.from(bytes.subarray(at));
  }
}

/** A frame to send. */
export function frame(kind: number, token: number, payload: Uint8Array = NOTHING): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  bytes[0] = kind;
  bytes[1] = 0;
  bytes.writeUInt16LE(token, 2);
  bytes.writeUInt32LE(payload.length, 4);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** What Python says of a response that it sent itself; all 0 when it sent nothing. */
export function readAnswer(payload: Buffer): SentResponse {
  return {
    status: payload.readUInt16LE(0),
    headerCount: payload.readUInt16LE(2),
    headBytes: payload.readUInt32LE(4),
    bodyBytes: Number(payload.readBigUInt64LE(8)),
  };
}

/** The name and the value of a log variable, and the serial number of the request that it belongs to. */
export function readLogVariable(payload: Buffer): readonly [serial: number, name: string, value: string] {
  const nameEnd = 5 + (payload[4] as number);
  return [payload.readUInt32LE(0), textOf(payload.subarray(5, nameEnd)), textOf(payload.subarray(nameEnd))];
}

function textOf(bytes: Buffer): string {
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
}
