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

/** Feeds one request. */
export class NodeBody {
  private readonly request: IncomingMessage;
  private readonly onRead: () => void;
  /** What is left to read; null when there is nothing. */
  private source: RequestBody | null;
  private reading = false;

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
    else this.readNow(source);
  }

  /** Before the exchange ends: takes what is left of a small body that is being read. False while a large one is. */
  finish(): boolean {
    if (this.source === null || this.request.destroyed || !this.isConsumed) return true;
    if (this.source.length <= INLINE_BODY_BYTES_MAX) this.readNow(this.source);
    return this.source === null;
  }

  /** The response is complete: a body that nobody reads is passed over, as node:http does it. */
  dumpUnlessRead(): void {
    if (this.isConsumed) return;
    this.source = null;
    (this.request as unknown as StreamInternals)._dump();
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
    this.onRead();
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
