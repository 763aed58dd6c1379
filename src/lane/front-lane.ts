// A front's side of a lane: its slots, as objects made once, and the rings it shares with the worker. Used by the one
// thread that owns the front; the worker's side is worker-lane.ts.
import { assert } from '../base/assert.js';
import { monotonicMs } from '../base/clock.js';
import { SLOT_REPLY_BYTES, SLOT_REQUEST_BYTES } from '../base/limits.js';
import { Bell } from './bell.js';
import {
  CONTROL,
  LANE_STATE,
  type LaneMemory,
  MOVED_WORDS,
  partLayout,
  REPLY_FLAG,
  readLength,
  SLOT,
  SLOT_STATE,
  SLOT_WORDS,
  writeLength,
} from './layout.js';
import { packEntry, Ring } from './ring.js';

/** Whoever waits for a slot's reply. Called by the dispatcher's poll, never from inside a worker's call. */
export interface SlotOwner {
  /** There is something new in the slot: reply bytes, or DONE. May come once too often, from news of the slot's request before. */
  onReply(slot: FrontSlot): void;
  /** The worker died with the request: the state says how far it had come (RUNNING, REPLYING or DONE). The slot is released afterwards. */
  onLost(slot: FrontSlot): void;
}

/** One slot, seen from the front. */
export class FrontSlot {
  readonly lane: FrontLane;
  readonly index: number;
  /** Room for the packet and the inline body: SLOT_REQUEST_BYTES, shared memory. */
  readonly request: Buffer;
  owner: SlotOwner | null = null;
  /** Milliseconds of the front's clock when it was submitted. */
  submittedAtMs = 0;
  /** Counts the front's requests in the order in which they were first submitted. */
  order = 0;
  /** Taken back from the worker: the request is kept here, and does not count as in flight, until it is submitted again or moved. */
  parked = false;
  private readonly words: Int32Array;
  private readonly base: number;
  private readonly reply: Buffer;

  constructor(lane: FrontLane, index: number, words: Int32Array, base: number, request: Buffer, reply: Buffer) {
    this.lane = lane;
    this.index = index;
    this.words = words;
    this.base = base;
    this.request = request;
    this.reply = reply;
  }

  get state(): number {
    // Pairs with the worker's stores: what it wrote before the change is seen.
    return Atomics.load(this.words, this.base + SLOT.STATE);
  }

  get generation(): number {
    return this.words[this.base + SLOT.GENERATION] as number;
  }

  /** Bytes of reply that are there to be sent. */
  get available(): number {
    const head = Atomics.load(this.words, this.base + SLOT.REPLY_HEAD);
    return (head - (this.words[this.base + SLOT.REPLY_TAIL] as number)) | 0;
  }

  /** The same without trailers. */
  get bodyAvailable(): number {
    const { available } = this;
    if ((this.flags & REPLY_FLAG.TRAILERS) === 0) return available;
    const left = ((this.words[this.base + SLOT.TRAILERS_AT] as number) - this.taken) | 0;
    return Math.min(available, left);
  }

  /** Bytes of reply taken so far, as a wrapping counter: 0 means that nothing was sent. */
  get taken(): number {
    return this.words[this.base + SLOT.REPLY_TAIL] as number;
  }

  /** Changes whenever the worker hands on a part of its reply, be it to the client itself. */
  get sends(): number {
    return this.words[this.base + SLOT.SENDS] as number;
  }

  get headBytes(): number {
    return this.words[this.base + SLOT.HEAD_BYTES] as number;
  }

  get status(): number {
    return this.words[this.base + SLOT.STATUS] as number;
  }

  get flags(): number {
    return this.words[this.base + SLOT.REPLY_FLAGS] as number;
  }

  /** The Content-Length the application declared, or -1. */
  get contentLength(): number {
    if ((this.flags & REPLY_FLAG.CONTENT_LENGTH) === 0) return -1;
    return readLength(this.words, this.base + SLOT.LENGTH_LOW);
  }

