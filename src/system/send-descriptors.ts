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
const DESCRIPTORS_MAX = 2;
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

  /** Sends the first `count` bytes with `fd`, and with `second` unless it is -1: how many bytes went, the descriptors with the first; or -1, as in C. */
  send(socket: number, count: number, fd: number, second: number): number {
    const { control, message, vector } = this;
    const bytes = CMSG_DATA + (second < 0 ? 1 : 2) * INT_BYTES;
    vector.writeUInt32LE(count, 8);
    control.writeUInt32LE(bytes, 0);
    control.writeInt32LE(fd, CMSG_DATA);
    control.writeInt32LE(second, CMSG_DATA + INT_BYTES);
    // CMSG_SPACE: the room is a multiple of eight.
    message.writeUInt32LE(CMSG_DATA + 8, MSG_CONTROLLEN);
    return this.libc.sendmsg(socket, message, SEND_FLAGS);
  }
}
