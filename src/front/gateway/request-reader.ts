// Reads one request from a gateway descriptor: the packet and a small body straight into the memory it is given when all
// is there at once, else into a buffer of its own, and a large body into a temporary file. Knows nothing of slots or epoll.
import { writeSync } from 'node:fs';
import { errorMessage } from '../../base/errors.js';
import { PACKET_HEADER_BYTES } from '../../base/limits.js';
import { FAULT, type Fault } from '../../protocol/faults.js';
import { MODIFIER_PING, PARSE, PacketParser } from '../../protocol/uwsgi-packet.js';
import { ERRNO, type Libc, SYS } from '../../system/libc.js';
import type { UwsgiLimits } from '../uwsgi-limits.js';
import type { BodyFiles } from './body-files.js';

/** What a read has come to. */
export const READ = {
  /** Wait for more. */
  MORE: 0,
  COMPLETE: 1,
  PING: 2,
  /** Not to be served: `fault` and `faultArg` say why. */
  FAULT: 3,
  /** The peer has closed, or the connection is broken, with nothing worth saying: close. */
  GONE: 4,
  /** The peer closed in the middle of its body. */
  CUT: 5,
  /** The body cannot be stored: `diskError` says why. */
  DISK: 6,
} as const;

const BUFFER_BYTES = 4096;
/** Reads for one event at most, so that one upload does not hold up the other connections. */
const FILE_READS_PER_EVENT = 8;

/** Serves one connection after the other: `reset` between them. */
export class RequestReader {
  readonly parser: PacketParser;
  /** Known once the packet is complete. */
  bodyBytes = 0;
  /** Where the vars of the packet end that a worker will read, and its body begins. */
  varsEnd = 0;
  /** The temporary file that holds the body, or -1. */
  bodyFd = -1;
  fault: Fault = FAULT.NONE;
  faultArg = 0;
  diskError = '';
  private readonly libc: Libc;
  private readonly limits: UwsgiLimits;
  /** Room for body bytes on their way to a file, shared by all connections. */
  private readonly scratch: Buffer;
  private readonly files: BodyFiles;
  private buffer: Buffer | null = null;
  private received = 0;
  private written = 0;
  private packetComplete = false;

  constructor(libc: Libc, limits: UwsgiLimits, scratch: Buffer, files: BodyFiles) {
    this.libc = libc;
    this.limits = limits;
    this.scratch = scratch;
    this.files = files;
    this.parser = new PacketParser(limits.varsBytesMax);
  }

  reset(): void {
    this.parser.reset();
    this.bodyBytes = 0;
    this.fault = FAULT.NONE;
    this.received = 0;
    this.written = 0;
    this.packetComplete = false;
    this.forget();
  }

  /** Gives up memory and file. */
  forget(): void {
    this.buffer = null;
    if (this.bodyFd >= 0) this.files.close(this.bodyFd, this.written);
    this.bodyFd = -1;
  }

  /** As `forget`, where nobody else has, or has had, the file's descriptor. */
  release(): void {
    if (this.bodyFd >= 0) this.files.giveBack(this.bodyFd, this.written);
    this.bodyFd = -1;
    this.forget();
  }

  /** Whether there are, or may be, bytes after the request. Asked about a complete request. */
  get mayHaveLeftBytes(): boolean {
    return this.bodyFd >= 0 || this.received > this.parser.varsEnd + this.bodyBytes;
  }

  /** Body bytes that have come. */
  get bodyReceived(): number {
    return this.bodyFd >= 0 ? this.written : Math.max(0, this.received - this.parser.varsEnd);
  }

  /** The first read: with COMPLETE everything lies in `target`; with anything else `target` is free again. */
  readFirst(fd: number, target: Buffer): number {
    const count = this.libc.recv(fd, target, target.length, SYS.MSG_DONTWAIT);
    if (count <= 0) return this.onNothing(count);
    const { parser } = this;
    const parsed = parser.parse(target, 0, count);
    this.received = count;
    const outcome = this.onParsed(parsed);
    // The common case: a request without a body, or one whose small body came with it.
    if (outcome === READ.COMPLETE) return outcome;
    if (outcome !== READ.MORE) return outcome;
    this.buffer = Buffer.allocUnsafe(Math.max(count, BUFFER_BYTES));
    target.copy(this.buffer, 0, 0, count);
    return this.packetComplete ? this.storeBody() : READ.MORE;
  }

  /** Any further read. */
  readOn(fd: number): number {
    if (this.bodyFd >= 0) return this.readToFile(fd);
    const buffer = this.roomyBuffer();
    const count = this.libc.recv(fd, buffer.subarray(this.received), buffer.length - this.received, SYS.MSG_DONTWAIT);
    if (count <= 0) return this.onNothing(count);
    this.received += count;
    if (this.packetComplete) return this.bodyReceived >= this.bodyBytes ? READ.COMPLETE : READ.MORE;
    const outcome = this.onParsed(this.parser.parse(buffer, 0, this.received));
    return outcome === READ.MORE && this.packetComplete ? this.storeBody() : outcome;
  }

