// Reads a request's body out of what an HTTP connection has received, into its store: of a length that was told, or in chunks.
import { ChunkedDecoder } from '../../protocol/chunked-decoder.js';
import { trailerLines, trailerPairs } from '../../protocol/trailers.js';
import { appendContentLength, appendTrailers } from '../http/request-encoder.js';
import type { BodyStore } from './body-store.js';
import type { ReadWindow } from './read-window.js';

/** What `read` has come to. */
export const BODY = {
  /** More bytes are needed. */
  MORE: 0,
  DONE: 1,
  /** It is over limit-post. */
  TOO_LARGE: 2,
  /** Its chunks cannot be parsed. */
  MALFORMED: 3,
  /** It cannot be stored: the store says why. */
  NOT_STORED: 4,
} as const;

const NOTHING = Buffer.alloc(0);

/** One body after the other. */
export class BodyReader {
  private readonly store: BodyStore;
  private readonly limitPostBytes: number;
  private readonly chunks = new ChunkedDecoder();
  private isChunked = false;
  /** Bytes that have not come, when the head told how many there are. */
  remaining = 0;

  /** `limitPostBytes`: 0 is no limit. */
  constructor(store: BodyStore, limitPostBytes: number) {
    this.store = store;
    this.limitPostBytes = limitPostBytes;
  }

  /** `contentLength`: below 0 when it was not told. */
  begin(isChunked: boolean, contentLength: number): void {
    this.isChunked = isChunked;
    this.remaining = Math.max(0, contentLength);
    this.chunks.reset();
  }

  /** Whether a body of `bytes` is over limit-post. */
  isTooLarge(bytes: number): boolean {
    return this.limitPostBytes > 0 && bytes > this.limitPostBytes;
  }

  /** Uses the bytes at hand: one of BODY. */
  read(input: ReadWindow): number {
    if (this.isChunked) return this.readChunks(input);
    const to = Math.min(input.end, input.at + this.remaining);
    if (!this.store.push(input.bytes, input.at, to)) return BODY.NOT_STORED;
    this.remaining -= to - input.at;
    input.at = to;
    return this.remaining > 0 ? BODY.MORE : BODY.DONE;
  }

  /** The whole packet of a body that is DONE: with its length, and with its trailers. Empty when a packet cannot hold them. */
  endPacket(packet: Buffer, varsEnd: number): Buffer {
    if (!this.isChunked) return packet;
    const end = appendContentLength(packet, varsEnd, this.store.bytes);
    const lines = this.chunks.trailers === '' ? '' : trailerLines(trailerPairs(this.chunks.trailers).flat());
    if (lines === '') return packet.subarray(0, end);
    return appendTrailers(packet, end, lines) ?? NOTHING;
  }

  private readChunks(input: ReadWindow): number {
    const { chunks, store } = this;
    while (!input.isEmpty && !chunks.isDone && !chunks.isFaulty) {
      input.at = chunks.next(input.bytes, input.at, input.end);
      const { dataStart, dataEnd } = chunks;
      if (this.isTooLarge(store.bytes + dataEnd - dataStart)) return BODY.TOO_LARGE;
      if (dataEnd > dataStart && !store.push(input.bytes, dataStart, dataEnd)) return BODY.NOT_STORED;
    }
    if (chunks.isFaulty) return BODY.MALFORMED;
    return chunks.isDone ? BODY.DONE : BODY.MORE;
  }
}
