// The body of a request, for a Request: whole, or as a stream that reads when it is read.
import type { RequestBody } from '../exchange.js';
import { RequestOverError } from '../request-over.js';

const CHUNK_BYTES = 65_536;

/** One request's body, until `release`. */
export class RequestContent {
  readonly length: number;
  #body: RequestBody | null;
  #controller: ReadableByteStreamController | undefined;

  constructor(body: RequestBody) {
    this.length = body.length;
    this.#body = body;
  }

  /** All of it; the bytes are the caller's. Once, and not beside `stream`. Rejects when the request is over. */
  async bytes(): Promise<Buffer> {
    const all = await this.#read(this.length);
    if (all.length === this.length) return all;
    // A file may be read in pieces.
    const parts = [all];
    for (let missing = this.length - all.length; missing > 0; ) {
      const part = await this.#read(missing);
      if (part.length === 0) throw new Error(`The body of the request ends ${missing} bytes early`);
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** As a byte stream, which reads no more than it is asked for. */
  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream({
      type: 'bytes',
      start: (controller) => {
        this.#controller = controller;
      },
      pull: async (controller) => {
        const chunk = await this.#read(CHUNK_BYTES);
        if (chunk.length > 0) return controller.enqueue(ownBytes(chunk));
        this.#controller = undefined;
        controller.close();
        // Whoever brings his own buffer waits for it to come back, be it empty.
        controller.byobRequest?.respond(0);
      },
      cancel: () => {
        this.#controller = undefined;
      },
    });
  }

  /** The request is over: the body is gone, and whoever goes on reading hears of it. */
  release(): void {
    this.#body = null;
    this.#controller?.error(new RequestOverError());
    this.#controller = undefined;
  }

  async #read(size: number): Promise<Buffer> {
    const body = this.#body;
    if (body === null) throw new RequestOverError();
    const chunk = await body.read(size);
    if (this.#body === null) throw new RequestOverError();
    return chunk;
  }
}

/** The same bytes with a buffer to themselves: a byte stream takes the whole buffer away, and small Buffers share one. */
export function ownBytes(chunk: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = chunk;
  const isAlone = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  return isAlone ? new Uint8Array(buffer, byteOffset, byteLength) : Uint8Array.from(chunk);
}