  /** Whether the request has passed its deadline. */
  get overdue(): boolean {
    return Atomics.load(this.words, this.base + SLOT.OVERDUE) === this.generation + 1;
  }

  get fd(): number {
    return this.words[this.base + SLOT.FD] as number;
  }

  get bodyFd(): number {
    return this.words[this.base + SLOT.BODY_FD] as number;
  }

  get bodyLent(): boolean {
    return this.words[this.base + SLOT.BODY_LENT] === 1;
  }

  /** Describes the request whose bytes are in `request`: vars up to `varsEnd`, the body inline after them or in the file `bodyFd`. */
  describe(varsEnd: number, bodyBytes: number, bodyFd: number, clientFd: number, origin: number): void {
    const { words, base } = this;
    words[base + SLOT.VARS_END] = varsEnd;
    writeLength(words, base + SLOT.BODY_LOW, bodyBytes);
    words[base + SLOT.BODY_FD] = bodyFd;
    words[base + SLOT.FD] = clientFd;
    words[base + SLOT.ORIGIN] = origin;
    words[base + SLOT.UPGRADABLE] = 0;
  }

  /** After `describe`: the client offers to go on with another protocol, and the connection may be had for that. */
  offerConnection(): void {
    this.words[this.base + SLOT.UPGRADABLE] = 1;
  }

  /** Takes over another slot's request, bytes and description. */
  copyRequest(from: FrontSlot): void {
    const varsEnd = from.words[from.base + SLOT.VARS_END] as number;
    const bodyBytes = readLength(from.words, from.base + SLOT.BODY_LOW);
    this.request.set(from.request.subarray(0, from.bodyFd < 0 ? varsEnd + bodyBytes : varsEnd));
    this.describe(varsEnd, bodyBytes, from.bodyFd, from.fd, from.words[from.base + SLOT.ORIGIN] as number);
    for (const word of MOVED_WORDS) this.words[this.base + word] = from.words[from.base + word] as number;
  }

  /** The request came at `nowMs` of this thread's `performance.now()`, and waits for a worker since. */
  arrived(nowMs: number): void {
    this.words[this.base + SLOT.ARRIVED_AT] = (monotonicMs(nowMs) * 1000) | 0;
  }

  /** The first contiguous run of available reply bytes, at most `available` long: a view, valid until `consume`. */
  peek(): Buffer {
    const from = (this.words[this.base + SLOT.REPLY_TAIL] as number) & (SLOT_REPLY_BYTES - 1);
    return this.reply.subarray(from, Math.min(from + this.available, SLOT_REPLY_BYTES));
  }

  /** Gives `count` reply bytes' room back to the worker, and wakes it if it waits for room. */
  consume(count: number): void {
    const { words, base } = this;
    // The store of the tail comes before the look at the flag, as the worker sets the flag before it looks at the tail.
    Atomics.store(words, base + SLOT.REPLY_TAIL, ((words[base + SLOT.REPLY_TAIL] as number) + count) | 0);
    if (Atomics.load(words, base + SLOT.REPLY_WAITING) === 1) Atomics.notify(words, base + SLOT.REPLY_TAIL);
  }

  /** Tells the worker that the client has gone; the slot stays taken until the worker is done with it. */
  abort(): void {
    if (Atomics.exchange(this.words, this.base + SLOT.ABORTED, 1) === 1) return;
    // A worker that waits for room must notice at once; the others are told by the lane's counter and bell.
    Atomics.notify(this.words, this.base + SLOT.REPLY_TAIL);
    this.lane.announceAbort();
  }

  /** @internal READY to FILLING. Compare-exchange: the worker takes the slot to RUNNING the same way; one of the two wins. */
  takeBack(): boolean {
    const at = this.base + SLOT.STATE;
    if (Atomics.compareExchange(this.words, at, SLOT_STATE.READY, SLOT_STATE.FILLING) !== SLOT_STATE.READY)
      return false;
    this.nextGeneration();
    return true;
  }

