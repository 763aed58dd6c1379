// One request of kind `wsgi`: startResponse and write, and the drive of what the application returned into the response.
// Invariant: whatever the application handed over (an iterable, an iterator that is not at its end) is closed exactly
// once, by release(), on every way out.
import { ABORTED, unlessAborted } from '../abort.js';
import type { Exchange, ResponseWriter, WorkerContext } from '../exchange.js';
import { RequestOverError } from '../request-over.js';
import { describe, isAsyncIterable, isIterable, isThenable } from '../values.js';
import { isChunk, joinChunks, toChunk } from './chunks.js';
import type { WsgiErrors } from './errors.js';
import { closeIterable } from './file-wrapper.js';
import { WsgiInput } from './input.js';
import type { Chunk, StartResponse, Write } from './types.js';

/** The life of one request. The owner calls `respond` with what the application returned, and `release` when it throws. */
export class WsgiCall {
  readonly input: WsgiInput;
  readonly startResponse: StartResponse;
  /** Set before the application runs. */
  isHead = false;
  private readonly exchange: Exchange;
  private readonly response: ResponseWriter;
  private readonly errors: WsgiErrors;
  private readonly context: WorkerContext;
  private started = false;
  private over = false;
  private iterable: object | null = null;
  // Null also while next() runs: an iterator that throws is at its end, and return() is not owed.
  private iterator: Iterator<unknown> | AsyncIterator<unknown> | null = null;

  constructor(exchange: Exchange, errors: WsgiErrors, context: WorkerContext) {
    this.input = new WsgiInput(exchange.body);
    this.startResponse = (status, headers, error) => this.start(status, headers, error);
    this.exchange = exchange;
    this.response = exchange.response;
    this.errors = errors;
    this.context = context;
  }

  /** Sends what the application returned. Synchronous where that is. Releases everything, also when it throws or rejects. */
  respond(result: unknown): void | Promise<void> {
    let pending: Promise<void> | null = null;
    try {
      pending = this.send(result);
    } finally {
      if (pending === null) this.release();
    }
    if (pending !== null) return pending;
  }

  /** Closes what the application handed over and cuts it off from the request. Its errors are logged: the response is out. */
  release(): void {
    if (this.over) return;
    this.over = true;
    this.input.release();
    this.exchange.onAbort = null;
    const { iterator, iterable } = this;
    // An async generator that awaits something returns only when that has ended; nobody waits for it here.
    if (iterator?.return !== undefined) this.inBackground(() => iterator.return?.());
    if (iterable !== null) this.inBackground(() => closeIterable(iterable));
    this.errors.flush();
  }

  private start(status: string, headers: readonly (readonly [string, string])[], error: unknown): Write {
    if (this.over) throw new RequestOverError();
    if (error !== undefined && error !== null) {
      if (this.response.headSent) throw error;
    } else if (this.started) {
      throw new Error('startResponse was called again, without the error that made it necessary as its third argument');
    }
    if (!Array.isArray(headers)) {
      throw new TypeError(`startResponse got ${describe(headers)} as headers, expected an array of [name, value]`);
    }
    this.response.head(status, headers);
    this.started = true;
    return (chunk) => this.writeNow(chunk);
  }

  private writeNow(value: unknown): void {
    if (this.over) throw new RequestOverError();
    const chunk = toChunk(value);
    if (chunk.length > 0 && !this.response.write(chunk)) this.response.drainSync();
  }

  /** Null when all is done, else what remains to be awaited. */
  private send(result: unknown): Promise<void> | null {
    if (Array.isArray(result)) {
      this.iterable = result;
      // The common case: a list of one chunk, or of a few short ones, leaves in one piece with the head.
      const chunk = result.length === 1 ? toChunk(result[0]) : joinChunks(result);
      return chunk === null ? this.iterate(result) : this.end(chunk);
    }
    if (isChunk(result)) return this.end(result);
    if (isThenable(result)) return this.sendLater(Promise.resolve(result));
    if (typeof result === 'object' && result !== null) {
      this.iterable = result;
      if (isAsyncIterable(result)) return this.iterateAsync(result);
      if (isIterable(result)) return this.iterate(result);
    }
    throw new TypeError(`The application returned ${describe(result)}, expected an iterable of bytes or strings`);
  }

  private async sendLater(promise: Promise<unknown>): Promise<void> {
    try {
      const result = await unlessAborted(this.exchange, promise);
      if (result === ABORTED) {
        this.inBackground(() => promise.then(closeLate));
        return;
      }
      const rest = this.send(result);
      if (rest !== null) await rest;
    } finally {
      this.release();
    }
  }

  private iterate(iterable: Iterable<unknown>): Promise<void> | null {
    const iterator = iterable[Symbol.iterator]();
    return this.pump(iterator) ? null : this.pumpLater(iterator);
  }

  /** Sends chunks until the iterator's end or an abort: true; or until no more can be handed on: false. */
  private pump(iterator: Iterator<unknown>): boolean {
    while (!this.response.aborted) {
      if (this.hasEnough()) return this.end('') === null;
      this.iterator = null;
      const step = iterator.next();
      if (step.done === true) return this.end('') === null;
      this.iterator = iterator;
      if (!this.sendChunk(step.value)) return false;
    }
    return true;
  }

  private async pumpLater(iterator: Iterator<unknown>): Promise<void> {
    try {
      do await this.response.drained();
      while (!this.pump(iterator));
    } finally {
      this.release();
    }
  }

  private async iterateAsync(iterable: AsyncIterable<unknown>): Promise<void> {
    try {
      const iterator = iterable[Symbol.asyncIterator]();
      while (!this.response.aborted) {
        if (this.hasEnough()) return void this.end('');
        this.iterator = null;
        const next = iterator.next();
        const step = await unlessAborted(this.exchange, next);
        if (step !== ABORTED && step.done === true) return void this.end('');
        this.iterator = iterator;
        if (step === ABORTED) return this.inBackground(() => next);
        if (!this.sendChunk(step.value)) await this.response.drained();
      }
    } finally {
      this.release();
    }
  }

  /** HEAD needs no more than the head, which is final once the first chunk was sent. */
  private hasEnough(): boolean {
    return this.isHead && this.response.headSent;
  }

  /** False when the next chunk has to wait. An empty chunk sends nothing, not even the head. */
  private sendChunk(value: unknown): boolean {
    const chunk = toChunk(value);
    if (chunk.length === 0) return true;
    this.assertStarted();
    return this.response.write(chunk);
  }

  private end(chunk: Chunk): null {
    this.assertStarted();
    if (chunk.length === 0) this.response.end();
    else this.response.end(chunk);
    return null;
  }

  private assertStarted(): void {
    if (!this.started) throw new Error('The application did not call startResponse');
  }

  /** Does `step` without waiting for it; its error is logged, unless the application only found that the request is over. */
  private inBackground(step: () => unknown): void {
    try {
      const result = step();
      if (isThenable(result)) result.then(undefined, (error: unknown) => this.logError(error));
    } catch (error) {
      this.logError(error);
    }
  }

  private logError(error: unknown): void {
    if (error instanceof RequestOverError) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.context.log(`The application failed after the end of its request: ${text}`);
  }
}

/** Closes what an application returned after its request was over. */
function closeLate(result: unknown): unknown {
  return typeof result === 'object' && result !== null ? closeIterable(result) : undefined;
}
