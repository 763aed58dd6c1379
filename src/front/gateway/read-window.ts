// What an HTTP connection has read and not yet used. Reading goes into a buffer that all connections of the thread share;
// only what is left when a connection stops reading is copied into one of its own. Gateway thread only.
import { ERRNO, type Libc, SYS } from '../../system/libc.js';

/** Received at a time, of what may have to be kept. */
const RECEIVE_BYTES = 65_536;
const OWN_BYTES_MIN = 4096;
const NOTHING = Buffer.alloc(0);

/** What `receive` answers. */
export const RECEIVED = {
  /** Bytes, and there may be more. */
  SOME: 0,
  /** Whatever the socket had, if anything. */
  ALL: 1,
  /** The peer has sent its last byte, or the connection is broken. */
  END: 2,
} as const;

/** The bytes `bytes[at, end)`; `at` moves on as they are used. */
export class ReadWindow {
  bytes: Buffer = NOTHING;
  at = 0;
  end = 0;
  private readonly scratch: Buffer;

  /** `scratch`: the shared buffer. */
  constructor(scratch: Buffer) {
    this.scratch = scratch;
  }

  get isEmpty(): boolean {
    return this.at === this.end;
  }

  get length(): number {
    return this.end - this.at;
  }

  /**
   * Reads once: one of RECEIVED. Offsets into the bytes hold no longer, but for `at`. `wanted`: bytes that will be used at
   * once, of which more may be read at a time.
   */
  receive(libc: Libc, fd: number, wanted: number): number {
    if (this.isEmpty) {
      this.bytes = this.scratch;
      this.at = 0;
      this.end = 0;
    } else {
      this.makeRoom();
    }
    const room = Math.min(this.bytes.length - this.end, Math.max(wanted, RECEIVE_BYTES));
    const target = this.end === 0 ? this.bytes : this.bytes.subarray(this.end);
    const count = libc.recv(fd, target, room, SYS.MSG_DONTWAIT);
    if (count > 0) {
      this.end += count;
      return count < room ? RECEIVED.ALL : RECEIVED.SOME;
    }
    return count < 0 && libc.errno() === ERRNO.EAGAIN ? RECEIVED.ALL : RECEIVED.END;
  }

  /** Leaves the scratch to the next connection: what is left in it becomes our own. */
  keep(): void {
    if (this.bytes !== this.scratch) return;
    if (this.isEmpty) this.forget();
    else this.makeRoom();
  }

  forget(): void {
    this.bytes = NOTHING;
    this.at = 0;
    this.end = 0;
  }

  /** As much room behind the bytes as they take, in a buffer of our own. */
  private makeRoom(): void {
    const { bytes, at, end, length } = this;
    if (bytes !== this.scratch && bytes.length - end >= length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * length, OWN_BYTES_MIN));
    bytes.copy(larger, 0, at, end);
    this.bytes = larger;
    this.at = 0;
    this.end = length;
  }
}
