// One uwsgi connection on node:net: the portable twin of the gateway's. Every reply comes through the slot's ring, since the
// worker has no descriptor to send on. Main thread.

import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { HALF_CLOSED_QUIET_MS, PACKET_HEADER_BYTES } from '../../base/limits.js';
import type { FrontSlot } from '../../lane/front-lane.js';
import { REPLY_FLAG, REQUEST_ORIGIN, SLOT_STATE } from '../../lane/layout.js';
import { type FrontCounters, UNANSWERED } from '../../observe/front-counters.js';
import { FAULT, type Fault, faultLogLine, faultResponse } from '../../protocol/faults.js';
import { BAD_GATEWAY, GATEWAY_TIMEOUT, INTERNAL_ERROR } from '../../protocol/plain-response.js';
import { pingReply } from '../../protocol/uwsgi-encoder.js';
import { MODIFIER_PING, PARSE, PacketParser } from '../../protocol/uwsgi-packet.js';
import { BodySpool, closeQuietly, type SpoolOwner } from '../body-spool.js';
import { countFault } from '../count-fault.js';
import type { MovableOwner, Waiter } from '../dispatcher.js';
import type { LocalDesk } from '../local/desk.js';
import { FileSender } from '../local/file-sender.js';
import { LocalReply } from '../local/reply.js';
import { resetSocket } from '../reset-socket.js';
import type { Turns } from '../turns.js';
import type { UwsgiLimits } from '../uwsgi-limits.js';

/** What the connections of one front share. */
export interface NetTools {
  readonly turns: Turns;
  readonly limits: UwsgiLimits;
  /** Gives the answers that need no worker; undefined where none are configured. */
  readonly desk: LocalDesk | undefined;
  log(line: string): void;
  /** The connection is closed and holds nothing any more. */
  closed(connection: NetConnection): void;
}

const PHASE = { PACKET: 0, BODY: 1, QUEUED: 2, RUNNING: 3, CLOSED: 4 } as const;
type Phase = (typeof PHASE)[keyof typeof PHASE];

/** From accept to close. */
export class NetConnection implements MovableOwner, Waiter, SpoolOwner {
  /** When the peer has to have made progress, in milliseconds of the monotonic clock; Infinity while we are the ones to act. */
  deadlineMs = Number.POSITIVE_INFINITY;
  waitingSinceMs = 0;
  private readonly socket: Socket;
  private readonly isTcp: boolean;
  private readonly tools: NetTools;
  private readonly parser: PacketParser;
  private phase: Phase = PHASE.PACKET;
  private packet: Buffer = Buffer.alloc(0);
  private received = 0;
  /** Where the vars of the packet end that a worker will read. */
  private varsEnd = 0;
  private spool: BodySpool | null = null;
  private bodyBytes = 0;
  private bodyFd = -1;
  /** The client has sent its last byte. */
  private hasEnded = false;
  /** When the request was complete, or the last of its reply was handed on, in milliseconds of the monotonic clock. */
  private quietSinceMs = 0;
  private slot: FrontSlot | null = null;
  private clientGone = false;
  private file: FileSender | null = null;

  constructor(socket: Socket, isTcp: boolean, tools: NetTools) {
    this.socket = socket;
    this.isTcp = isTcp;
    this.tools = tools;
    this.parser = new PacketParser(tools.limits.varsBytesMax);
    socket.on('data', (chunk: Buffer) => this.onData(chunk));
    socket.on('end', () => this.onEnd());
    socket.on('drain', () => this.onDrain());
    // Whatever the error, 'close' follows.
    socket.on('error', () => {});
    socket.on('close', () => this.onClose());
    this.expectProgress();
  }

  /** The slow tick. */
  onTick(nowMs: number): void {
    if (this.deadlineMs <= nowMs) this.onTimeout();
    else if (this.hasEnded && this.isWaitingForUs && nowMs - this.quietSinceMs >= HALF_CLOSED_QUIET_MS) this.reset();
  }

  private get isWaitingForUs(): boolean {
    return (this.phase === PHASE.QUEUED || this.phase === PHASE.RUNNING) && !this.socket.writableNeedDrain;
  }

  /** The deadline has passed: the peer neither sends nor reads. */
  private onTimeout(): void {
    const { limits } = this.tools;
    if (this.phase < PHASE.QUEUED) return this.reject(FAULT.STALL, limits.socketTimeoutMs);
    if (this.socket.writableLength === 0) return this.destroy();
    this.tools.log(`timeout: the client read nothing for ${limits.socketTimeoutMs} ms. skip.`);
    this.reset();
  }

  destroy(): void {
    this.socket.destroy();
  }

  // ---- reading

  private onData(chunk: Buffer): void {
    if (this.phase === PHASE.PACKET) this.onPacketBytes(chunk);
    else if (this.phase === PHASE.BODY) this.onBodyBytes(chunk, 0);
    // What comes after the request is thrown away: by reading on, the client's leaving is seen, and a close is no reset.
  }

