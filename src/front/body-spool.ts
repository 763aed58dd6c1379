// A request body on its way in: in memory while it is small, then in an unlinked temporary file, written in the background
// while the client is held back. What it is given is copied into blocks of its own, so that a client who sends a byte at a
// time costs what it sends. The descriptor is never closed under a write that is still under way.
import { close, write } from 'node:fs';
import { errorMessage } from '../base/errors.js';
import { openTemporaryFile } from '../system/temporary-file.js';

/** Bytes that are written to the file at a time. */
const BLOCK_BYTES = 262_144;
/** Full blocks that may wait for the disk before the client is held back. */
const FULL_BLOCKS_MAX = 2;
const FIRST_BLOCK_BYTES = 1024;
const NO_BLOCK = Buffer.alloc(0);

/** Whoever feeds a spool. None of these is called from inside `push` or `end`. */
export interface SpoolOwner {
  /** After a `push` that answered false: the next chunk may come. */
  onSpoolDrained(): void;
  /** After an `end` that answered false: everything is in the file. */
  onSpoolComplete(): void;
  /** The body cannot be stored (no space, no temporary folder). The spool is to be destroyed. */
  onSpoolFailed(reason: string): void;
}

/** Stores one body. */
export class BodySpool {
  /** Bytes taken so far. */
  bytes = 0;
  /** The temporary file, or -1 while the body is in memory. */
  fd = -1;
  private readonly memoryBytesMax: number;
  private readonly owner: SpoolOwner;
  /** The block that is being filled: the whole body, as long as that is in memory. */
  private block: Buffer = NO_BLOCK;
  private used = 0;
  private readonly full: Buffer[] = [];
  private readonly spare: Buffer[] = [];
  private writing = false;
  private failure = '';
  private holdsBack = false;
  private ended = false;
  private destroyed = false;

  /** Bodies of up to `memoryBytesMax` bytes stay in memory. */
  constructor(memoryBytesMax: number, owner: SpoolOwner) {
    this.memoryBytesMax = memoryBytesMax;
    this.owner = owner;
  }

  /** Takes a chunk; its bytes are copied. False: the next one only after `onSpoolDrained`. */
  push(chunk: Uint8Array): boolean {
    this.bytes += chunk.length;
    if (this.failure !== '' || this.destroyed) return false;
    if (this.fd < 0 && this.bytes <= this.memoryBytesMax) {
      this.keep(chunk);
      return true;
    }
    if (this.fd < 0 && !this.openFile()) return false;
    this.fill(chunk);
    this.writeNext();
    this.holdsBack = this.full.length >= FULL_BLOCKS_MAX;
    return !this.holdsBack;
  }

  /** No more will come. True: the body is complete now; false: `onSpoolComplete` follows. */
  end(): boolean {
    this.ended = true;
    if (this.fd < 0) return this.failure === '';
    this.finishBlock();
    this.writeNext();
    return !this.writing && this.failure === '';
  }

  /** Copies a body that stayed in memory to `offset` of `target`. */
  copyTo(target: Buffer, offset: number): void {
    this.block.copy(target, offset, 0, this.used);
  }

  /** Hands the descriptor of a complete body over, -1 if it stayed in memory; the new owner closes it. */
  releaseFile(): number {
    const { fd } = this;
    this.fd = -1;
    return fd;
  }

  /** Forgets the body and closes its file, after the write that is under way. */
  destroy(): void {
    this.destroyed = true;
    if (!this.writing) this.closeFile();
  }

  /** Memory: one block that grows with what comes, not with what was announced. */
  private keep(chunk: Uint8Array): void {
    if (this.bytes > this.block.length) {
      const size = Math.max(this.bytes, Math.min(this.memoryBytesMax, 2 * this.block.length), FIRST_BLOCK_BYTES);
      const larger = Buffer.allocUnsafeSlow(size);
      this.block.copy(larger, 0, 0, this.used);
      this.block = larger;
    }
    this.block.set(chunk, this.used);
    this.used += chunk.length;
  }

  /** File: blocks of one size, written when they are full. */
  private fill(chunk: Uint8Array): void {
    let from = 0;
    while (from < chunk.length) {
      if (this.used === this.block.length) {
        this.finishBlock();
        this.block = this.spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
      }
      const count = Math.min(chunk.length - from, this.block.length - this.used);
      this.block.set(count === chunk.length ? chunk : chunk.subarray(from, from + count), this.used);
      this.used += count;
      from += count;
    }
  }

  private finishBlock(): void {
    if (this.used > 0) this.full.push(this.block.subarray(0, this.used));
    this.block = NO_BLOCK;
    this.used = 0;
  }

  private openFile(): boolean {
    const file = openTemporaryFile();
    if (typeof file === 'number') {
      this.fd = file;
      return true;
    }
    this.failure = file;
    // Not from inside `push`: its caller has its own work to finish.
    setImmediate(() => this.reportFailure());
    return false;
  }

  private writeNext(): void {
    const block = this.full[0];
    if (block === undefined || this.writing || this.failure !== '') return;
    this.writing = true;
    this.writeBlock(block);
  }

  private writeBlock(block: Buffer): void {
    write(this.fd, block, 0, block.length, null, (error, written) => {
      if (this.destroyed) {
        this.writing = false;
        this.closeFile();
      } else if (error !== null) {
        this.writing = false;
        this.failure = errorMessage(error);
        this.reportFailure();
      } else if (written < block.length) {
        this.writeBlock(block.subarray(written));
      } else {
        this.writing = false;
        this.recycle();
        this.writeNext();
        this.report();
      }
    });
  }

  private recycle(): void {
    const block = this.full.shift();
    // The first block, from memory, may be of another size.
    if (block?.buffer.byteLength === BLOCK_BYTES) this.spare.push(Buffer.from(block.buffer));
  }

  private report(): void {
    if (this.ended) {
      if (!this.writing) this.owner.onSpoolComplete();
    } else if (this.holdsBack && this.full.length < FULL_BLOCKS_MAX) {
      this.holdsBack = false;
      this.owner.onSpoolDrained();
    }
  }

  private reportFailure(): void {
    if (!this.destroyed) this.owner.onSpoolFailed(this.failure);
  }

  private closeFile(): void {
    if (this.fd >= 0) closeQuietly(this.fd);
    this.fd = -1;
  }
}

/** Closes a descriptor in the background: freeing a file of gigabytes takes a while. */
export function closeQuietly(fd: number): void {
  close(fd, () => {
    // Nothing can be done about a failed close of a file that has no name.
  });
}
