// Lines on their way to a descriptor: gathered in memory, written in whole lines by one write at a time, off the thread.
// What cannot be written waits, up to a bound; what finds no room is dropped and counted, and the log tells how much that was.
// Invariant: while a write or a change of descriptor is under way (`busy`), nothing else touches the descriptor.
import { fstatSync, write, writeSync } from 'node:fs';
import { errorCode, systemErrorText } from '../base/errors.js';
import { LineBuffer } from './line-buffer.js';

/** Bytes that may wait for a slow or failing destination, per thread. */
const PENDING_BYTES_MAX = 4 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** A write costs what many lines cost: the next one waits so long, or until there is so much to write. */
const REST_MS = 20;
const RESTING_BYTES_MAX = 192 * 1024;
/** What a pipe takes whole or not at all (PIPE_BUF on Linux): lines of several threads do not mix there either. */
const PIPE_BYTES = 4096;
/** A full pipe is tried again after this, and after twice as long each time as long as it stays full. */
const PIPE_RETRY_MS = 1;
const PIPE_RETRY_MS_MAX = 64;
/** How often, and after how long each time, a synchronous flush tries a full pipe again. */
const FLUSH_WAITS = 20;
const FLUSH_WAIT_MS = 10;
/** Room that a line finds at the end of a chunk; one that needs more makes the chunk longer. */
const LINE_BYTES = 4096;
const LINE_END = 10;

/** Whole lines, in `bytes[start, end)`; behind them one may be in the making. */
class Chunk extends LineBuffer {
  /** What was written ends here. */
  start = 0;
  end = 0;
}

export interface WriterEvents {
  /** Writing begins to fail. */
  onFailure(text: string): void;
  /** So many lines more are lost. */
  onLost(count: number): void;
  /** Takes what there is to tell of lost lines, which else is a line among the others. */
  tellLoss?: ((text: string) => void) | undefined;
}

/** What a log tells when it can write again. */
export function lossText(count: number, cause: string): string {
  return `*** ${count} log line${count === 1 ? ' was' : 's were'} lost: ${cause} ***`;
}

/** Writes lines to a descriptor, which it neither opened nor closes. */
export class LineWriter {
  /** Lines that found no room, in all. */
  lost = 0;
  private lostTold = 0;
  private lossCause = 'they came faster than they could be written';
  private descriptor: number;
  private bytesAtOnce: number;
  private readonly waiting: Chunk[] = [];
  private waitingBytes = 0;
  /** The chunk that is being written, or was in part. */
  private current: Chunk | undefined;
  private spare: Chunk | undefined;
  private busy = false;
  /** The last write failed: the next attempt is `retry`'s. */
  private held = false;
  private failing = false;
  private changes: Change[] = [];
  private retryMs = PIPE_RETRY_MS;
  private retryTimer: NodeJS.Timeout | undefined;
  private resting = false;
  private ending: (() => void) | undefined;
  private drained: (() => void)[] = [];
  private readonly events: WriterEvents;

  constructor(descriptor: number, events: WriterEvents) {
    this.descriptor = descriptor;
    this.bytesAtOnce = bytesAtOnce(descriptor);
    this.events = events;
  }

  get fd(): number {
    return this.descriptor;
  }

  /** Takes a line, or several, without the last line end; `pump` has it written. */
  append(text: string): void {
    const bytesMost = text.length * 3 + 1;
    if (this.waitingBytes + bytesMost > PENDING_BYTES_MAX) {
      this.lose(text.split('\n').length);
      return;
    }
    this.put(text, bytesMost);
  }

  /**
   * Where one line is written in place, behind what is there already; `endLine` must follow at once. A line that was begun
   * and not ended is forgotten.
   */
  beginLine(): LineBuffer {
    const chunk = this.chunkFor(LINE_BYTES);
    chunk.length = chunk.end;
    return chunk;
  }

  /** Takes the line that was begun; `pump` has it written. */
  endLine(): void {
    const chunk = this.waiting[this.waiting.length - 1];
    if (chunk === undefined) return;
    chunk.byte(LINE_END);
    if (this.waitingBytes + chunk.length - chunk.end > PENDING_BYTES_MAX) this.lose(1);
    else this.take(chunk);
  }

