// One uwsgi connection of the gateway, from accept to close: its request goes into a slot, and it writes what the worker
// could not send itself. The gateway owns the descriptor from accept to close; while the slot is with the worker, the
// worker may send on it, so it is closed only after the slot is DONE or its thread is known to be dead.
import type { FrontSlot } from '../../lane/front-lane.js';
import { REPLY_FLAG, REQUEST_ORIGIN, SLOT_STATE } from '../../lane/layout.js';
import { FAULT, faultLogLine, faultResponse } from '../../protocol/faults.js';
import { BAD_GATEWAY, INTERNAL_ERROR } from '../../protocol/plain-response.js';
import { pingReply } from '../../protocol/uwsgi-encoder.js';
import { ERRNO, type Libc, SYS } from '../../system/libc.js';
import type { Dispatcher, MovableOwner, Waiter } from '../dispatcher.js';
import type { UwsgiLimits } from '../uwsgi-limits.js';
import type { Epoll } from './epoll.js';
import { READ, RequestReader } from './request-reader.js';

/** What connections share: the thread's tools and the list of those that wait for something. */
export interface GatewayTools {
  readonly libc: Libc;
  readonly epoll: Epoll;
  readonly dispatcher: Dispatcher;
  readonly limits: UwsgiLimits;
  /** Connections whose deadline the tick looks at. */
  readonly watched: Set<Connection>;
  /** Room for bytes that nobody keeps. */
  readonly scratch: Buffer;
  log(line: string): void;
  /** The connection, which had `fd`, is closed and may be used again. */
  closed(connection: Connection, fd: number): void;
}

const PHASE = {
  CLOSED: 0,
  READING: 1,
  /** Complete; waits for a slot. */
  QUEUED: 2,
  /** In a slot. */
  RUNNING: 3,
  /** Answered in full; the client's close is waited for. */
  LINGERING: 4,
} as const;
type Phase = (typeof PHASE)[keyof typeof PHASE];

const SEND_FLAGS = SYS.MSG_NOSIGNAL | SYS.MSG_DONTWAIT;
const LEAVING = SYS.EPOLLHUP | SYS.EPOLLERR | SYS.EPOLLRDHUP;
/**
 * The end of what the client sends is, on TCP, all that is seen of its leaving; a client that only closed its sending side
 * looks the same. It counts as leaving once nothing has gone either way for this long.
 */
const LEAVING_AFTER_QUIET_MS = 100;
/** Reads for one event at most, of what nobody wants. */
const DISCARDS_PER_EVENT = 16;

/** A connection object; reused for another descriptor after `closed`. */
export class Connection implements MovableOwner, Waiter {
  fd = -1;
  /** When the peer has to have made progress, on the dispatcher's clock; Infinity while we are the ones to act. */
  deadlineMs = Number.POSITIVE_INFINITY;
  private readonly tools: GatewayTools;
  private readonly reader: RequestReader;
  private phase: Phase = PHASE.CLOSED;
  /** The epoll mask, 0 when the descriptor is not in the set. */
  private mask = 0;
  private slot: FrontSlot | null = null;
  private clientGone = false;
  /** When the request was complete, or the last of its reply was handed on, on the dispatcher's clock. */
  private quietSinceMs = 0;

  constructor(tools: GatewayTools) {
    this.tools = tools;
    this.reader = new RequestReader(tools.libc, tools.limits, tools.scratch);
  }

  /** Takes over an accepted descriptor and reads what is there. */
  open(fd: number): void {
    this.fd = fd;
    this.phase = PHASE.READING;
    this.clientGone = false;
    this.reader.reset();
    const { dispatcher } = this.tools;
    const slot = dispatcher.reserve();
    if (slot === null) {
      this.wantMore();
      return;
    }
    // The common case: the whole request arrives with the first read, straight into the slot.
    const outcome = this.reader.readFirst(fd, slot.request);
    if (outcome === READ.COMPLETE) {
      this.submit(slot);
      return;
    }
    dispatcher.release(slot);
    this.onRead(outcome);
  }

