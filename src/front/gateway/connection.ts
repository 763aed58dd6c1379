// One connection of the gateway, as far as its protocol is no concern: the descriptor and its place in the epoll set, a
// request in a slot, and the bytes that the worker could not send itself. The gateway owns the descriptor from accept to
// close; while the slot is with the worker, the worker may send on it, so it is closed only after the slot is DONE or its
// thread is known to be dead.
import { HALF_CLOSED_QUIET_MS } from '../../base/limits.js';
import type { FrontSlot } from '../../lane/front-lane.js';
import { REPLY_FLAG, SLOT_STATE } from '../../lane/layout.js';
import { UNANSWERED } from '../../observe/front-counters.js';
import { ERRNO, type Libc, SYS } from '../../system/libc.js';
import type { Dispatcher, MovableOwner, Waiter } from '../dispatcher.js';
import type { LocalDesk } from '../local/desk.js';
import type { LocalReply } from '../local/reply.js';
import type { BodyFiles } from './body-files.js';
import type { Epoll } from './epoll.js';
import { LocalSender, SENT } from './local-sender.js';

/** What connections share: the thread's tools and the list of those that wait for something. */
export interface GatewayTools {
  readonly libc: Libc;
  readonly epoll: Epoll;
  readonly dispatcher: Dispatcher;
  /** Gives the answers that need no worker; undefined where none are configured. */
  readonly desk: LocalDesk | undefined;
  /** Connections whose deadline the tick looks at. */
  readonly watched: Set<Connection>;
  /** Room for bytes that nobody keeps. */
  readonly scratch: Buffer;
  readonly bodyFiles: BodyFiles;
  /** The server is stopping: no connection outlives its request. */
  readonly closing: boolean;
  /** Connections whose client has sent more, or has nothing more to send, while its request runs: they wait for its end. */
  readonly impatient: Set<Connection>;
  log(line: string): void;
  /** The connection has more to read, and lets the others go first. */
  later(connection: Connection): void;
  /** The connection, which had `fd`, is closed and may be used again. */
  closed(connection: Connection, fd: number): void;
}

export const PHASE = {
  CLOSED: 0,
  READING: 1,
  /** Complete; waits for a slot. */
  QUEUED: 2,
  /** In a slot. */
  RUNNING: 3,
  /** Answered in full; the client's close is waited for. */
  LINGERING: 4,
  /** A local reply is being sent. */
  SENDING: 5,
} as const;
export type Phase = (typeof PHASE)[keyof typeof PHASE];

const SEND_FLAGS = SYS.MSG_NOSIGNAL | SYS.MSG_DONTWAIT;
const LEAVING = SYS.EPOLLHUP | SYS.EPOLLERR | SYS.EPOLLRDHUP;
/** Reads for one event at most, of what nobody wants. */
const DISCARDS_PER_EVENT = 16;
/** How long a client may go on sending after its last answer: it has to find time to read that. */
const LINGER_MS = 5000;

/** A connection object; reused for another descriptor after `closed`. */
export abstract class Connection implements MovableOwner, Waiter {
  fd = -1;
  /** When the peer has to have made progress, on the dispatcher's clock; Infinity while we are the ones to act. */
  deadlineMs = Number.POSITIVE_INFINITY;
  waitingSinceMs = 0;
  protected readonly tools: GatewayTools;
  protected phase: Phase = PHASE.CLOSED;
  protected slot: FrontSlot | null = null;
  private readonly stallTimeoutMs: number;
  private readonly sender = new LocalSender();
  /** `later` will come back to the local reply. */
  private resumes = false;
  /** The epoll mask, 0 when the descriptor is not in the set. */
  private mask = 0;
  private clientGone = false;
  /** When the request was complete, or the last of its reply was seen to go, on the dispatcher's clock. */
  private quietSinceMs = 0;
  /** What the slot's count of the worker's own sends was then. */
  private sendsSeen = 0;

  constructor(tools: GatewayTools, stallTimeoutMs: number) {
    this.tools = tools;
    this.stallTimeoutMs = stallTimeoutMs;
  }

  // ---- what a protocol does

  /** A new descriptor: read what is there. */
  protected abstract start(): void;
  /** There is something to read. */
  protected abstract readOn(): void;
  /** The deadline passed while a request was expected. */
  protected abstract onReadTimeout(): void;
  /** Fills the slot, and submits it with `run`. */
  abstract assign(slot: FrontSlot): void;
  /** The response is complete and sent; the slot still holds what is known of it. */
  protected abstract onAnswered(slot: FrontSlot): void;
  /** A local reply that was not sent at once is complete. */
  protected abstract onLocalSent(): void;
  /** The worker died before it sent a byte; `isOverdue`: it was killed for this very request. */
  protected abstract answerLost(isOverdue: boolean): void;
  /** Gives up whatever the request holds. */
  protected abstract forget(): void;