  private put(text: string, bytesMost: number): void {
    const chunk = this.chunkFor(bytesMost);
    chunk.length = chunk.end;
    chunk.text(text);
    chunk.byte(LINE_END);
    this.take(chunk);
  }

  private take(chunk: Chunk): void {
    this.waitingBytes += chunk.length - chunk.end;
    chunk.end = chunk.length;
  }

  private lose(count: number): void {
    this.lost += count;
    this.events.onLost(count);
  }

  private chunkFor(bytesMost: number): Chunk {
    const { length } = this.waiting;
    const last = length === 0 ? undefined : this.waiting[length - 1];
    if (last !== undefined && last.bytes.length - last.end >= bytesMost) return last;
    const chunk = this.takeChunk(bytesMost);
    this.waiting.push(chunk);
    return chunk;
  }

  private takeChunk(bytes: number): Chunk {
    const { spare } = this;
    if (spare === undefined || bytes > CHUNK_BYTES) return new Chunk(Math.max(bytes, CHUNK_BYTES));
    this.spare = undefined;
    spare.start = 0;
    spare.end = 0;
    return spare;
  }

  /** Writes what there is to write, unless a write is under way, which goes on with it by itself. */
  pump(): void {
    if (this.busy) return;
    if (this.changes.length > 0) {
      this.runChange(this.changes.shift() as Change);
      return;
    }
    if (this.held || this.isResting()) return;
    this.current ??= this.waiting.shift();
    const chunk = this.current;
    if (chunk === undefined) {
      this.onEmpty();
      return;
    }
    this.busy = true;
    write(this.descriptor, chunk.bytes, chunk.start, this.nextBytes(chunk), null, this.onWritten);
  }

  /** Looks again at a destination that failed, and tells of lines that were lost. */
  retry(): void {
    if (this.failing) this.held = false;
    this.pump();
    if (!this.failing && !this.held) this.tellLost();
  }

  /**
   * Goes on with the descriptor that `open` resolves with, once the write under way has ended. Resolves with the old one,
   * which is no longer used; rejects as `open` does, and stays with the old one.
   */
  change(open: () => Promise<number>): Promise<number> {
    return new Promise((resolve, reject) => {
      // What rests goes to the old one.
      this.resting = false;
      this.pump();
      this.changes.push({ open, resolve, reject });
      this.pump();
    });
  }