  private onPacketBytes(chunk: Buffer): void {
    const { parser } = this;
    // The common case: the first chunk holds the whole packet and is read where it lies.
    if (this.received === 0) this.packet = chunk;
    else this.appendToPacket(chunk);
    this.received += chunk.length;
    const outcome = parser.parse(this.packet, 0, this.received);
    if (outcome === PARSE.NEED_MORE) return this.expectProgress();
    if (outcome === PARSE.FAULT) return this.reject(parser.fault, parser.faultArg);
    if (parser.modifier1 === MODIFIER_PING) {
      this.counters.pinged();
      return this.answer(pingReply());
    }
    this.bodyBytes = Math.max(parser.contentLength, 0);
    const { limitPostBytes, inlineBodyBytesMax } = this.tools.limits;
    if (limitPostBytes > 0 && this.bodyBytes > limitPostBytes) return this.reject(FAULT.BODY_TOO_LARGE, this.bodyBytes);
    if (this.bodyBytes === 0) return this.enqueue();
    this.phase = PHASE.BODY;
    // The spool is told how large the body will be by what it may keep: all of it, or nothing.
    this.spool = new BodySpool(this.bodyBytes < inlineBodyBytesMax ? this.bodyBytes : 0, this);
    this.onBodyBytes(this.packet, parser.varsEnd);
  }

  private appendToPacket(chunk: Buffer): void {
    const wanted = this.received + chunk.length;
    if (wanted > this.packet.length) {
      const larger = Buffer.allocUnsafe(Math.max(wanted, 2 * this.packet.length));
      this.packet.copy(larger, 0, 0, this.received);
      this.packet = larger;
    }
    chunk.copy(this.packet, this.received);
  }

  private onBodyBytes(chunk: Buffer, from: number): void {
    const spool = this.spool as BodySpool;
    const end = Math.min(chunk === this.packet ? this.received : chunk.length, from + this.bodyBytes - spool.bytes);
    const mayGoOn = end <= from || spool.push(chunk.subarray(from, end));
    if (spool.bytes === this.bodyBytes) {
      this.stopWatching();
      if (spool.end()) this.enqueue();
    } else if (mayGoOn) {
      this.expectProgress();
    } else {
      this.stopWatching();
      this.socket.pause();
    }
  }

  onSpoolDrained(): void {
    this.socket.resume();
    this.expectProgress();
  }

  onSpoolComplete(): void {
    this.enqueue();
  }

  onSpoolFailed(reason: string): void {
    this.counters.answered(500);
    this.tools.log(`cannot buffer a request body of ${this.bodyBytes} bytes: ${reason}`);
    this.answer(INTERNAL_ERROR);
  }

  private onEnd(): void {
    this.hasEnded = true;
    if (this.phase === PHASE.BODY && (this.spool as BodySpool).bytes < this.bodyBytes) {
      const { bytes } = this.spool as BodySpool;
      this.tools.log(`client closed connection after ${bytes} of ${this.bodyBytes} body bytes. skip.`);
      this.socket.destroy();
    } else if (this.phase === PHASE.PACKET && this.received > 0) {
      this.reject(this.received < PACKET_HEADER_BYTES ? FAULT.EOF_IN_HEADER : FAULT.EOF_IN_VARS, this.received);
    } else if (this.phase === PHASE.PACKET) {
      this.socket.destroy();
    }
  }

  // ---- into a slot

  private enqueue(): void {
    this.phase = PHASE.QUEUED;
    this.quietSinceMs = performance.now();
    this.stopWatching();
    if (this.answerLocally()) return;
    // A body that filled the socket's window may have paused it; the client's leaving is seen only by reading.
    this.socket.resume();
    const { dispatcher } = this.tools.turns;
    const slot = dispatcher.reserve();
    if (slot !== null) this.assign(slot);
    else dispatcher.enqueueAlways(this);
    this.tools.turns.schedule();
  }

  assign(slot: FrontSlot): void {
    const { varsEnd } = this;
    slot.request.set(this.packet.subarray(0, varsEnd));
    if (this.spool !== null) {
      this.bodyFd = this.spool.releaseFile();
      if (this.bodyFd < 0) this.spool.copyTo(slot.request, varsEnd);
      this.spool = null;
    }
    slot.describe(varsEnd, this.bodyBytes, this.bodyFd, -1, REQUEST_ORIGIN.UWSGI);
    this.phase = PHASE.RUNNING;
    this.slot = slot;
    this.tools.turns.dispatcher.submit(slot, this);
  }

  /** True when no worker is to have the request. */
  private answerLocally(): boolean {
    const { varsStart, varsEnd } = this.parser;
    this.varsEnd = varsEnd;
    // The body has been read to its end.
    const verdict = this.tools.desk?.judge(this.packet, varsStart, varsEnd, false) ?? null;
    if (verdict === null) return false;
    if (!(verdict instanceof LocalReply)) {
      this.packet = verdict;
      this.varsEnd = verdict.length;
      return false;
    }
    this.phase = PHASE.RUNNING;
    this.socket.resume();
    const head = verdict.encodeHead(undefined);
    this.socket.write(verdict.body.length === 0 ? head : Buffer.concat([head, verdict.body]));
    if (verdict.hasFile) {
      verdict.headBytes = head.length;
      this.file = new FileSender(verdict, this);
    } else {
      verdict.sentWhole(head.length);
      this.end();
    }
    return true;
  }

