// One HTTP request and its response, as far as no engine is concerned: packet and body into a slot, a place in the queue,
// what happens when the client or the worker goes. An engine adds how bytes come in and go out. Main thread only.
import { assert } from '../../base/assert.js';
import { INLINE_BODY_BYTES_MAX, PACKET_HEADER_BYTES } from '../../base/limits.js';
import type { FrontSlot } from '../../lane/front-lane.js';
import { REQUEST_ORIGIN, SLOT_STATE } from '../../lane/layout.js';
import { UNANSWERED } from '../../observe/front-counters.js';
import { TRAILER_BYTES_MAX } from '../../protocol/trailers.js';
import { BodySpool, closeQuietly, type SpoolOwner } from '../body-spool.js';
import type { Dispatcher, MovableOwner, Waiter } from '../dispatcher.js';
import type { LocalDesk } from '../local/desk.js';
import { FileSender, type FileTarget } from '../local/file-sender.js';
import { LocalReply } from '../local/reply.js';
import type { Turns } from '../turns.js';
import type { HttpFrontOptions } from './options.js';
import { REFUSAL, type Refusal } from './refusal.js';
import {
  appendContentLength,
  appendTrailers,
  CONTENT_LENGTH_VAR_BYTES,
  PACKET_BYTES_MAX,
  RequestEncoder,
} from './request-encoder.js';

/** What the exchanges of one front share. */
export class HttpTools {
  readonly options: HttpFrontOptions;
  readonly turns: Turns;
  readonly dispatcher: Dispatcher;
  readonly encoder: RequestEncoder;
  /** Gives the answers that need no worker; undefined where none are configured. */
  readonly desk: LocalDesk | undefined;
  /** Where a packet is written when no slot is free. */
  readonly scratch: Buffer = Buffer.allocUnsafeSlow(PACKET_BYTES_MAX);
  /** Bodies of up to this many bytes travel in the slot. */
  readonly memoryBodyBytesMax: number;
  /** Exchanges that hold something: a body, a place in the queue, a slot. */
  active = 0;
  /** The front is closing: connections end with the response at hand. */
  closing = false;
  /** Called when the front is closing and the last exchange has ended. */
  onIdle: (() => void) | undefined;

  constructor(options: HttpFrontOptions, turns: Turns, port: number | undefined) {
    this.options = options;
    this.turns = turns;
    this.dispatcher = turns.dispatcher;
    this.desk = options.desk;
    this.encoder = new RequestEncoder(options.varsBytesMax, port, options.tls !== undefined);
    this.memoryBodyBytesMax = Math.min(INLINE_BODY_BYTES_MAX, Math.max(0, options.postBufferingBytes - 1));
  }

  /** Whether a body of `bytes` is over limit-post. */
  isTooLarge(bytes: number): boolean {
    const { limitPostBytes } = this.options;
    return limitPostBytes > 0 && bytes > limitPostBytes;
  }
}

/** The common part of an exchange. `begin` opens it; once `ended` was called the object may serve another request. */
export abstract class HttpExchange implements MovableOwner, Waiter, SpoolOwner, FileTarget {
  waitingSinceMs = 0;
  protected readonly tools: HttpTools;
  /** Where the request is, from submission until the reply has been sent. */
  protected slot: FrontSlot | null = null;
  /** The client has gone, or was told all it will be told; what the worker still says is dropped. */
  private detached = false;
  /** The client has gone before that. */
  private gone = false;
  /** The log knows that the response is longer than it said, or need not know. */
  private overrun = false;
  /** The worker may take the connection over: see `REPLY_FLAG.HANDED_OVER`. */
  protected readonly isUpgrade: boolean = false;
  /** One of REQUEST_ORIGIN. */
  protected readonly origin: number = REQUEST_ORIGIN.HTTP;
  private packet: Buffer | null = null;
  private varsEnd = 0;
  private spool: BodySpool | null = null;
  private bodyFd = -1;
  private queued = false;
  private lateLength = false;
  protected file: FileSender | null = null;

  constructor(tools: HttpTools) {
    this.tools = tools;
  }

  // ---- what an engine does

  /** There is something new in the slot: reply bytes, or DONE. Not called once `detached`. */
  protected abstract reply(slot: FrontSlot): void;
  /** Answers a request that was read to its end; nothing was sent yet. The connection may go on. */
  protected abstract answer(refusal: Refusal): void;
  /** Answers a request in the middle of its body, and closes the connection. */
  protected abstract answerAndClose(refusal: Refusal): void;
  /** Closes the connection in the middle of a response. */
  protected abstract breakOff(): void;
  /** Sends a piece of a local reply's file. */
  abstract onFileBytes(bytes: Buffer): boolean;
  /** The local reply has all of its file, or cannot get it; `endLocal` follows. */
  protected abstract onLocalSent(isComplete: boolean): void;
  /** Lets the client send on with its body. */
  protected abstract resumeBody(): void;
  /** Nothing is held any more. */
  protected abstract ended(): void;

