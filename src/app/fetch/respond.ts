// One request of kind `fetch`: from what the handler returned to the end of its response.
// Invariant: a body that was not read to its end is cancelled exactly once, by release(), on every way out.
import type { ReadableStreamReadResult } from 'node:stream/web';
import { ABORTED, unlessAborted } from '../abort.js';
import type { Exchange, ResponseWriter } from '../exchange.js';
import { isThenable } from '../values.js';
import { LazyRequest } from './request.js';
import { asResponse, bodyReader, chunkOf, headersOf, statusOf } from './response-parts.js';

/** A body that is there at once is sent in one piece, with its length, up to this size. */
const GATHERED_BYTES_MAX = 32_768;
/** Turns of the microtask queue that a stream of what is already there may need for a step. */
const MICROTASKS = 16;

type Step = ReadableStreamReadResult<unknown>;

/** The life of one request. The owner calls `respond` with what the handler returned, and `release` when it throws. */
export class FetchCall {
  readonly request: LazyRequest;
  private readonly exchange: Exchange;
  private readonly response: ResponseWriter;
  private readonly isHead: boolean;
  private readonly logError: (error: unknown) => void;
  private reader: ReadableStreamDefaultReader<unknown> | null = null;

  constructor(exchange: Exchange, request: LazyRequest, logError: (error: unknown) => void) {
    this.request = request;
    this.exchange = exchange;
    this.response = exchange.response;
    this.isHead = request.method === 'HEAD';
    this.logError = logError;
  }

  /** Releases everything, also when it rejects. */
  async respond(result: unknown): Promise<void> {
    try {
      if (!isThenable(result)) return await this.send(result);
      const late = Promise.resolve(result);
      const response = await unlessAborted(this.exchange, late);
      if (response !== ABORTED) return await this.send(response);
      late.then((unwanted) => bodyReader(asResponse(unwanted))?.cancel()).catch(this.logError);
    } finally {
      this.release();
    }
  }

  release(): void {
    this.exchange.onAbort = null;
    LazyRequest.release(this.request);
    const { reader } = this;
    this.reader = null;
    reader?.cancel().catch(this.logError);
  }

  private async send(result: unknown): Promise<void> {
    // It has become a WebSocket.
    if (this.response.headSent) return;
    const response = asResponse(result);
    this.reader = bodyReader(response);
    if (this.response.aborted) return;
    this.response.head(statusOf(response), headersOf(response));
    const hasBody = !this.isHead && response.status !== 204 && response.status !== 205 && response.status !== 304;
    if (this.reader === null || !hasBody) return this.response.end();
    // A read that is pending then finds the end of the stream.
    this.exchange.onAbort = () => this.release();
    const { reader } = this;
    try {
      await this.pump(reader);
    } catch (error) {
      this.reader = null;
      // A stream that has failed says so again.
      reader.cancel(error).catch(() => {});
      throw error;
    }
  }

  private async pump(reader: ReadableStreamDefaultReader<unknown>): Promise<void> {
    const gathered: (Uint8Array | string)[] = [];
    let length = 0;
    let next = reader.read();
    let step = await settledSoon(next);
    while (step?.done === false && length <= GATHERED_BYTES_MAX) {
      const chunk = chunkOf(step.value);
      gathered.push(chunk);
      length += chunk.length;
      next = reader.read();
      step = await settledSoon(next);
    }
    const first = joined(gathered);
    if (step?.done === true) return this.end(first);
    // The head leaves now, whether there is a chunk to go with it or not: an event stream may be silent for long.
    if (!this.response.write(first)) await this.response.drained();
    for (;;) {
      step = await next;
      if (step.done) return this.end('');
      const chunk = chunkOf(step.value);
      if (chunk.length > 0 && !this.response.write(chunk)) await this.response.drained();
      next = reader.read();
    }
  }

  private end(chunk: Uint8Array | string): void {
    this.reader = null;
    if (!this.response.aborted) this.response.end(chunk);
  }
}

/** What `promise` gives if it does so before the event loop turns, else undefined. Rejects if it rejects as soon. */
async function settledSoon(promise: Promise<Step>): Promise<Step | undefined> {
  let step: Step | undefined;
  let failed = false;
  promise.then(
    (value) => {
      step = value;
    },
    () => {
      failed = true;
    },
  );
  for (let i = 0; i < MICROTASKS && step === undefined && !failed; i++) await undefined;
  return failed ? await promise : step;
}

function joined(chunks: readonly (Uint8Array | string)[]): Uint8Array | string {
  if (chunks.length <= 1) return chunks[0] ?? '';
  return Buffer.concat(chunks.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk)));
}
