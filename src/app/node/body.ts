// The body of a request on its way from the exchange into the request's stream: read when the stream asks for more.
import type { IncomingMessage } from 'node:http';
import { INLINE_BODY_BYTES_MAX } from '../../base/limits.js';
import type { RequestBody } from '../exchange.js';

/** Bytes that are read at a time. */
const READ_BYTES = INLINE_BODY_BYTES_MAX;

/** What node:http knows of a request's stream, and @types/node does not tell. */
interface StreamInternals {
  readonly _consuming: boolean;
  readonly _readableState: { readonly resumeScheduled: boolean };
  _dump(): void;
}

/** A turn of the event loop in which an application that has answered may begin to read. */
const TURN = { NONE: 0, GIVEN: 1, OVER: 2 } as const;

/** Feeds one request. */
export class NodeBody {
  private readonly request: IncomingMessage;
  private readonly onRead: () => void;
  /** What is left to read; null when there is nothing. */
  private source: RequestBody | null;
  private reading = false;
  private turn: (typeof TURN)[keyof typeof TURN] = TURN.NONE;

  /** `onRead`: there is nothing left to read. */
  constructor(request: IncomingMessage, source: RequestBody | null, onRead: () => void) {
    this.request = request;
    this.source = source;
    this.onRead = onRead;
  }

  /** Pushes the next piece; a small body at once, a large one without blocking the thread. */
  read(): void {
    const { request, source } = this;
    if (this.reading) return;
    if (source === null) request.push(null);
    else if (source.length > INLINE_BODY_BYTES_MAX) void this.readLater(source);
    else {
      this.readNow(source);
      this.onRead();
    }
  }

  /**
   * Before the exchange ends, and its body with it: whether it may. A small body is taken; a large one that is being read is
   * waited for, and one that is not gets a turn of the event loop, as an application may answer first and read then.
   */
  finish(): boolean {
    const { source, request } = this;
    if (source === null || request.destroyed) return true;
    if (source.length <= INLINE_BODY_BYTES_MAX) this.readNow(source);
    else if (this.turn === TURN.NONE) this.giveTurn();
    else if (this.turn === TURN.OVER && !this.hasReader) this.source = null;
    return this.source === null;
  }

  private giveTurn(): void {
    this.turn = TURN.GIVEN;
    setImmediate(() => {
      this.turn = TURN.OVER;
      this.onRead();
    });
  }

  /** The response is complete: a body that nobody reads is passed over, as node:http does it. */
  dumpUnlessRead(): void {
    if (this.isConsumed) return;
    this.source = null;
    // Node 26 takes its end from a stream that has it already.
    this.request.push(null);
    (this.request as unknown as StreamInternals)._dump();
  }

  /** Whoever has read a part through an iterator, and stopped, waits for nothing more. */
  private get hasReader(): boolean {
    const { request } = this;
    return this.isConsumed && request.listenerCount('data') + request.listenerCount('readable') > 0;
  }

  private get isConsumed(): boolean {
    const { _consuming, _readableState } = this.request as unknown as StreamInternals;
    return _consuming || _readableState.resumeScheduled;
  }

  private readNow(source: RequestBody): void {
    const { request } = this;
    this.source = null;
    for (let bytes = source.readSync(READ_BYTES); bytes.length > 0; bytes = source.readSync(READ_BYTES)) {
      request.push(bytes);
    }
    request.push(null);
  }

  private async readLater(source: RequestBody): Promise<void> {
    const { request } = this;
    this.reading = true;
    try {
      const bytes = await source.read(READ_BYTES);
      this.reading = false;
      if (!request.destroyed) {
        request.push(bytes.length > 0 ? bytes : null);
        if (bytes.length > 0) return;
      }
      this.source = null;
      this.onRead();
    } catch (error) {
      request.destroy(error as Error);
    }
  }
}