  // ---- the request

  /** Opens the exchange. */
  protected begin(): void {
    this.detached = false;
    this.gone = false;
    this.overrun = false;
    this.tools.active++;
  }

  /** A request without a body whose packet lies in `slot`. */
  protected submit(slot: FrontSlot, varsEnd: number): void {
    this.slot = slot;
    slot.describe(varsEnd, 0, -1, -1, this.origin);
    if (this.isUpgrade) slot.offerConnection();
    this.tools.dispatcher.submit(slot, this);
    this.tools.turns.schedule();
  }

  /** Keeps the packet that `buffer` begins with until the body is there, or a slot. */
  protected keepPacket(buffer: Buffer, varsEnd: number, lateLength: boolean): void {
    const packet = Buffer.allocUnsafe(varsEnd + (lateLength ? CONTENT_LENGTH_VAR_BYTES : 0));
    buffer.copy(packet, 0, 0, varsEnd);
    this.packet = packet;
    this.varsEnd = varsEnd;
    this.lateLength = lateLength;
  }

  /** A chunk of the body; its bytes are copied. False: hold the client back until `resumeBody`. */
  protected pushBody(chunk: Uint8Array): boolean {
    this.spool ??= new BodySpool(this.tools.memoryBodyBytesMax, this);
    if (this.tools.isTooLarge(this.spool.bytes + chunk.length)) {
      this.refuse(REFUSAL.BODY_TOO_LARGE);
      return false;
    }
    return this.spool.push(chunk);
  }

  /** The body, if there was one, has come to its end, `trailers` behind it. */
  protected endBody(trailers = ''): void {
    if (trailers !== '' && !this.keepTrailers(trailers)) this.refuse(REFUSAL.HEADERS_TOO_LARGE);
    else if (this.spool === null || this.spool.end()) this.complete();
  }

  /** False: the packet cannot hold them. */
  private keepTrailers(lines: string): boolean {
    assert(this.packet !== null, 'a request with a body keeps its packet');
    if (lines.length > TRAILER_BYTES_MAX) return false;
    if (this.lateLength) this.varsEnd = appendContentLength(this.packet, this.varsEnd, this.spool?.bytes ?? 0);
    this.lateLength = false;
    this.packet = appendTrailers(this.packet, this.varsEnd, lines);
    this.varsEnd = this.packet?.length ?? 0;
    return this.packet !== null;
  }

  /** @internal */
  onSpoolDrained(): void {
    this.resumeBody();
  }

  /** @internal */
  onSpoolComplete(): void {
    this.complete();
  }

  /** @internal */
  onSpoolFailed(reason: string): void {
    this.tools.options.log(`Cannot store a request body: ${reason}`);
    this.refuse(REFUSAL.BODY_NOT_STORED);
  }

  /** The request is complete: into a slot, or into the queue. */
  private complete(): void {
    const { dispatcher, turns } = this.tools;
    const slot = dispatcher.reserve();
    if (slot !== null) {
      this.assign(slot);
      turns.schedule();
    } else if (dispatcher.enqueue(this)) {
      this.queued = true;
    } else {
      dispatcher.counters.answered(REFUSAL.BUSY.status);
      this.answer(REFUSAL.BUSY);
      this.end();
    }
  }

  /** Dispatcher: a slot for a request that waited. */
  assign(slot: FrontSlot): void {
    const { packet, spool } = this;
    assert(packet !== null, 'a request that waits keeps its packet');
    this.queued = false;
    const bodyBytes = spool?.bytes ?? 0;
    let { varsEnd } = this;
    if (this.lateLength) varsEnd = appendContentLength(packet, varsEnd, bodyBytes);
    packet.copy(slot.request, 0, 0, varsEnd);
    if (spool !== null) {
      this.bodyFd = spool.releaseFile();
      if (this.bodyFd < 0) spool.copyTo(slot.request, varsEnd);
    }
    this.packet = null;
    this.spool = null;
    this.slot = slot;
    slot.describe(varsEnd, bodyBytes, this.bodyFd, -1, this.origin);
    if (this.isUpgrade) slot.offerConnection();
    this.tools.dispatcher.submit(slot, this);
  }

