// Hands requests to lanes for one front: the least busy lane first, a bounded queue when all are full, and back again
// when a lane stalls or its thread dies. Runs on the front's own thread; nothing here blocks or allocates per request
// on the common way (reserve, submit, poll, release).
import { performance } from 'node:perf_hooks';
import { LANE_PREFETCH, LANE_STALL_MS } from '../base/limits.js';
import type { FrontLane, FrontSlot, SlotOwner } from '../lane/front-lane.js';
import { SLOT_STATE } from '../lane/layout.js';
import { FrontCounters, frontCountersBytes, UNANSWERED } from '../observe/front-counters.js';

/** A complete request that waits for a slot. */
export interface Waiter {
  /** Since when, on the dispatcher's clock: written by the dispatcher. */
  waitingSinceMs: number;
  /** Fills the slot (which is FILLING and has no owner yet) and submits it. */
  assign(slot: FrontSlot): void;
}

/** The owner of a request that can be moved to another lane's slot. */
export interface MovableOwner extends SlotOwner {
  /** The request now lives in `slot`. */
  onMoved(slot: FrontSlot): void;
}

/** What a front asks of its dispatcher; see the file's head. */
export class Dispatcher {
  /** Milliseconds of the monotonic clock, read in every turn and for every new request. */
  nowMs = 0;
  /** Of the fronts that use this dispatcher. */
  readonly counters: FrontCounters;
  private readonly lanes: readonly FrontLane[];
  private readonly queueMax: number;
  /** Waiting requests, oldest first. */
  private waiting: (Waiter | Parked)[] = [];
  private inFlight = 0;
  private lastRescueMs = 0;
  /** A request was submitted that no worker is known to have taken. */
  private unsettled = false;
  private submitted = 0;

  constructor(
    lanes: readonly FrontLane[],
    queueMax: number,
    counters = new FrontCounters(new SharedArrayBuffer(frontCountersBytes(1)), 0),
  ) {
    this.counters = counters;
    this.lanes = lanes;
    this.queueMax = queueMax;
    this.nowMs = performance.now();
  }

  /** Requests in slots. */
  get active(): number {
    return this.inFlight;
  }

  get queued(): number {
    return this.waiting.length;
  }

  /** A slot to fill and submit now, or null: then `enqueue`. */
  reserve(): FrontSlot | null {
    if (this.waiting.length > 0) return null;
    // The last turn may be long ago: whether a lane stands still is seen only on a clock that does not.
    this.nowMs = performance.now();
    const slot = this.takeSlot();
    slot?.arrived(this.nowMs);
    return slot;
  }

  /** Whether `reserve` would find a slot. */
  get hasRoom(): boolean {
    return this.waiting.length === 0 && this.pickLane(null) !== null;
  }

  /** Submits a filled slot for `owner`. The bell rings at the next `flush`. */
  submit(slot: FrontSlot, owner: MovableOwner): void {
    this.place(slot, owner, this.submitted++);
  }

  /** Adds a waiter to the queue; false when it is full. */
  enqueue(waiter: Waiter): boolean {
    if (this.waiting.length >= this.queueMax) return false;
    this.enqueueAlways(waiter);
    return true;
  }

  /** Adds a waiter whose number its front bounds by itself: a uwsgi connection. */
  enqueueAlways(waiter: Waiter): void {
    waiter.waitingSinceMs = performance.now();
    this.waiting.push(waiter);
    this.counters.waiting(this.waiting.length);
  }

  /** Takes a waiter out of the queue again: its client has gone. */
  cancel(waiter: Waiter): void {
    const at = this.waiting.indexOf(waiter);
    if (at < 0) return;
    this.waiting.splice(at, 1);
    this.counters.ended(UNANSWERED.LEFT);
  }

  /** Frees a slot that is DONE and sent, or that was reserved and not submitted. */
  release(slot: FrontSlot): void {
    this.inFlight--;
    slot.lane.release(slot);
  }

  /**
   * The client has gone: true when the slot was freed at once, because the worker had not started the request. Else the
   * worker is told, and the owner hears `onReply` with DONE when it is through; of a slot that is DONE already nothing more
   * is heard: its owner looks at the state, and releases it.
   */
  abandon(slot: FrontSlot): boolean {
    if (slot.parked)
      this.waiting = this.waiting.filter((waiter) => !(waiter instanceof Parked && waiter.slot === slot));
    else if (!slot.lane.park(slot)) {
      slot.abort();
      return false;
    }
    this.release(slot);
    this.counters.ended(UNANSWERED.LEFT);
    return true;
  }

  /** Looks at everything the workers have done since the last turn, then hands out waiting requests. */
  poll(): void {
    this.nowMs = performance.now();
    for (const lane of this.lanes) {
      if (lane.needsCleaning) this.cleanUp(lane);
      for (let slot = lane.nextNews(); slot !== null; slot = lane.nextNews()) {
        // A worker has given it back.
        if (slot.state === SLOT_STATE.READY) this.unsettled = true;
        slot.owner?.onReply(slot);
      }
    }
    if (this.unsettled && this.nowMs - this.lastRescueMs >= LANE_STALL_MS) this.rescue();
    this.serveWaiting();
    this.counters.waiting(this.waiting.length);
  }

  /** Rings the bells of the lanes that were given something: once per turn. */
  flush(): void {
    for (const lane of this.lanes) lane.flush();
  }