  /** @internal A piece of a local reply's file. */
  onFileBytes(bytes: Buffer): boolean {
    this.quietSinceMs = performance.now();
    const goOn = this.socket.write(bytes);
    if (!goOn) this.expectProgress();
    return goOn;
  }

  /** @internal The local reply is complete, or cannot be completed. */
  onFileEnd(isComplete: boolean): void {
    this.file = null;
    if (isComplete) return this.end();
    this.tools.log('Response broken off: its file cannot be read to the end');
    this.reset();
  }

  onMoved(slot: FrontSlot): void {
    this.slot = slot;
  }

  // ---- the reply

  onReply(slot: FrontSlot): void {
    if (this.clientGone) slot.consume(slot.available);
    while (slot.available > 0) {
      if (this.socket.writableNeedDrain) return;
      // Copied, because the socket keeps what the kernel does not take, and the ring's room is the worker's again at once.
      const bytes = Buffer.from(slot.peek());
      slot.consume(bytes.length);
      this.quietSinceMs = performance.now();
      if (!this.socket.write(bytes)) this.expectProgress();
    }
    if (slot.state === SLOT_STATE.DONE && slot.available === 0) this.finish(slot);
  }

  private onDrain(): void {
    this.quietSinceMs = performance.now();
    this.stopWatching();
    if (this.slot !== null) this.onReply(this.slot);
    else if (this.file !== null) this.file.resume();
    else this.expectProgress();
  }

  private finish(slot: FrontSlot): void {
    const broken = (slot.flags & REPLY_FLAG.BROKEN) !== 0;
    this.releaseSlot(slot);
    if (this.clientGone) this.close();
    // A reset, where the transport has one, so that a cut response is not taken for a complete one.
    else if (broken) this.reset();
    else this.end();
  }

  onLost(slot: FrontSlot): void {
    this.slot = null;
    this.closeBody();
    if (this.clientGone || slot.taken > 0) this.counters.ended(UNANSWERED.CUT);
    else this.counters.answered(slot.overdue ? 504 : 502);
    if (this.clientGone) this.close();
    else if (slot.taken > 0) this.reset();
    else this.answer(slot.overdue ? GATEWAY_TIMEOUT : BAD_GATEWAY);
  }

  private releaseSlot(slot: FrontSlot): void {
    this.slot = null;
    this.tools.turns.dispatcher.release(slot);
    this.tools.turns.schedule();
    this.closeBody();
  }

  // ---- the end

  private reject(fault: Fault, argument: number): void {
    const line = faultLogLine(fault, argument, this.tools.limits.varsBytesMax);
    if (line !== '') this.tools.log(line);
    countFault(this.counters, fault);
    const response = faultResponse(fault);
    if (response !== null) return this.answer(response);
    this.phase = PHASE.CLOSED;
    this.socket.destroy();
  }

  /** Sends a small answer of our own, and closes. */
  private answer(response: Buffer): void {
    this.socket.write(response);
    this.end();
  }

  /** Ends the response; the socket closes itself when the client has closed its side, too. */
  private end(): void {
    this.phase = PHASE.CLOSED;
    this.expectProgress();
    this.socket.resume();
    this.socket.end();
  }

  private reset(): void {
    resetSocket(this.socket, this.isTcp);
  }

  private onClose(): void {
    this.clientGone = true;
    this.stopWatching();
    this.spool?.destroy();
    this.spool = null;
    this.file?.destroy();
    const { dispatcher } = this.tools.turns;
    if (this.phase === PHASE.QUEUED) dispatcher.cancel(this);
    else if (this.phase === PHASE.BODY || (this.phase === PHASE.PACKET && this.received > 0)) {
      this.counters.ended(UNANSWERED.INCOMPLETE);
    }
    const { slot } = this;
    if (slot !== null && !dispatcher.abandon(slot)) {
      // The worker still has the request: its DONE closes what is left.
      this.onReply(slot);
      return;
    }
    this.slot = null;
    this.tools.turns.schedule();
    this.close();
  }

  private get counters(): FrontCounters {
    return this.tools.turns.dispatcher.counters;
  }

  private close(): void {
    this.phase = PHASE.CLOSED;
    this.closeBody();
    this.tools.closed(this);
  }

  private closeBody(): void {
    if (this.bodyFd >= 0) closeQuietly(this.bodyFd);
    this.bodyFd = -1;
  }

  private expectProgress(): void {
    this.deadlineMs = performance.now() + this.tools.limits.socketTimeoutMs;
  }

  private stopWatching(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
  }
}
