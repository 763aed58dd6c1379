// Sends one local reply after the other on the descriptor of a gateway's connection: the head and a body in memory with one
// call, a file by sendfile(2), which copies nothing through this process. Gateway thread only.
import { ERRNO, type Libc, SYS } from '../../system/libc.js';
import type { LocalReply } from '../local/reply.js';

/** What `send` has come to. */
export const SENT = {
  /** Everything is with the kernel. */
  ALL: 0,
  /** The socket takes no more. */
  BLOCKED: 1,
  /** There is more, and the other connections come first. */
  MORE: 2,
  /** The file has ended before its time, or cannot be read. */
  CUT: 3,
  /** The client has gone. */
  GONE: 4,
} as const;

const NOTHING = Buffer.alloc(0);
const SEND_FLAGS = SYS.MSG_NOSIGNAL | SYS.MSG_DONTWAIT;
/** Of one file in one turn, at most, so that a fast reader does not hold up the other connections. */
const FILE_BYTES_PER_TURN = 1_048_576;

/** off_t of sendfile: 64 bits on every platform the gateway runs on. */
const offset = new BigInt64Array(1);
const offsetBytes = Buffer.from(offset.buffer);

export class LocalSender {
  private reply: LocalReply | null = null;
  /** Head and body in memory, as far as they have not been sent. */
  private bytes: Buffer = NOTHING;
  private headLeft = 0;
  private fileAt = 0;
  private fileEnd = 0;
  private hasFile = false;

  begin(reply: LocalReply, head: Buffer): void {
    const { body, answer, hasFile } = reply;
    this.reply = reply;
    this.bytes = body.length === 0 ? head : Buffer.concat([head, body]);
    this.headLeft = head.length;
    this.fileAt = answer.file?.from ?? 0;
    this.fileEnd = answer.file?.to ?? 0;
    this.hasFile = hasFile;
  }

  /** Sends what the socket takes. */
  send(libc: Libc, fd: number): number {
    const outcome = this.sendBytes(libc, fd);
    return outcome === SENT.ALL && this.hasFile ? this.sendFile(libc, fd) : outcome;
  }

  /** The reply is over, or given up. */
  end(): void {
    const { reply } = this;
    this.reply = null;
    this.bytes = NOTHING;
    reply?.over();
  }

  private sendBytes(libc: Libc, fd: number): number {
    const flags = this.hasFile && this.fileAt < this.fileEnd ? SEND_FLAGS | SYS.MSG_MORE : SEND_FLAGS;
    while (this.bytes.length > 0) {
      const count = libc.send(fd, this.bytes, this.bytes.length, flags);
      if (count < 0) return failure(libc);
      this.note(count);
      this.bytes = this.bytes.subarray(count);
    }
    return SENT.ALL;
  }

  private sendFile(libc: Libc, fd: number): number {
    const reply = this.reply as LocalReply;
    const file = reply.answer.file as { readonly fd: number };
    const stopAt = Math.min(this.fileEnd, this.fileAt + FILE_BYTES_PER_TURN);
    while (this.fileAt < stopAt) {
      offset[0] = BigInt(this.fileAt);
      const count = libc.sendfile(fd, file.fd, offsetBytes, stopAt - this.fileAt);
      if (count === 0) return SENT.CUT;
      if (count < 0) return failure(libc);
      this.fileAt += count;
      reply.bodyBytes += count;
    }
    return this.fileAt === this.fileEnd ? SENT.ALL : SENT.MORE;
  }

  private note(count: number): void {
    const reply = this.reply as LocalReply;
    const ofHead = Math.min(count, this.headLeft);
    this.headLeft -= ofHead;
    reply.headBytes += ofHead;
    reply.bodyBytes += count - ofHead;
  }
}

/** What errno says: EIO, EINVAL and their like are the file's. */
function failure(libc: Libc): number {
  const errno = libc.errno();
  if (errno === ERRNO.EAGAIN) return SENT.BLOCKED;
  return errno === ERRNO.EPIPE || errno === ERRNO.ECONNRESET || errno === ERRNO.ETIMEDOUT ? SENT.GONE : SENT.CUT;
}