  /** Whether a worker has posted something, or a lane needs cleaning: asked once more before the front sleeps. */
  get hasNews(): boolean {
    for (const lane of this.lanes) if (lane.hasNews || lane.needsCleaning) return true;
    return false;
  }

  /** Whether a request waits, here or in a lane: then `poll` has to be called every LANE_STALL_MS. */
  get needsTick(): boolean {
    return this.unsettled || this.waiting.length > 0;
  }

  private takeSlot(): FrontSlot | null {
    const slot = this.pickLane(null)?.take() ?? null;
    if (slot !== null) this.inFlight++;
    return slot;
  }

  /**
   * The least busy lane with room, of equal ones that with the fewest WebSockets and their like, passing over lanes that are stuck, and those that are at their limit and do not move. A
   * parked request needs no free slot in the lane where it is.
   */
  private pickLane(parked: FrontSlot | null): FrontLane | null {
    let best: FrontLane | null = null;
    let bestBusy = 0;
    let bestConnections = 0;
    for (const lane of this.lanes) {
      if (!lane.ready || lane.ringIsFull || (!lane.hasFreeSlot && parked?.lane !== lane)) continue;
      const { busy, connections } = lane;
      const limit = this.isStalled(lane) ? lane.concurrency : lane.concurrency + LANE_PREFETCH;
      const isBetter = busy < bestBusy || (busy === bestBusy && connections < bestConnections);
      if (busy < limit && !lane.stuck && (best === null || isBetter)) {
        best = lane;
        bestBusy = busy;
        bestConnections = connections;
      }
    }
    return best;
  }

  private isStalled(lane: FrontLane): boolean {
    lane.watchProgress(this.nowMs);
    return lane.busy > 0 && this.nowMs - lane.lastProgressMs > LANE_STALL_MS;
  }

  private serveWaiting(): void {
    let served = 0;
    while (served < this.waiting.length && this.serve(this.waiting[served] as Waiter | Parked)) served++;
    if (served > 0) this.waiting.splice(0, served);
  }

  private serve(waiter: Waiter | Parked): boolean {
    if (waiter instanceof Parked) return this.resubmit(waiter.slot);
    const slot = this.takeSlot();
    if (slot === null) return false;
    slot.arrived(waiter.waitingSinceMs);
    waiter.assign(slot);
    return true;
  }

  /** Submits a parked request again: where it is, or in another lane. */
  private resubmit(from: FrontSlot): boolean {
    const lane = this.pickLane(from);
    if (lane === null) return false;
    const owner = from.owner as MovableOwner;
    if (lane === from.lane) {
      this.place(from, owner, from.order);
      return true;
    }
    const slot = lane.take() as FrontSlot;
    slot.copyRequest(from);
    const { order } = from;
    // One request, one count: the old slot goes as the new one comes.
    from.lane.release(from);
    owner.onMoved(slot);
    this.place(slot, owner, order);
    return true;
  }

  private place(slot: FrontSlot, owner: MovableOwner, order: number): void {
    slot.owner = owner;
    slot.order = order;
    this.unsettled = true;
    slot.lane.submit(slot, this.nowMs);
  }

  /** Takes the requests back that wait in lanes that do not move, oldest first, to the head of the queue. */
  private rescue(): void {
    this.lastRescueMs = this.nowMs;
    this.unsettled = false;
    for (const lane of this.lanes) {
      if (lane.inFlight === 0) continue;
      if (!this.isStalled(lane)) this.unsettled ||= lane.slots.some(isReady);
      // A worker that was free to take them, and has not, is blocked: it gets nothing before it moves.
      else if (this.recallWaiting(lane) && lane.busy < lane.concurrency) lane.markStuck();
    }
  }

  /** Whether there was anything to take back. */
  private recallWaiting(lane: FrontLane): boolean {
    const parked: Parked[] = [];
    for (const slot of lane.slots) if (isReady(slot) && lane.park(slot)) parked.push(new Parked(slot));
    if (parked.length === 0) return false;
    // Those that were in a slot are older than all that never were; their own order is that in which they came.
    for (const waiter of this.waiting) if (waiter instanceof Parked) parked.push(waiter);
    parked.sort((a, b) => a.slot.order - b.slot.order);
    this.waiting = [...parked, ...this.waiting.filter((waiter) => !(waiter instanceof Parked))];
    return true;
  }

  /** A thread has died: what it had not started is moved, what it had is lost, what it had finished is sent as ever. */
  private cleanUp(lane: FrontLane): void {
    this.recallWaiting(lane);
    for (const slot of lane.slots) {
      const { owner, state } = slot;
      if (owner === null) continue;
      if (state === SLOT_STATE.DONE) owner.onReply(slot);
      else if (state === SLOT_STATE.RUNNING || state === SLOT_STATE.REPLYING) {
        owner.onLost(slot);
        this.release(slot);
      }
    }
    lane.acknowledgeDeath();
  }
}

function isReady(slot: FrontSlot): boolean {
  return slot.owner !== null && slot.state === SLOT_STATE.READY;
}

/** A request that was taken back from a worker and waits in its slot to be submitted again. */
class Parked {
  readonly slot: FrontSlot;

  constructor(slot: FrontSlot) {
    this.slot = slot;
  }
}