  /** An event of the epoll set. */
  onEvent(mask: number): void {
    if (this.phase === PHASE.READING) {
      this.onRead(this.reader.readOn(this.fd));
      return;
    }
    if (this.phase === PHASE.LINGERING) {
      this.discard();
      return;
    }
    if ((mask & SYS.EPOLLOUT) !== 0 && this.slot !== null) this.sendReply(this.slot);
    if ((mask & LEAVING) !== 0 && this.phase !== PHASE.CLOSED) this.onClientGone();
  }

  /** The deadline has passed: the peer neither sends nor reads. */
  onTimeout(): void {
    const { limits, log } = this.tools;
    if (this.phase === PHASE.READING) {
      log(faultLogLine(FAULT.STALL, limits.socketTimeoutMs));
      this.close();
    } else if (this.phase === PHASE.LINGERING) {
      this.close();
    } else if (this.phase === PHASE.QUEUED) {
      this.unwatch();
      this.interest(SYS.EPOLLRDHUP);
    } else {
      log(`timeout: the client read nothing for ${limits.socketTimeoutMs} ms. skip.`);
      this.onClientGone();
    }
  }

  /** Starts to watch for the client's leaving; the tick asks for it on requests that run long. */
  watchForLeaving(): void {
    if (this.mask !== 0 || this.phase !== PHASE.RUNNING || this.clientGone) return;
    if (this.tools.dispatcher.nowMs - this.quietSinceMs >= LEAVING_AFTER_QUIET_MS) this.interest(SYS.EPOLLRDHUP);
  }

  // ---- the request

  private onRead(outcome: number): void {
    const { reader, tools } = this;
    switch (outcome) {
      case READ.MORE:
        return this.wantMore();
      case READ.COMPLETE:
        return this.enqueue();
      case READ.PING:
        return this.answer(pingReply());
      case READ.FAULT:
        return this.reject();
      case READ.CUT:
        tools.log(`client closed connection after ${reader.bodyReceived} of ${reader.bodyBytes} body bytes. skip.`);
        return this.close();
      case READ.DISK:
        tools.log(`cannot buffer a request body of ${reader.bodyBytes} bytes: ${reader.diskError}`);
        return this.answer(INTERNAL_ERROR);
      default:
        return this.close();
    }
  }

  private wantMore(): void {
    this.interest(SYS.EPOLLIN);
    this.watch(this.tools.limits.socketTimeoutMs);
  }

  private enqueue(): void {
    this.phase = PHASE.QUEUED;
    this.unwatch();
    this.interest(0);
    const { dispatcher } = this.tools;
    const slot = dispatcher.reserve();
    if (slot !== null) return this.assign(slot);
    dispatcher.enqueueAlways(this);
    this.watch(LEAVING_AFTER_QUIET_MS);
  }

  /** Copies the request into a slot that has become free. */
  assign(slot: FrontSlot): void {
    this.unwatch();
    this.reader.copyTo(slot.request);
    this.submit(slot);
  }

  private submit(slot: FrontSlot): void {
    const { parser, bodyBytes, bodyFd } = this.reader;
    slot.describe(parser.varsEnd, bodyBytes, bodyFd, this.fd, REQUEST_ORIGIN.UWSGI);
    this.phase = PHASE.RUNNING;
    this.slot = slot;
    this.quietSinceMs = this.tools.dispatcher.nowMs;
    this.tools.dispatcher.submit(slot, this);
  }

  onMoved(slot: FrontSlot): void {
    this.slot = slot;
  }

  // ---- the reply

  onReply(slot: FrontSlot): void {
    if (slot.available > 0) this.sendReply(slot);
    else if (slot.state === SLOT_STATE.DONE) this.finish(slot);
  }

  /** Writes what the worker could not send itself; the worker sends again only when the ring is empty. */
  private sendReply(slot: FrontSlot): void {
    const { libc } = this.tools;
    while (slot.available > 0) {
      const bytes = slot.peek();
      const count = this.clientGone ? bytes.length : libc.send(this.fd, bytes, bytes.length, SEND_FLAGS);
      if (count < 0) {
        if (libc.errno() !== ERRNO.EAGAIN) return this.onClientGone();
        this.interest(SYS.EPOLLOUT);
        return this.watch(this.tools.limits.socketTimeoutMs);
      }
      slot.consume(count);
    }
    this.unwatch();
    this.quietSinceMs = this.tools.dispatcher.nowMs;
    // The state is read before the ring is looked at again: what is there after DONE is the last.
    if (slot.state === SLOT_STATE.DONE && slot.available === 0) this.finish(slot);
    else this.interest(0);
  }