  /** What stands in the ring about this slot is out of date from here. */
  private nextGeneration(): void {
    const { words, base } = this;
    words[base + SLOT.GENERATION] = ((words[base + SLOT.GENERATION] as number) + 1) & 0x1fffff;
  }

  /** @internal */
  begin(): void {
    Atomics.store(this.words, this.base + SLOT.STATE, SLOT_STATE.FILLING);
  }

  /** @internal Publishes the request. */
  ready(): void {
    // The store publishes the request's bytes and description to the worker.
    Atomics.store(this.words, this.base + SLOT.STATE, SLOT_STATE.READY);
  }

  /** @internal */
  clearNews(): void {
    // Cleared before the slot is read: whatever the worker adds later posts a new entry.
    Atomics.store(this.words, this.base + SLOT.NEWS, 0);
  }

  /** @internal */
  reset(): void {
    const { words, base } = this;
    this.nextGeneration();
    words[base + SLOT.ABORTED] = 0;
    words[base + SLOT.REPLY_TAIL] = 0;
    words[base + SLOT.REPLY_HEAD] = 0;
    words[base + SLOT.REPLY_WAITING] = 0;
    words[base + SLOT.HEAD_BYTES] = 0;
    words[base + SLOT.REPLY_FLAGS] = 0;
    words[base + SLOT.BODY_LENT] = 0;
    this.owner = null;
    this.parked = false;
    Atomics.store(words, base + SLOT.STATE, SLOT_STATE.FREE);
  }
}

/** One lane, seen from one front. */
export class FrontLane {
  readonly id: number;
  readonly slots: readonly FrontSlot[];
  /** Requests of this front in the lane. */
  inFlight = 0;
  /** When the worker was last seen to move, or was given a request while it was idle. */
  lastProgressMs = 0;
  /** A request was pushed since the bell was rung. */
  dirty = false;
  private readonly control: Int32Array;
  private readonly front: number;
  private readonly bell: Bell;
  private readonly requests: Ring;
  private readonly news: Ring;
  private readonly free: FrontSlot[];
  private progressSeen = 0;
  private progressWhenStuck: number | undefined;

  constructor(memory: LaneMemory, front: number) {
    this.id = memory.id;
    this.front = front;
    this.control = new Int32Array(memory.control);
    this.bell = new Bell(this.control, CONTROL.BELL);
    const part = memory.parts[front];
    assert(part !== undefined, 'the lane has a part for this front');
    const layout = partLayout(memory.slots);
    const words = new Int32Array(part, 0, layout.requestsByte / 4);
    this.requests = new Ring(words, layout.requestRingWord, layout.ringCapacity);
    this.news = new Ring(words, layout.newsRingWord, layout.ringCapacity);
    const slots: FrontSlot[] = [];
    for (let i = 0; i < memory.slots; i++) {
      const request = Buffer.from(part, layout.requestsByte + i * SLOT_REQUEST_BYTES, SLOT_REQUEST_BYTES);
      const reply = Buffer.from(part, layout.repliesByte + i * SLOT_REPLY_BYTES, SLOT_REPLY_BYTES);
      slots.push(new FrontSlot(this, i, words, layout.slotsWord + i * SLOT_WORDS, request, reply));
    }
    this.slots = slots;
    // A stack: the slot that was used last is used next, so that idle slots' memory is never touched.
    this.free = slots.toReversed();
  }

  get ready(): boolean {
    return Atomics.load(this.control, CONTROL.STATE) === LANE_STATE.READY;
  }

  /** Requests the worker runs at a time; 0 until it is ready. */
  get concurrency(): number {
    return this.control[CONTROL.CONCURRENCY] as number;
  }

  /** Connections that the application has taken over. */
  get connections(): number {
    return this.control[CONTROL.CONNECTIONS] as number;
  }

