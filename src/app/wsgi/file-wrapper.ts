// wsgi.file_wrapper: makes an open file, or anything with read(), an iterable of blocks, so that a file is sent without
// being loaded. Its close() closes what it wraps.
import { closeSync, openSync, readSync } from 'node:fs';

const BLOCK_BYTES_DEFAULT = 65_536;

/** Has `read(size)` that gives bytes or text, empty or null at the end, at once or as a promise. */
export interface Readable {
  read(size: number): unknown;
  close?(): unknown;
}

/** A `FileHandle` of node:fs/promises. */
interface Handle {
  readonly fd: number;
  close(): Promise<void>;
}

export type FileSource = string | URL | number | Handle | Readable | AsyncIterable<Uint8Array | string>;

/** A file as an iterable of blocks of at most `blockBytes` bytes, 65536 unless given. `close()` closes the file. */
export type FileWrapper = (
  source: FileSource,
  blockBytes?: number,
) => (Iterable<Uint8Array> | AsyncIterable<Uint8Array | string>) & { close(): unknown };

/**
 * A path is opened at once, so that a missing file throws here (ENOENT) and not in the middle of a response. Files are
 * read from where they stand. A stream, and `wsgi.input`, decide on their blocks themselves.
 */
export const fileWrapper: FileWrapper = function fileWrapper(source, blockBytes = BLOCK_BYTES_DEFAULT) {
  if (!Number.isInteger(blockBytes) || blockBytes < 1) {
    throw new TypeError(`Cannot wrap a file: the block size must be a whole number above 0, got ${blockBytes}`);
  }
  if (typeof source === 'string' || source instanceof URL) {
    const fd = openSync(source, 'r');
    return new FileBlocks(fd, blockBytes, () => closeSync(fd));
  }
  if (typeof source === 'number') return new FileBlocks(source, blockBytes, () => closeSync(source));
  if (typeof source === 'object' && source !== null) {
    if (Symbol.asyncIterator in source) return new StreamBlocks(source);
    if (isHandle(source)) return new FileBlocks(source.fd, blockBytes, () => source.close());
    if (typeof source.read === 'function') return new ReadBlocks(source, blockBytes);
  }
  throw new TypeError('Cannot wrap a file: expected a path, a file descriptor, a FileHandle or an object with read()');
};

function isHandle(source: object): source is Handle {
  return 'fd' in source && typeof source.fd === 'number' && 'close' in source;
}

/** The blocks of a file descriptor, read when they are asked for. */
class FileBlocks implements IterableIterator<Uint8Array> {
  private closed = false;

  constructor(
    private readonly fd: number,
    private readonly blockBytes: number,
    private readonly closeFile: () => unknown,
  ) {}

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<Uint8Array, undefined> {
    if (this.closed) return { done: true, value: undefined };
    // A block of its own each time: the one before may still be on its way to the client.
    const block = Buffer.allocUnsafe(this.blockBytes);
    const size = readSync(this.fd, block, 0, this.blockBytes, null);
    if (size === 0) return { done: true, value: undefined };
    return { done: false, value: size === this.blockBytes ? block : block.subarray(0, size) };
  }

  close(): unknown {
    // Once only: the number may belong to another file the moment it is closed.
    if (this.closed) return undefined;
    this.closed = true;
    return this.closeFile();
  }
}

/** What an object with `read(size)` gives. */
class ReadBlocks {
  constructor(
    private readonly source: Readable,
    private readonly blockBytes: number,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array | string, void, undefined> {
    for (;;) {
      const block = (await this.source.read(this.blockBytes)) as Uint8Array | string | null | undefined;
      if (block === null || block === undefined || block.length === 0) return;
      yield block;
    }
  }

  close(): unknown {
    return this.source.close?.();
  }
}

/** A stream, or anything else that is async iterable by itself. */
class StreamBlocks {
  constructor(private readonly source: AsyncIterable<Uint8Array | string>) {}

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array | string> {
    return this.source[Symbol.asyncIterator]();
  }

  close(): unknown {
    return closeIterable(this.source);
  }
}

/** Calls what releases an iterable: `close()` of PEP 3333, or a Node stream's `destroy()`, where there is one. */
export function closeIterable(iterable: object): unknown {
  if ('close' in iterable && typeof iterable.close === 'function') return iterable.close();
  if ('destroy' in iterable && typeof iterable.destroy === 'function') return iterable.destroy();
  return undefined;
}