  // ---- events

  /** Takes over an accepted descriptor. */
  open(fd: number): void {
    this.fd = fd;
    this.phase = PHASE.READING;
    this.clientGone = false;
    this.start();
  }

  /** An event of the epoll set. */
  onEvent(mask: number): void {
    if (this.phase === PHASE.READING) return this.readOn();
    if (this.phase === PHASE.LINGERING) {
      this.discard();
      return;
    }
    if ((mask & SYS.EPOLLOUT) !== 0 && this.slot !== null) this.sendReply(this.slot);
    else if ((mask & SYS.EPOLLOUT) !== 0 && this.phase === PHASE.SENDING && !this.resumes) this.sendLocalOn();
    if ((mask & LEAVING) !== 0 && this.phase !== PHASE.CLOSED) this.onClientGone();
  }

  /** The deadline has passed: the peer neither sends nor reads. */
  onTimeout(): void {
    if (this.phase === PHASE.READING) return this.onReadTimeout();
    if (this.phase === PHASE.LINGERING) return this.close();
    if (this.phase === PHASE.QUEUED) {
      this.unwatch();
      return this.interest(SYS.EPOLLRDHUP);
    }
    this.tools.log(`timeout: the client read nothing for ${this.stallTimeoutMs} ms. skip.`);
    this.onClientGone();
  }

  /** Starts to watch for the client's leaving; the tick asks for it on requests that run long. */
  watchForLeaving(): void {
    if (this.mask === 0 && this.isQuietFor(HALF_CLOSED_QUIET_MS)) this.interest(SYS.EPOLLRDHUP);
  }

  /** The request has been with the worker, and nothing has gone either way, for `quietMs`. */
  protected isQuietFor(quietMs: number): boolean {
    const { slot } = this;
    if (this.phase !== PHASE.RUNNING || slot === null || this.clientGone) return false;
    const { nowMs } = this.tools.dispatcher;
    if (slot.sends !== this.sendsSeen) {
      this.sendsSeen = slot.sends;
      this.quietSinceMs = nowMs;
    }
    return nowMs - this.quietSinceMs >= quietMs;
  }

  /** Goes on reading where `later` left off. */
  resume(): void {
    if (this.phase === PHASE.READING) this.readOn();
    else if (this.phase === PHASE.LINGERING) this.discard();
    else if (this.phase === PHASE.SENDING && this.resumes) this.sendLocalOn();
  }

  // ---- into a slot

  /** The request is complete and kept: it goes into a slot, or waits for one. False: too many wait already. */
  protected enqueue(isBounded: boolean): boolean {
    this.phase = PHASE.QUEUED;
    this.unwatch();
    this.interest(0);
    const { dispatcher } = this.tools;
    const slot = dispatcher.reserve();
    if (slot !== null) {
      this.assign(slot);
      return true;
    }
    if (!isBounded) dispatcher.enqueueAlways(this);
    else if (!dispatcher.enqueue(this)) return false;
    this.watch(HALF_CLOSED_QUIET_MS);
    return true;
  }

  /** The request is in the slot and described. */
  protected run(slot: FrontSlot): void {
    this.unwatch();
    this.interest(0);
    this.phase = PHASE.RUNNING;
    this.slot = slot;
    this.quietSinceMs = this.tools.dispatcher.nowMs;
    this.sendsSeen = slot.sends;
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
        return this.watch(this.stallTimeoutMs);
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
    const { flags } = slot;
    const cut = this.clientGone || (flags & REPLY_FLAG.BROKEN) !== 0;
    if ((flags & REPLY_FLAG.OVERRUN) !== 0) this.tools.log('Response cut: it is longer than its Content-Length');
    if ((flags & REPLY_FLAG.SHORT) !== 0) this.tools.log('Response broken off: it is shorter than its Content-Length');
    this.slot = null;
    if ((flags & REPLY_FLAG.HANDED_OVER) !== 0) {
      this.tools.dispatcher.release(slot);
      this.close();
    } else if (cut) {
      this.tools.dispatcher.release(slot);
      this.reset();
    } else {
      this.onAnswered(slot);
    }
  }

  onLost(slot: FrontSlot): void {
    this.slot = null;
    if (slot.state === SLOT_STATE.RUNNING && !this.clientGone) this.answerLost(slot.overdue);
    else {
      this.tools.dispatcher.counters.ended(UNANSWERED.CUT);
      this.reset();
    }
  }