  /** Writes what is pending, blocking the thread for a moment at most. What is being written by then is not waited for. */
  flushSync(): void {
    let waitsLeft = FLUSH_WAITS;
    for (;;) {
      if (!this.busy) this.current ??= this.waiting.shift();
      const chunk = this.busy ? this.waiting[0] : this.current;
      if (chunk === undefined) return;
      try {
        this.advance(chunk, writeSync(this.descriptor, chunk.bytes, chunk.start, this.nextBytes(chunk)));
        if (chunk.start === chunk.end && this.busy) this.waiting.shift();
      } catch (error) {
        if (errorCode(error) !== 'EAGAIN' || waitsLeft-- === 0) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FLUSH_WAIT_MS);
      }
    }
  }

  /** Resolves when nothing is pending any more, or writing has failed. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.drained.push(resolve);
      this.pump();
    });
  }

  /** Writes what is pending; resolves when that is done, has failed, or `withinMs` have passed. True: the descriptor is not in use. */
  async end(withinMs: number): Promise<boolean> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.ending = () => {
        clearTimeout(timer);
        resolve();
      };
      this.retry();
    });
    clearTimeout(this.retryTimer);
    this.held = true;
    for (const chunk of [this.current, ...this.waiting]) if (chunk !== undefined) this.lose(lineEnds(chunk));
    return !this.busy;
  }

  private readonly onWritten = (error: NodeJS.ErrnoException | null, bytes: number): void => {
    this.busy = false;
    if (error !== null) {
      this.onError(error);
      return;
    }
    this.failing = false;
    this.retryMs = PIPE_RETRY_MS;
    if (this.current !== undefined) this.advance(this.current, bytes);
    if (!this.resting) {
      this.resting = true;
      setTimeout(this.onRested, REST_MS);
    }
    this.pump();
  };

  private readonly onRested = (): void => {
    this.resting = false;
    this.pump();
  };

  /** Whether what there is to write may wait for more: whoever waits for it does not. */
  private isResting(): boolean {
    if (!this.resting || this.waitingBytes >= RESTING_BYTES_MAX) return false;
    return this.waitingBytes > 0 && this.ending === undefined && this.drained.length === 0;
  }

  private onError(error: NodeJS.ErrnoException): void {
    this.held = true;
    if (error.code === 'EAGAIN') {
      this.lossCause = 'whoever reads the log was too slow';
      this.retryTimer = setTimeout(() => {
        this.held = false;
        this.pump();
      }, this.retryMs);
      this.retryMs = Math.min(this.retryMs * 2, PIPE_RETRY_MS_MAX);
    } else {
      this.lossCause = systemErrorText(error);
      if (!this.failing) this.events.onFailure(this.lossCause);
      this.failing = true;
      this.ending?.();
      this.tellDrained();
    }
    // A descriptor to go on with may wait for its turn.
    if (this.changes.length > 0) this.pump();
  }

  private advance(chunk: Chunk, bytes: number): void {
    chunk.start += bytes;
    this.waitingBytes -= bytes;
    if (chunk.start < chunk.end) return;
    if (chunk.bytes.length === CHUNK_BYTES) this.spare = chunk;
    if (chunk === this.current) this.current = undefined;
  }

  private onEmpty(): void {
    if (this.lost > this.lostTold) return this.tellLost();
    this.ending?.();
    this.tellDrained();
  }

  private tellDrained(): void {
    for (const resolve of this.drained.splice(0)) resolve();
  }

  private tellLost(): void {
    const count = this.lost - this.lostTold;
    if (count === 0) return;
    this.lostTold = this.lost;
    const text = lossText(count, this.lossCause);
    if (this.events.tellLoss !== undefined) {
      this.events.tellLoss(text);
      this.pump();
      return;
    }
    // Whether or not there is room: it is one line.
    this.put(text, text.length * 3 + 1);
    this.pump();
  }

  private runChange({ open, resolve, reject }: Change): void {
    this.busy = true;
    open().then(
      (fd) => {
        const old = this.descriptor;
        this.descriptor = fd;
        this.bytesAtOnce = bytesAtOnce(fd);
        this.beginLineAgain();
        clearTimeout(this.retryTimer);
        this.held = false;
        this.busy = false;
        resolve(old);
        this.pump();
      },
      (error: unknown) => {
        this.busy = false;
        reject(error);
        this.pump();
      },
    );
  }

  /** A line that the old destination took a part of goes whole to the new one. */
  private beginLineAgain(): void {
    const chunk = this.current;
    if (chunk === undefined) return;
    const lineStart = chunk.start === 0 ? 0 : chunk.bytes.lastIndexOf(LINE_END, chunk.start - 1) + 1;
    this.waitingBytes += chunk.start - lineStart;
    chunk.start = lineStart;
  }

  /** As many whole lines as may go in one write; a line that is longer goes whole. */
  private nextBytes({ bytes, start, end }: Chunk): number {
    if (end - start <= this.bytesAtOnce) return end - start;
    const lastEnd = bytes.lastIndexOf(LINE_END, start + this.bytesAtOnce - 1);
    return (lastEnd >= start ? lastEnd : bytes.indexOf(LINE_END, start)) + 1 - start;
  }
}

interface Change {
  open(): Promise<number>;
  resolve(oldDescriptor: number): void;
  reject(error: unknown): void;
}

function lineEnds({ bytes, start, end }: Chunk): number {
  let count = 0;
  for (let i = start; i < end; i++) if (bytes[i] === LINE_END) count++;
  return count;
}

function bytesAtOnce(fd: number): number {
  try {
    if (fstatSync(fd).isFile()) return Number.POSITIVE_INFINITY;
  } catch {
    // Standard error that was closed: the first write says so.
  }
  return PIPE_BYTES;
}
