// Sends bytes and descriptors over a unix socket: sendmsg() with SCM_RIGHTS, its structures put together once by hand. Linux on 64
// bits, little-endian, as everything that calls libc here.
import { type Libc, SYS } from './libc.js';

/** sizeof(struct msghdr), offsets in it, and sizeof(struct cmsghdr) without its data (cmsg(3), recvmsg(2)). */
const MSGHDR_BYTES = 56;
const MSG_IOV = 16;
const MSG_IOVLEN = 24;
const MSG_CONTROL = 32;
const MSG_CONTROLLEN = 40;
const CMSG_DATA = 16;
const INT_BYTES = 4;
/** In one message; the receiver has room for as many. */
const DESCRIPTORS_MAX = 32;
const SCM_RIGHTS = 1;
const SEND_FLAGS = SYS.MSG_NOSIGNAL | SYS.MSG_DONTWAIT;

/** A buffer whose address stays the same: V8 keeps the bytes of small typed arrays on its heap, but not those of an ArrayBuffer. */
export function unmovable(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes));
}

/** Sends what stands at the front of one buffer. */
export class DescriptorSender {
  private readonly libc: Libc;
  private readonly message = unmovable(MSGHDR_BYTES);
  private readonly vector = unmovable(16);
  private readonly control = unmovable(CMSG_DATA + DESCRIPTORS_MAX * INT_BYTES);
  private descriptors = 0;

  /** `bytes`: from `unmovable`. */
  constructor(libc: Libc, bytes: Buffer) {
    this.libc = libc;
    this.vector.writeBigUInt64LE(libc.addressOf(bytes), 0);
    this.message.writeBigUInt64LE(libc.addressOf(this.vector), MSG_IOV);
    this.message.writeBigUInt64LE(1n, MSG_IOVLEN);
    this.message.writeBigUInt64LE(libc.addressOf(this.control), MSG_CONTROL);
    this.control.writeInt32LE(SYS.SOL_SOCKET, 8);
    this.control.writeInt32LE(SCM_RIGHTS, 12);
  }

  /** How many descriptors can still be added. */
  get room(): number {
    return DESCRIPTORS_MAX - this.descriptors;
  }

  /** Has the next message take `fd` along. There is room. */
  add(fd: number): void {
    this.control.writeInt32LE(fd, CMSG_DATA + this.descriptors++ * INT_BYTES);
  }

  /** Sends the first `count` bytes with all that was added, at least one: how many bytes went, the descriptors with the first; or -1, as in C. */
  send(socket: number, count: number): number {
    const { control, message, vector } = this;
    const bytes = CMSG_DATA + this.descriptors * INT_BYTES;
    this.descriptors = 0;
    vector.writeUInt32LE(count, 8);
    control.writeUInt32LE(bytes, 0);
    // CMSG_SPACE: the room is a multiple of eight.
    message.writeUInt32LE((bytes + 7) & ~7, MSG_CONTROLLEN);
    return this.libc.sendmsg(socket, message, SEND_FLAGS);
  }
}
