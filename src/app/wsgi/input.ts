// wsgi.input: the request's body as PEP 3333's file-like object, and the same without blocking the thread. Bytes are
// read from the body on demand and never past its end; lines are found in blocks, of which the rest is kept.
import type { RequestBody } from '../exchange.js';
import { RequestOverError } from '../request-over.js';

/** Bytes read from the body at a time where the caller names no size. */
const BLOCK_BYTES = 65_536;
const LINE_FEED = 0x0a;
const EMPTY = Buffer.alloc(0);

/**
 * `environ['wsgi.input']`. `read`, `readline`, `readlines` and `for … of` (lines) block the thread while a body in a file
 * is read; `readAsync`, `readlineAsync` and `for await … of` (chunks) do not. One read at a time.
 */
export class WsgiInput {
  #body: RequestBody | null;
  // Bytes taken from the body and not yet handed out.
  #kept: Buffer = EMPTY;
  #busy = false;

  constructor(body: RequestBody) {
    this.#body = body;
  }

  /** The next `size` bytes, fewer at the end of the body; all that is left without a `size` or with a negative one. */
  read(size?: number | null): Buffer {
    return this.#gatherSync(size, false);
  }

  /** The next line with its line feed, or its first `limit` bytes; an empty buffer at the end of the body. */
  readline(limit?: number | null): Buffer {
    return this.#gatherSync(limit, true);
  }

  /** The lines that are left; with a `hint` above 0, no more once they have that many bytes. */
  readlines(hint?: number | null): Buffer[] {
    const lines: Buffer[] = [];
    let bytes = 0;
    for (const line of this) {
      lines.push(line);
      bytes += line.length;
      if (hint && hint > 0 && bytes >= hint) break;
    }
    return lines;
  }

  /** The lines that are left. */
  *[Symbol.iterator](): Generator<Buffer, void, undefined> {
    for (let line = this.readline(); line.length > 0; line = this.readline()) yield line;
  }

  /** As `read`, without blocking the thread. */
  readAsync(size?: number | null): Promise<Buffer> {
    return this.#gather(size, false);
  }

  /** As `readline`, without blocking the thread. */
  readlineAsync(limit?: number | null): Promise<Buffer> {
    return this.#gather(limit, true);
  }

  /** What is left, in chunks of at most 64 KB. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const chunk = await this.readAsync(BLOCK_BYTES);
      if (chunk.length === 0) return;
      yield chunk;
    }
  }

  /** What is left. */
  bytes(): Promise<Buffer> {
    return this.readAsync();
  }

  /** What is left, as UTF-8 text. */
  async text(): Promise<string> {
    return (await this.readAsync()).toString('utf8');
  }

  /** What is left, parsed as JSON. Rejects with a SyntaxError when it is none. */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  /** The server's: ends every later read, for the body's memory belongs to another request by then. */
  release(): void {
    this.#body = null;
  }

  #open(): RequestBody {
    if (this.#body === null) throw new RequestOverError();
    if (this.#busy) throw new Error('Cannot read wsgi.input: another read is under way');
    return this.#body;
  }

  #gatherSync(size: number | null | undefined, line: boolean): Buffer {
    const body = this.#open();
    const gather = new Gather(byteCount(size, body.length), line);
    gather.take(this.#kept);
    while (gather.missing > 0) {
      const block = body.readSync(line ? BLOCK_BYTES : gather.missing);
      if (block.length === 0) break;
      gather.take(block);
    }
    this.#kept = gather.rest;
    return gather.bytes();
  }

  async #gather(size: number | null | undefined, line: boolean): Promise<Buffer> {
    const body = this.#open();
    const gather = new Gather(byteCount(size, body.length), line);
    gather.take(this.#kept);
    this.#busy = true;
    try {
      while (gather.missing > 0) {
        const block = await body.read(line ? BLOCK_BYTES : gather.missing);
        if (this.#body === null) throw new RequestOverError();
        if (block.length === 0) break;
        gather.take(block);
      }
    } finally {
      this.#busy = false;
    }
    this.#kept = gather.rest;
    return gather.bytes();
  }
}

/** Collects up to a number of bytes, or up to a line's end, out of blocks; copies only when they span two. */
class Gather {
  missing: number;
  /** What the last block held beyond the bytes that were asked for. */
  rest: Buffer = EMPTY;
  private readonly line: boolean;
  private first: Buffer = EMPTY;
  private parts: Buffer[] | null = null;

  constructor(size: number, line: boolean) {
    this.missing = size;
    this.line = line;
  }

  take(block: Buffer): void {
    const feed = this.line ? block.indexOf(LINE_FEED) : -1;
    const wanted = feed < 0 ? block.length : feed + 1;
    const size = Math.min(wanted, this.missing);
    const part = size === block.length ? block : block.subarray(0, size);
    this.rest = size === block.length ? EMPTY : block.subarray(size);
    this.missing = feed >= 0 ? 0 : this.missing - size;
    if (size === 0) return;
    if (this.parts !== null) this.parts.push(part);
    else if (this.first.length > 0) this.parts = [this.first, part];
    else this.first = part;
  }

  bytes(): Buffer {
    return this.parts === null ? this.first : Buffer.concat(this.parts);
  }
}

/** A size as Python's read() takes it: none, null or a negative one is `all`. */
function byteCount(size: number | null | undefined, all: number): number {
  if (size === undefined || size === null) return all;
  if (!Number.isInteger(size)) throw new TypeError(`Cannot read wsgi.input: ${size} is no whole number of bytes`);
  return size < 0 || size > all ? all : size;
}