  protected onClientGone(): void {
    if (this.clientGone) return;
    this.clientGone = true;
    this.unwatch();
    this.interest(0);
    const { slot } = this;
    if (this.phase === PHASE.QUEUED) this.tools.dispatcher.cancel(this);
    if (slot === null) return this.close();
    if (this.tools.dispatcher.abandon(slot)) {
      this.slot = null;
      return this.close();
    }
    // The worker still has the request: its DONE closes what is left.
    this.onReply(slot);
  }

  // ---- a local reply

  /** Sends a reply that no worker gives: true when that is done; else `onLocalSent` follows, unless the client goes. */
  protected sendLocal(reply: LocalReply, head: Buffer): boolean {
    this.unwatch();
    this.phase = PHASE.SENDING;
    this.sender.begin(reply, head);
    return this.pushLocal();
  }

  private sendLocalOn(): void {
    this.resumes = false;
    if (this.pushLocal()) this.onLocalSent();
  }

  private pushLocal(): boolean {
    const outcome = this.sender.send(this.tools.libc, this.fd);
    if (outcome === SENT.ALL) {
      this.unwatch();
      this.sender.end();
      return true;
    }
    if (outcome === SENT.BLOCKED) {
      this.interest(SYS.EPOLLOUT);
      this.watch(this.stallTimeoutMs);
    } else if (outcome === SENT.MORE) {
      this.unwatch();
      this.interest(0);
      this.resumes = true;
      this.tools.later(this);
    } else if (outcome === SENT.GONE) {
      this.close();
    } else {
      this.tools.log('Response broken off: its file cannot be read to the end');
      this.reset();
    }
    return false;
  }

  // ---- the end

  /** Sends a small answer of our own; what the socket does not take is lost. */
  protected sendNow(response: Buffer): void {
    this.tools.libc.send(this.fd, response, response.length, SEND_FLAGS);
  }

  /** Sends a small answer of our own and closes. */
  protected answer(response: Buffer): void {
    this.sendNow(response);
    this.linger();
  }

  /** Answers a request that no worker answers, and closes. `response` has this status. */
  protected answerInstead(status: number, response: Buffer): void {
    this.tools.dispatcher.counters.answered(status);
    this.answer(response);
  }

  /** The client has left; `isAmid`: in the middle of its request. */
  protected leave(isAmid: boolean): void {
    if (isAmid) this.tools.dispatcher.counters.ended(UNANSWERED.INCOMPLETE);
    this.close();
  }

  /** Ends the response, and closes when the client has: what it still sends is read, lest the close become a reset. */
  protected linger(): void {
    this.tools.libc.shutdown(this.fd, SYS.SHUT_WR);
    this.phase = PHASE.LINGERING;
    this.forget();
    this.watch(Math.min(this.stallTimeoutMs, LINGER_MS));
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
    this.tools.later(this);
    return true;
  }

  /** Closes by a reset, on TCP, so that a cut response is not taken for a complete one. */
  private reset(): void {
    const linger = Buffer.from(Int32Array.of(1, 0).buffer);
    this.tools.libc.setsockopt(this.fd, SYS.SOL_SOCKET, SYS.SO_LINGER, linger, 8);
    this.close();
  }

  /** Closes at once. Not while a live worker holds the request. */
  close(): void {
    if (this.phase === PHASE.CLOSED) return;
    const { fd, tools } = this;
    this.unwatch();
    if (this.phase === PHASE.SENDING) this.sender.end();
    this.phase = PHASE.CLOSED;
    this.resumes = false;
    this.forget();
    // Closing alone does not take it out of the epoll set while a worker, or a process that is just being started, has a copy
    // of it; its events would be another connection's, which has the number by then.
    if (this.mask !== 0) tools.epoll.remove(fd);
    this.mask = 0;
    this.fd = -1;
    tools.libc.close(fd);
    tools.closed(this, fd);
  }

  protected interest(mask: number): void {
    if (mask === this.mask) return;
    const { epoll } = this.tools;
    if (mask === 0) epoll.remove(this.fd);
    else if (this.mask === 0) epoll.add(this.fd, mask);
    else epoll.modify(this.fd, mask);
    this.mask = mask;
  }

  protected watch(timeoutMs: number): void {
    const { dispatcher, watched } = this.tools;
    this.deadlineMs = dispatcher.nowMs + timeoutMs;
    watched.add(this);
  }

  protected unwatch(): void {
    if (this.deadlineMs === Number.POSITIVE_INFINITY) return;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.tools.watched.delete(this);
  }
}