  /** Answers before the request is complete, and closes the connection. */
  protected refuse(refusal: Refusal): void {
    this.tools.dispatcher.counters.answered(refusal.status);
    this.answerAndClose(refusal);
    this.end();
  }

  // ---- a local reply

  /** What is to become of the packet at the front of `buffer`: a reply that no worker gives, or where its vars end now. */
  protected judge(buffer: Buffer, varsEnd: number, hasBody: boolean): LocalReply | number {
    const verdict = this.tools.desk?.judge(buffer, PACKET_HEADER_BYTES, varsEnd, hasBody) ?? null;
    if (verdict === null) return varsEnd;
    return verdict instanceof LocalReply ? verdict : verdict.copy(buffer);
  }

  /** The head of a local reply, and its body in memory, were handed on. False: its file follows. */
  protected localBegun(reply: LocalReply): boolean {
    const headBytes = reply.encodeHead('').length;
    if (!reply.hasFile) {
      reply.sentWhole(headBytes);
      return true;
    }
    reply.headBytes = headBytes;
    this.file = new FileSender(reply, this);
    return false;
  }

  /** @internal */
  onFileEnd(isComplete: boolean): void {
    this.file = null;
    if (!isComplete) this.tools.options.log('Response broken off: its file cannot be read to the end');
    this.onLocalSent(isComplete);
  }

  // ---- the worker's side

  /** Dispatcher: the request lives in another slot now. */
  onMoved(slot: FrontSlot): void {
    this.slot = slot;
  }

  /** Dispatcher: news. May come once too often: a slot that was freed and taken again can still be named by old news. */
  onReply(slot: FrontSlot): void {
    if (this.detached) this.dropReply(slot);
    else this.reply(slot);
  }

  /** Dispatcher: the worker has died with the request; the slot is released by the caller. */
  onLost(slot: FrontSlot): void {
    this.slot = null;
    const { counters } = this.tools.dispatcher;
    if (this.detached || slot.taken !== 0) {
      counters.ended(UNANSWERED.CUT);
      if (!this.detached) this.breakOff();
    } else {
      const refusal = slot.overdue ? REFUSAL.DEADLINE : REFUSAL.WORKER_LOST;
      counters.answered(refusal.status);
      this.answer(refusal);
    }
    this.end();
  }

  // ---- the end

  /** The client was told everything, and the worker is through: the slot goes back. */
  protected release(): void {
    const { slot } = this;
    assert(slot !== null, 'only an exchange with a slot releases it');
    this.slot = null;
    this.tools.dispatcher.release(slot);
    this.tools.turns.schedule();
    this.end();
  }

  /** The client was told everything: the slot goes back as soon as the worker is through with it. */
  protected detach(): void {
    assert(this.slot !== null, 'a reply comes from a slot');
    this.detached = true;
    this.dropReply(this.slot);
  }

  /** The reply is none that could be sent, and nothing of it was. */
  protected fail(): void {
    this.overrun = true;
    this.answer(REFUSAL.APPLICATION_FAILED);
    this.detach();
  }

  /** What comes after the end is dropped, so that the worker never waits for room. */
  private dropReply(slot: FrontSlot): void {
    // The state first: what is available when it is DONE is all there will be.
    const isDone = slot.state === SLOT_STATE.DONE;
    const { available } = slot;
    if (available > 0) {
      if (!this.gone && !this.overrun) {
        this.overrun = true;
        this.tools.options.log('Response cut: it is longer than its Content-Length');
      }
      slot.consume(available);
    }
    if (isDone) this.release();
  }

  /** The client has gone, whatever was going on. */
  protected clientGone(): void {
    if (this.detached) return;
    this.detached = true;
    this.gone = true;
    const { slot } = this;
    const { dispatcher, turns } = this.tools;
    if (slot === null) {
      if (this.queued) dispatcher.cancel(this);
      // A local reply is counted by whoever gave it.
      else if (this.file === null) dispatcher.counters.ended(UNANSWERED.INCOMPLETE);
      this.end();
      return;
    }
    turns.schedule();
    // A slot that is DONE already has no more news to come.
    if (slot.state === SLOT_STATE.DONE) this.release();
    else if (dispatcher.abandon(slot)) {
      this.slot = null;
      this.end();
    }
  }

  protected end(): void {
    this.detached = true;
    this.file?.destroy();
    this.file = null;
    this.queued = false;
    this.packet = null;
    this.spool?.destroy();
    this.spool = null;
    if (this.bodyFd >= 0) closeQuietly(this.bodyFd);
    this.bodyFd = -1;
    const { tools } = this;
    tools.active--;
    this.ended();
    if (tools.closing && tools.active === 0) tools.onIdle?.();
  }
}
