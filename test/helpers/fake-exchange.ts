// An Exchange without a server: records what a kind sends, plays a client of any slowness that may leave at any point,
// and fails on every breach of the contract in src/app/exchange.ts.
import { readSync } from 'node:fs';
import type { Exchange, RequestBody, ResponseWriter, WorkerContext } from '../../dist/app/exchange.js';

/** The uwsgi vars block of `vars`. */
export function encodeVars(vars: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  for (const text of Object.entries(vars).flat()) {
    const bytes = Buffer.from(text, 'latin1');
    const length = Buffer.alloc(2);
    length.writeUInt16LE(bytes.length);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}

/** A body in memory, given out in pieces of at most `pieceBytes(asked)`. */
export class MemoryBody implements RequestBody {
  readonly length: number;
  readonly fd = -1;
  private at = 0;
  private reading = false;

  constructor(
    private readonly bytes: Buffer,
    private readonly pieceBytes: (asked: number) => number = (asked) => asked,
  ) {
    this.length = bytes.length;
  }

  lend(): number {
    return this.fd;
  }

  readSync(size: number): Buffer {
    if (this.reading) throw new Error('contract: readSync during read');
    const piece = Math.max(1, Math.min(size, this.pieceBytes(size)));
    const part = Buffer.from(this.bytes.subarray(this.at, this.at + piece));
    this.at += part.length;
    return part;
  }

  async read(size: number): Promise<Buffer> {
    const part = this.readSync(size);
    this.reading = true;
    await new Promise(setImmediate);
    this.reading = false;
    return part;
  }
}

/** A body in a file that is open at `fd`. */
export class FileBody implements RequestBody {
  constructor(
    readonly fd: number,
    readonly length: number,
  ) {}

  lend(): number {
    return this.fd;
  }

  readSync(size: number): Buffer {
    const block = Buffer.alloc(Math.min(size, this.length));
    return block.subarray(0, readSync(this.fd, block));
  }

  async read(size: number): Promise<Buffer> {
    await new Promise(setImmediate);
    return this.readSync(size);
  }
}

/** One call of the response that sent something. */
export interface Sent {
  readonly by: 'write' | 'end';
  readonly bytes: Buffer;
}

export interface FakeOptions {
  readonly vars?: Readonly<Record<string, string>>;
  readonly body?: RequestBody | string;
  /** Bytes the client takes before a write reports that the next must wait. Room comes back with each drain. */
  readonly roomBytes?: number;
  /** The client leaves at this call of write, counted from 1. */
  readonly abortAtWrite?: number;
}

export class FakeResponse implements ResponseWriter {
  headSent = false;
  aborted = false;
  ended = false;
  status = '';
  headers: readonly (readonly [string, string])[] = [];
  readonly sent: Sent[] = [];
  trailerLines = '';
  drains = 0;
  syncDrains = 0;
  private writes = 0;
  private mustDrain = false;
  private room: number;
  private wake: (() => void) | null = null;

  constructor(
    private readonly options: FakeOptions,
    private readonly abort: () => void,
  ) {
    this.room = options.roomBytes ?? Number.POSITIVE_INFINITY;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.sent.map((part) => part.bytes));
  }

  get text(): string {
    return this.bytes.toString();
  }

  header(name: string): string | undefined {
    return this.headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
  }

  head(status: string, headers: readonly (readonly [string, string])[]): void {
    if (this.headSent) throw new Error('contract: head after it was sent');
    const text = [status, ...headers.flat()].join();
    if (/[\r\n\0]/.test(text) || !/^\d{3}/.test(status)) throw new TypeError(`cannot send ${JSON.stringify(text)}`);
    this.status = status;
    this.headers = headers;
  }

  lend(): number {
    return -1;
  }

  complete(): void {
    throw new Error('contract: complete of a response that was not lent');
  }

  takeBack(): void {
    throw new Error('contract: a response is taken back that was not lent');
  }

  noteSending(): void {
    throw new Error('contract: a response is sent that was not lent');
  }

  trailers(lines: string): void {
    this.trailerLines = lines;
  }

  write(chunk: Uint8Array | string): boolean {
    this.writes += 1;
    if (this.writes === this.options.abortAtWrite) this.abort();
    this.take('write', chunk);
    if (this.aborted || this.room > 0) return true;
    this.mustDrain = true;
    return false;
  }

  drained(): Promise<void> {
    this.drains += 1;
    return new Promise((resolve) => {
      this.wake = () => {
        this.wake = null;
        this.refill();
        resolve();
      };
      setImmediate(() => this.wake?.());
    });
  }

  drainSync(): void {
    this.syncDrains += 1;
    this.refill();
  }

  end(chunk?: Uint8Array | string): void {
    this.take('end', chunk ?? '');
    this.ended = true;
  }

  /** The client has gone. */
  leave(): void {
    this.aborted = true;
    this.wake?.();
  }

  private refill(): void {
    this.mustDrain = false;
    this.room = this.options.roomBytes ?? Number.POSITIVE_INFINITY;
  }

  private take(by: 'write' | 'end', chunk: Uint8Array | string): void {
    if (this.ended) throw new Error(`contract: ${by} after end`);
    if (this.mustDrain && !this.aborted) throw new Error(`contract: ${by} before the response was drained`);
    if (this.status === '') throw new Error(`contract: ${by} before head`);
    this.headSent = true;
    const bytes = Buffer.from(chunk);
    this.room -= bytes.length;
    if (!this.aborted) this.sent.push({ by, bytes });
  }
}

export class FakeExchange implements Exchange {
  readonly packet: Buffer;
  readonly varsStart = 4;
  readonly varsEnd: number;
  readonly body: RequestBody;
  readonly response: FakeResponse;
  readonly core = 3;
  mountPoint = '';
  onAbort: (() => void) | null = null;
  overdue = false;
  readonly upgradable = false;
  private readonly controller = new AbortController();

  constructor(options: FakeOptions = {}) {
    const vars = encodeVars({ REQUEST_METHOD: 'GET', PATH_INFO: '/', QUERY_STRING: '', ...options.vars });
    this.packet = Buffer.concat([Buffer.alloc(4), vars, Buffer.from('body bytes that are no vars')]);
    this.varsEnd = 4 + vars.length;
    const body = options.body ?? '';
    this.body = typeof body === 'string' ? new MemoryBody(Buffer.from(body)) : body;
    this.response = new FakeResponse(options, () => this.abort());
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  giveBack(): boolean {
    throw new Error('contract: this kind begins what it gets');
  }

  setLogVariable(): void {
    throw new Error('contract: this kind sets no log variables');
  }

  timeOut(): void {
    this.overdue = true;
    this.abort();
  }

  takeConnection(): Promise<never> {
    return Promise.reject(new Error('There is no connection'));
  }

  /** The client leaves, or the deadline passes: as the worker does it. */
  abort(): void {
    if (this.response.aborted) return;
    this.response.leave();
    this.controller.abort();
    this.onAbort?.();
  }
}

/** A context whose log is kept in `lines`. */
export class FakeContext implements WorkerContext {
  readonly workerId = 1;
  readonly processes = 2;
  readonly multithread = false;
  readonly concurrency = undefined;
  readonly version = '1.2.3';
  readonly node = 'test-node';
  readonly address = '127.0.0.1:8000';
  readonly lines: string[] = [];

  log(text: string): void {
    this.lines.push(text);
  }

  reload(): void {
    throw new Error('contract: this kind asks for no reload');
  }

  hasProcess(): void {
    throw new Error('contract: this kind has no process');
  }
}
