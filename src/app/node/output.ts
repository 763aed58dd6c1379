// What a response writes, on its way to the exchange. It is held until the end of the tick, as node:http corks it, so that
// head and first chunks leave in one piece; a response that ends in the tick it began in is one piece altogether.
// Invariant: nothing is written to the exchange while it waits for room, or once it is ended or abandoned.
import { SLOT_REPLY_BYTES } from '../../base/limits.js';
import type { ResponseWriter } from '../exchange.js';
import type { WriteCallback } from './internals.js';

/** Whoever a response belongs to. */
export interface OutputOwner {
  /** Whether the exchange may end now; else the owner calls `flush` when it may. */
  mayEnd(): boolean;
  /** Everything was handed on, and the exchange is ended. */
  onEnded(): void;
  /** What the application wrote cannot be sent. */
  onFailed(error: unknown): void;
  /** 'drain' is due. */
  emitDrain(): void;
}

/** The output of one response. */
export class NodeOutput {
  /** Times the application corked it; node:http sets this field of a socket's `_writableState`. */
  corked = 0;
  /** Trailers can stand behind the body. */
  takesTrailers = false;
  private readonly writer: ResponseWriter;
  private readonly owner: OutputOwner;
  private readonly highWaterMark: number;
  private held: (string | Uint8Array)[] = [];
  private heldBytes = 0;
  /** Bytes that the exchange has no room for yet. */
  private waitingBytes = 0;
  private callbacks: WriteCallback[] = [];
  private holding = false;
  /** There is something to send, be it only the head. */
  private unsent = false;
  private waiting = false;
  private ending = false;
  private over = false;

  constructor(writer: ResponseWriter, highWaterMark: number, owner: OutputOwner) {
    this.writer = writer;
    this.highWaterMark = highWaterMark;
    this.owner = owner;
  }

  /** Bytes that were written and are not handed on. */
  get bytesHeld(): number {
    return this.heldBytes + this.waitingBytes;
  }

  /** The head is final. Throws on what cannot be sent. */
  head(status: string, headers: readonly (readonly [string, string])[]): void {
    if (!this.over) this.writer.head(status, headers);
  }

  /** A piece of the body, or '' to send the head alone; false when the next should wait for 'drain'. */
  send(
    data: string | Uint8Array,
    encoding: BufferEncoding | null | undefined,
    callback: WriteCallback | null,
  ): boolean {
    if (this.over) return false;
    if (callback !== null) this.callbacks.push(callback);
    if (data.length > 0) {
      const chunk =
        typeof data === 'string' && !isUtf8(encoding) ? Buffer.from(data, encoding as BufferEncoding) : data;
      this.held.push(chunk);
      this.heldBytes += chunk.length;
    }
    this.unsent = true;
    if (this.corked === 0) this.flush();
    return !this.waiting && this.heldBytes < this.highWaterMark;
  }

  /** Lines to send behind the body, before `endHold`; dropped where they cannot be sent, as node:http does. */
  trailers(lines: string): void {
    if (this.takesTrailers && !this.over) this.writer.trailers(lines);
  }

  /** Holds what is sent until `endHold`, whatever is uncorked. */
  hold(): void {
    this.holding = true;
  }

  /** `ended`: what was sent is all. */
  endHold(ended: boolean): void {
    this.holding = false;
    this.ending = ended;
    if (ended) this.corked = 0;
    if (this.corked === 0) this.flush();
  }

  uncork(): void {
    if (this.corked === 0) return;
    this.corked--;
    if (this.corked === 0) this.flush();
  }

  /** Hands on what there is, if it may. */
  flush(): void {
    if (this.holding || this.waiting || this.over) return;
    try {
      if (this.ending && this.owner.mayEnd()) this.end();
      else if (this.unsent) this.write();
    } catch (error) {
      this.owner.onFailed(error);
    }
  }

  /** Nothing more is written. What waits to be called back gets `error`. */
  abandon(error: Error): void {
    this.over = true;
    this.held = [];
    this.heldBytes = 0;
    this.waitingBytes = 0;
    this.runCallbacks(error);
  }

  /** After the end of the exchange: 'finish' is among what is called back. */
  runCallbacks(error?: Error): void {
    const { callbacks } = this;
    if (callbacks.length === 0) return;
    this.callbacks = [];
    for (const callback of callbacks) callback(error);
  }

  /** Calls back for what was written so far; 'finish', which may be asked for meanwhile, has its own time. */
  private scheduleCallbacks(): void {
    const { callbacks } = this;
    if (callbacks.length === 0) return;
    this.callbacks = [];
    process.nextTick(() => {
      for (const callback of callbacks) callback();
    });
  }

  private write(): void {
    this.unsent = false;
    const { heldBytes } = this;
    const hasRoom = this.writer.write(this.takeHeld());
    if (this.over) return;
    if (!hasRoom) return this.waitForRoom(heldBytes);
    if (!this.ending) this.scheduleCallbacks();
    this.drained();
  }

  private end(): void {
    // More than what the exchange takes at once: the response is not finished before its client has taken the rest.
    if (this.heldBytes > SLOT_REPLY_BYTES) {
      this.write();
      if (this.waiting || this.over) return;
    }
    if (this.heldBytes === 0) this.writer.end();
    else this.writer.end(this.takeHeld());
    // The client may have gone meanwhile.
    if (this.over) return;
    this.over = true;
    this.owner.onEnded();
  }

  private waitForRoom(bytes: number): void {
    this.waiting = true;
    this.waitingBytes = bytes;
    void this.writer.drained().then(() => {
      if (this.over) return;
      this.waiting = false;
      this.waitingBytes = 0;
      if (!this.ending) this.scheduleCallbacks();
      if (this.unsent || this.ending) this.flush();
      else this.drained();
    });
  }

  private drained(): void {
    if (!this.waiting && !this.ending) this.owner.emitDrain();
  }

  private takeHeld(): string | Uint8Array {
    const { held } = this;
    this.heldBytes = 0;
    if (held.length === 0) return '';
    this.held = [];
    if (held.length === 1) return held[0] as string | Uint8Array;
    if (held.every((chunk) => typeof chunk === 'string')) return held.join('');
    return Buffer.concat(held.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk)));
  }
}

function isUtf8(encoding: BufferEncoding | null | undefined): boolean {
  return encoding === undefined || encoding === null || encoding === 'utf8' || encoding === 'utf-8';
}