  private finish(slot: FrontSlot): void {
    const cut = this.clientGone || (slot.flags & REPLY_FLAG.BROKEN) !== 0;
    const relayed = slot.taken !== 0;
    this.slot = null;
    this.tools.dispatcher.release(slot);
    if (cut) this.resetOnClose();
    // A close with bytes unread is a reset, and takes along what the client has not received: possible only in these cases.
    else if (relayed || this.reader.mayHaveLeftBytes) return this.linger();
    this.close();
  }

  onLost(slot: FrontSlot): void {
    this.slot = null;
    if (slot.state === SLOT_STATE.RUNNING && !this.clientGone) return this.answer(BAD_GATEWAY);
    this.resetOnClose();
    this.close();
  }

  private onClientGone(): void {
    if (this.clientGone) return;
    this.clientGone = true;
    this.unwatch();
    this.interest(0);
    const { slot } = this;
    const { dispatcher } = this.tools;
    if (this.phase === PHASE.QUEUED) dispatcher.cancel(this);
    if (slot === null) return this.close();
    if (dispatcher.abandon(slot)) {
      this.slot = null;
      return this.close();
    }
    // The worker still has the request: its DONE closes what is left.
    this.onReply(slot);
  }

  // ---- the end

  private reject(): void {
    const { fault, faultArg } = this.reader;
    const line = faultLogLine(fault, faultArg, this.tools.limits.varsBytesMax);
    if (line !== '') this.tools.log(line);
    const response = faultResponse(fault);
    if (response === null) this.close();
    else this.answer(response);
  }

  /** Sends a small answer of our own and closes. */
  private answer(response: Buffer): void {
    this.tools.libc.send(this.fd, response, response.length, SEND_FLAGS);
    this.linger();
  }

  /** Ends the response, and closes when the client has: what it still sends is read, lest the close become a reset. */
  private linger(): void {
    this.tools.libc.shutdown(this.fd, SYS.SHUT_WR);
    this.phase = PHASE.LINGERING;
    this.reader.forget();
    this.watch(this.tools.limits.socketTimeoutMs);
    if (this.discard()) this.interest(SYS.EPOLLIN);
  }

  /** Whether the client is still there; else the connection is closed now. */
  private discard(): boolean {
    const { libc, scratch } = this.tools;
    for (let reads = 0; reads < DISCARDS_PER_EVENT; reads++) {
      const count = libc.recv(this.fd, scratch, scratch.length, SYS.MSG_DONTWAIT);
      if (count > 0) continue;
      if (count < 0 && libc.errno() === ERRNO.EAGAIN) return true;
      this.close();
      return false;
    }
    return true;
  }

  /** Makes the close a reset on TCP, so that a cut response is not taken for a complete one. */
  private resetOnClose(): void {
    const linger = Buffer.from(Int32Array.of(1, 0).buffer);
    this.tools.libc.setsockopt(this.fd, SYS.SOL_SOCKET, SYS.SO_LINGER, linger, 8);
  }

  /** Closes at once. Not while a live worker holds the request. */
  close(): void {
    if (this.phase === PHASE.CLOSED) return;
    const { fd, tools } = this;
    this.unwatch();
    this.phase = PHASE.CLOSED;
    this.reader.forget();
    // Closing takes the descriptor out of the epoll set: nobody else holds a duplicate.
    this.mask = 0;
    this.fd = -1;
    tools.libc.close(fd);
    tools.closed(this, fd);
  }

  private interest(mask: number): void {
    if (mask === this.mask) return;
    const { epoll } = this.tools;
    if (mask === 0) epoll.remove(this.fd);
    else if (this.mask === 0) epoll.add(this.fd, mask);
    else epoll.modify(this.fd, mask);
    this.mask = mask;
  }

  private watch(timeoutMs: number): void {
    const { dispatcher, watched } = this.tools;
    this.deadlineMs = dispatcher.nowMs + timeoutMs;
    watched.add(this);
  }

  private unwatch(): void {
    if (this.deadlineMs === Number.POSITIVE_INFINITY) return;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.tools.watched.delete(this);
  }
}
