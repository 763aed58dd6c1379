// A request body on its way in, on the gateway's thread: in memory while it is small, then in an unlinked temporary file,
// written at once, since this thread has no event loop to come back in.
import { writeSync } from 'node:fs';
import { errorMessage } from '../../base/errors.js';
import type { BodyFiles } from './body-files.js';

const FIRST_BYTES = 4096;
const NOTHING = Buffer.alloc(0);

/** Stores one body after the other. */
export class BodyStore {
  /** Bytes taken so far. */
  bytes = 0;
  /** The temporary file, or -1 while the body is in memory. */
  fd = -1;
  /** Why `push` answered false. */
  error = '';
  private readonly memoryBytesMax: number;
  private readonly files: BodyFiles;
  private memory: Buffer = NOTHING;

  /** Bodies of fewer than `memoryBytesMax` bytes stay in memory. */
  constructor(memoryBytesMax: number, files: BodyFiles) {
    this.memoryBytesMax = memoryBytesMax;
    this.files = files;
  }

  /** Takes `source[from, to)`, copied. False: it cannot be stored. */
  push(source: Buffer, from: number, to: number): boolean {
    if (this.fd < 0 && this.bytes + to - from < this.memoryBytesMax) {
      this.keep(source, from, to);
      return true;
    }
    return (this.fd >= 0 || this.openFile()) && this.write(source, from, to);
  }

  /** Copies a body that stayed in memory to `offset` of `target`. */
  copyTo(target: Buffer, offset: number): void {
    this.memory.copy(target, offset, 0, this.bytes);
  }

  /** Gives up memory and file. */
  forget(): void {
    this.memory = NOTHING;
    if (this.fd >= 0) this.files.close(this.fd, this.bytes);
    this.fd = -1;
    this.bytes = 0;
  }

  /** As `forget`, where nobody else has, or has had, the file's descriptor. */
  release(): void {
    if (this.fd >= 0) this.files.giveBack(this.fd, this.bytes);
    this.fd = -1;
    this.forget();
  }

  private keep(source: Buffer, from: number, to: number): void {
    const wanted = this.bytes + to - from;
    if (wanted > this.memory.length) {
      const larger = Buffer.allocUnsafe(Math.max(wanted, 2 * this.memory.length, FIRST_BYTES));
      this.memory.copy(larger, 0, 0, this.bytes);
      this.memory = larger;
    }
    source.copy(this.memory, this.bytes, from, to);
    this.bytes = wanted;
  }

  private openFile(): boolean {
    const file = this.files.open();
    if (typeof file === 'string') {
      this.error = file;
      return false;
    }
    this.fd = file;
    const { memory, bytes } = this;
    this.memory = NOTHING;
    this.bytes = 0;
    return this.write(memory, 0, bytes);
  }

  private write(source: Buffer, from: number, to: number): boolean {
    try {
      for (let at = from; at < to; ) {
        const written = writeSync(this.fd, source, at, to - at, this.bytes);
        this.bytes += written;
        at += written;
      }
    } catch (error) {
      this.error = errorMessage(error);
      return false;
    }
    return true;
  }
}