  /** Requests of all fronts in this lane. */
  get busy(): number {
    const { control } = this;
    return (control[CONTROL.IN_FLIGHT] as number) + (control[CONTROL.IN_FLIGHT + 1] as number);
  }

  /** Notes whether the worker has moved since the last look, whichever front's requests it took. */
  watchProgress(nowMs: number): void {
    const progress = Atomics.load(this.control, CONTROL.PROGRESS);
    if (progress === this.progressSeen) return;
    this.progressSeen = progress;
    this.lastProgressMs = nowMs;
    this.progressWhenStuck = undefined;
  }

  /** The worker has left requests alone that it was free to take: its thread is blocked, until it moves again. */
  markStuck(): void {
    this.progressWhenStuck = this.progressSeen;
  }

  get stuck(): boolean {
    return this.progressWhenStuck === this.progressSeen;
  }

  /** Takes a free slot for filling, or null. */
  take(): FrontSlot | null {
    const slot = this.free.pop();
    if (slot === undefined) return null;
    slot.begin();
    this.countInFlight(1);
    return slot;
  }

  /** Whether there is a slot to take. */
  get hasFreeSlot(): boolean {
    return this.free.length > 0;
  }

  /** Whether nothing can be submitted: the ring is full of entries whose requests were taken back. */
  get ringIsFull(): boolean {
    return this.requests.isFull();
  }

  /** Puts a filled slot, or a parked one, into the request ring. */
  submit(slot: FrontSlot, nowMs: number): void {
    if (slot.parked) {
      slot.parked = false;
      this.countInFlight(1);
    }
    slot.submittedAtMs = nowMs;
    slot.ready();
    assert(this.requests.push(packEntry(slot.index, slot.generation)), 'a lane that is full is not chosen');
    if (this.busy === 1) this.lastProgressMs = nowMs;
    this.dirty = true;
  }

  /** Takes a request back that the worker has not started: true when it is parked. */
  park(slot: FrontSlot): boolean {
    if (!slot.takeBack()) return false;
    slot.parked = true;
    this.countInFlight(-1);
    return true;
  }

  /** Frees a slot: FILLING, parked, or DONE and sent. */
  release(slot: FrontSlot): void {
    if (!slot.parked) this.countInFlight(-1);
    slot.reset();
    this.free.push(slot);
  }

  /** Rings the worker's bell if something was pushed since the last time. */
  flush(): void {
    if (!this.dirty) return;
    this.dirty = false;
    this.bell.ring();
  }

  /** The next slot with news, or null. */
  nextNews(): FrontSlot | null {
    const index = this.news.pop();
    if (index < 0) return null;
    const slot = this.slots[index];
    assert(slot !== undefined, 'the news ring holds slot indexes');
    slot.clearNews();
    return slot;
  }

  get hasNews(): boolean {
    return !this.news.isEmpty();
  }

  /** @internal */
  announceAbort(): void {
    Atomics.add(this.control, CONTROL.ABORTS, 1);
    this.bell.ring();
  }

  /** Whether the lane's thread has died and this front has not cleaned up after it. */
  get needsCleaning(): boolean {
    const { control } = this;
    if (Atomics.load(control, CONTROL.STATE) !== LANE_STATE.DEAD) return false;
    return control[CONTROL.ACKNOWLEDGED + this.front] !== control[CONTROL.EPOCH];
  }

  /** Empties both rings and tells the main thread that this front holds nothing of the dead thread's any more. */
  acknowledgeDeath(): void {
    this.requests.reset();
    this.news.reset();
    for (const slot of this.slots) slot.clearNews();
    this.progressWhenStuck = undefined;
    Atomics.store(this.control, CONTROL.ACKNOWLEDGED + this.front, Atomics.load(this.control, CONTROL.EPOCH));
  }

  private countInFlight(delta: number): void {
    this.inFlight += delta;
    // A plain store of the front's own word would do for choosing; atomic, so that statistics read it whole.
    Atomics.store(this.control, CONTROL.IN_FLIGHT + this.front, this.inFlight);
  }
}