  /** The packet of a complete request that did not come with the first read. */
  get packet(): Buffer {
    return this.buffer as Buffer;
  }

  /** Puts `packet` in the place of the one at the front of `target`, which has room for it, or of our own buffer. */
  replacePacket(packet: Buffer, target: Buffer | null): void {
    const source = target ?? this.packet;
    const inlineBytes = this.bodyFd >= 0 ? 0 : this.bodyBytes;
    const into = target ?? Buffer.allocUnsafe(packet.length + inlineBytes);
    source.copy(into, packet.length, this.varsEnd, this.varsEnd + inlineBytes);
    packet.copy(into);
    if (target === null) this.buffer = into;
    this.varsEnd = packet.length;
  }

  /** Copies a complete request to where a worker will read it. */
  copyTo(target: Buffer): void {
    const used = this.varsEnd + (this.bodyFd >= 0 ? 0 : this.bodyBytes);
    (this.buffer as Buffer).copy(target, 0, 0, used);
    this.buffer = null;
  }

  private onParsed(parsed: number): number {
    const { parser } = this;
    if (parsed === PARSE.NEED_MORE) return READ.MORE;
    if (parsed === PARSE.FAULT) return this.fail(parser.fault, parser.faultArg);
    if (parser.modifier1 === MODIFIER_PING) return READ.PING;
    this.packetComplete = true;
    this.varsEnd = parser.varsEnd;
    this.bodyBytes = Math.max(parser.contentLength, 0);
    const { limitPostBytes } = this.limits;
    if (limitPostBytes > 0 && this.bodyBytes > limitPostBytes) return this.fail(FAULT.BODY_TOO_LARGE, this.bodyBytes);
    return this.isInline && this.bodyReceived >= this.bodyBytes ? READ.COMPLETE : READ.MORE;
  }

  private get isInline(): boolean {
    return this.bodyBytes === 0 || this.bodyBytes < this.limits.inlineBodyBytesMax;
  }

  private fail(fault: Fault, argument: number): number {
    this.fault = fault;
    this.faultArg = argument;
    return READ.FAULT;
  }

  private onNothing(count: number): number {
    if (count < 0) return this.libc.errno() === ERRNO.EAGAIN ? READ.MORE : READ.GONE;
    if (this.packetComplete) return READ.CUT;
    // A connection that never sent a byte is closed in silence.
    if (this.received === 0) return READ.GONE;
    return this.fail(this.received < PACKET_HEADER_BYTES ? FAULT.EOF_IN_HEADER : FAULT.EOF_IN_VARS, this.received);
  }

  /** The buffer, with room for what is known to come: the packet once its header is there, the body once the packet is. */
  private roomyBuffer(): Buffer {
    const { parser, received } = this;
    const packetBytes = PACKET_HEADER_BYTES + (received >= PACKET_HEADER_BYTES ? parser.datasize : 0);
    const wanted = this.packetComplete ? parser.varsEnd + this.bodyBytes : packetBytes;
    const buffer = this.buffer ?? Buffer.allocUnsafe(Math.max(wanted, BUFFER_BYTES));
    this.buffer = buffer;
    if (buffer.length >= wanted && buffer.length > received) return buffer;
    const larger = Buffer.allocUnsafe(Math.max(wanted, buffer.length * 2));
    buffer.copy(larger, 0, 0, received);
    this.buffer = larger;
    return larger;
  }

  /** The packet is there and its body is not: a large one gets its file. */
  private storeBody(): number {
    if (this.isInline) return READ.MORE;
    const file = this.files.open();
    if (typeof file === 'string') return this.onDiskError(file);
    const { varsEnd } = this.parser;
    const first = Math.min(this.received - varsEnd, this.bodyBytes);
    this.bodyFd = file;
    const outcome = this.writeBody(this.buffer as Buffer, varsEnd, first);
    return outcome === READ.MORE && this.written === this.bodyBytes ? READ.COMPLETE : outcome;
  }

  private readToFile(fd: number): number {
    const { scratch } = this;
    for (let reads = 0; reads < FILE_READS_PER_EVENT; reads++) {
      const wanted = Math.min(scratch.length, this.bodyBytes - this.written);
      const count = this.libc.recv(fd, scratch, wanted, SYS.MSG_DONTWAIT);
      if (count <= 0) return this.onNothing(count);
      const outcome = this.writeBody(scratch, 0, count);
      if (outcome !== READ.MORE) return outcome;
      if (this.written === this.bodyBytes) return READ.COMPLETE;
    }
    return READ.MORE;
  }

  private writeBody(source: Buffer, from: number, count: number): number {
    try {
      for (let done = 0; done < count; ) {
        const written = writeSync(this.bodyFd, source, from + done, count - done, this.written);
        this.written += written;
        done += written;
      }
    } catch (error) {
      return this.onDiskError(errorMessage(error));
    }
    return READ.MORE;
  }

  private onDiskError(reason: string): number {
    this.diskError = reason;
    return READ.DISK;
  }
}
