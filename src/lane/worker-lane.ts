// The worker's side of a lane: takes requests from every front's ring, writes replies, posts news. One thread owns it at a
// time; when that thread dies the fronts clean up and the next thread finds the memory as a new one.
import { assert } from '../base/assert.js';
import { monotonicMs } from '../base/clock.js';
import { SLOT_REPLY_BYTES, SLOT_REQUEST_BYTES } from '../base/limits.js';
import { Bell } from './bell.js';
import {
  CONTROL,
  LANE_STATE,
  type LaneMemory,
  partLayout,
  REPLY_FLAG,
  readLength,
  SLOT,
  SLOT_STATE,
  SLOT_WORDS,
  writeLength,
} from './layout.js';
import { entryGeneration, entrySlot, Ring } from './ring.js';

/** Whoever works on the request in a slot. */
export interface SlotOccupant {
  onClientGone(): void;
  /** The request has run longer than it may. */
  onDeadline(): void;
}

/** The counters of the worker, which know what the request at hand adds to them. */
export interface Tally {
  /** Adds it. */
  commit(): void;
}

/** One slot, seen from the worker. Valid from `claim` until `finish`. */
export class WorkerSlot {
  readonly front: number;
  readonly index: number;
  /** The packet and the inline body: shared memory, the front's until READY, ours until DONE. */
  readonly request: Buffer;
  occupant: SlotOccupant | null = null;
  private readonly words: Int32Array;
  private readonly base: number;
  private readonly reply: Buffer;
  private readonly news: Ring;
  private head = 0;
  /** How long the request waited for the worker. */
  waitedMs = 0;

  constructor(
    front: number,
    index: number,
    words: Int32Array,
    base: number,
    request: Buffer,
    reply: Buffer,
    news: Ring,
  ) {
    this.front = front;
    this.index = index;
    this.words = words;
    this.base = base;
    this.request = request;
    this.reply = reply;
    this.news = news;
  }

  get varsEnd(): number {
    return this.words[this.base + SLOT.VARS_END] as number;
  }

  get bodyBytes(): number {
    return readLength(this.words, this.base + SLOT.BODY_LOW);
  }

  get bodyFd(): number {
    return this.words[this.base + SLOT.BODY_FD] as number;
  }

  /** Says that `bodyFd` is passed on, to who may go on reading from it when the request is done. */
  lendBody(): void {
    this.words[this.base + SLOT.BODY_LENT] = 1;
  }

  /** The client's descriptor to send on, or -1. */
  get fd(): number {
    return this.words[this.base + SLOT.FD] as number;
  }

  /** One of REQUEST_ORIGIN; HTTP_KEEP_ALIVE may still become HTTP_CLOSE. */
  get origin(): number {
    return this.words[this.base + SLOT.ORIGIN] as number;
  }

  /** Whether the connection may be taken over. */
  get upgradable(): boolean {
    return this.words[this.base + SLOT.UPGRADABLE] === 1;
  }

  get aborted(): boolean {
    return Atomics.load(this.words, this.base + SLOT.ABORTED) === 1;
  }

  /** Whether the supervisor has found that the request runs too long. */
  get overdue(): boolean {
    const generation = this.words[this.base + SLOT.GENERATION] as number;
    return Atomics.load(this.words, this.base + SLOT.OVERDUE) === generation + 1;
  }

  get state(): number {
    return this.words[this.base + SLOT.STATE] as number;
  }

  get generation(): number {
    return this.words[this.base + SLOT.GENERATION] as number;
  }

  /** Takes the request if it is still the one that was pushed as `generation`. `nowMs`: when it starts. */
  claim(generation: number, nowMs: number): boolean {
    const { words, base } = this;
    if (words[base + SLOT.GENERATION] !== generation) return false;
    // Compare-exchange, because the front may take the request back at this very moment; READY also publishes the request.
    const before = Atomics.compareExchange(words, base + SLOT.STATE, SLOT_STATE.READY, SLOT_STATE.RUNNING);
    if (before !== SLOT_STATE.READY) return false;
    const monotonic = monotonicMs(nowMs);
    words[base + SLOT.STARTED_AT] = monotonic | 0;
    // Threads' clocks are set by one another to a few microseconds only.
    this.waitedMs = Math.max(0, (((monotonic * 1000) | 0) - (words[base + SLOT.ARRIVED_AT] as number)) | 0) / 1000;
    this.head = 0;
    return true;
  }

  /** Gives the request back, as it was before `claim`: whoever is first takes it, its front or this worker. */
  unclaim(): void {
    Atomics.store(this.words, this.base + SLOT.STATE, SLOT_STATE.READY);
    // The front does not look for waiting requests in a lane that it believes has none.
    this.post();
  }

  /** Says that a byte of the reply is about to be handed on; from here nobody can answer in our stead. */
  markReplying(): void {
    const { words, base } = this;
    // Ours alone to write; the front only looks whether it has moved.
    words[base + SLOT.SENDS] = ((words[base + SLOT.SENDS] as number) + 1) | 0;
    Atomics.store(words, base + SLOT.STATE, SLOT_STATE.REPLYING);
  }

  /** Room in the reply ring, in bytes. */
  get room(): number {
    return SLOT_REPLY_BYTES - ((this.head - Atomics.load(this.words, this.base + SLOT.REPLY_TAIL)) | 0);
  }

  /** Describes the response head: the first `bytes` of the reply. */
  describeHead(bytes: number, status: number, flags: number, contentLength: number): void {
    const { words, base } = this;
    words[base + SLOT.HEAD_BYTES] = bytes;
    words[base + SLOT.STATUS] = status;
    words[base + SLOT.REPLY_FLAGS] = flags;
    writeLength(words, base + SLOT.LENGTH_LOW, Math.max(contentLength, 0));
  }

  addFlags(flags: number): void {
    this.words[this.base + SLOT.REPLY_FLAGS] = (this.words[this.base + SLOT.REPLY_FLAGS] as number) | flags;
  }

  /** What is appended after `bytes` more are the trailers. */
  beginTrailers(bytes: number): void {
    this.words[this.base + SLOT.TRAILERS_AT] = (this.head + bytes) | 0;
    this.addFlags(REPLY_FLAG.TRAILERS);
  }

  /** Copies as much of `source[from..to)` as there is room for; returns the count. Nobody sees it before `publish`. */
  append(source: Uint8Array, from: number, to: number): number {
    const count = Math.min(to - from, this.room);
    const at = this.head & (SLOT_REPLY_BYTES - 1);
    const first = Math.min(count, SLOT_REPLY_BYTES - at);
    const { reply } = this;
    reply.set(from === 0 && first === source.length ? source : source.subarray(from, from + first), at);
    if (count > first) reply.set(source.subarray(from + first, from + count), 0);
    this.head = (this.head + count) | 0;
    return count;
  }

  /** Shows the front what was appended. */
  publish(): void {
    // The store publishes the bytes copied before it.
    Atomics.store(this.words, this.base + SLOT.REPLY_HEAD, this.head);
    this.post();
  }

  /** Ends the request: what was appended is published, the slot is the front's again, and the request is counted. */
  finish(tally?: Tally): void {
    Atomics.store(this.words, this.base + SLOT.REPLY_HEAD, this.head);
    // The next thing that is done, and it calls nothing of ours: a thread that is ended has counted the request and given it
    // back, or neither.
    tally?.commit();
    // DONE after the last bytes: a front that sees it sees them all.
    Atomics.store(this.words, this.base + SLOT.STATE, SLOT_STATE.DONE);
    this.post();
  }

  /** Waits, without stopping the event loop, until the front has made room. Undefined: there is room, or the client has gone. */
  waitForRoom(): Promise<unknown> | undefined {
    const tail = this.announceWaiting();
    if (tail === undefined) return undefined;
    const result = Atomics.waitAsync(this.words, this.base + SLOT.REPLY_TAIL, tail);
    return result.async ? result.value : undefined;
  }

  /** Blocks the thread until the front has made room, the client has gone, or `timeoutMs` has passed. */
  waitForRoomSync(timeoutMs: number): void {
    const tail = this.announceWaiting();
    if (tail !== undefined) Atomics.wait(this.words, this.base + SLOT.REPLY_TAIL, tail, timeoutMs);
  }

  doneWaiting(): void {
    Atomics.store(this.words, this.base + SLOT.REPLY_WAITING, 0);
  }

  private announceWaiting(): number | undefined {
    // The flag is set before the tail is read, as the front moves the tail before it reads the flag.
    Atomics.store(this.words, this.base + SLOT.REPLY_WAITING, 1);
    const tail = Atomics.load(this.words, this.base + SLOT.REPLY_TAIL);
    return ((this.head - tail) | 0) < SLOT_REPLY_BYTES || this.aborted ? undefined : tail;
  }

  private post(): void {
    // Exchange: only the first post since the front last cleared the flag needs an entry.
    if (Atomics.exchange(this.words, this.base + SLOT.NEWS, 1) === 1) return;
    assert(this.news.push(this.index), 'the news ring has room for every slot');
  }
}

/** A lane, seen from the worker that owns it. */
export class WorkerLane {
  readonly id: number;
  readonly slots: readonly (readonly WorkerSlot[])[];
  readonly bell: Bell;
  private readonly control: Int32Array;
  private readonly requests: readonly Ring[];
  private nextFront = 0;
  /** Requests that were given back, and their generations: nothing stands in the rings about them any more. */
  private readonly returned: { readonly slot: WorkerSlot; readonly generation: number }[] = [];

  constructor(memory: LaneMemory) {
    this.id = memory.id;
    this.control = new Int32Array(memory.control);
    this.bell = new Bell(this.control, CONTROL.BELL);
    const layout = partLayout(memory.slots);
    const requests: Ring[] = [];
    const slots: WorkerSlot[][] = [];
    for (const [front, part] of memory.parts.entries()) {
      const words = new Int32Array(part, 0, layout.requestsByte / 4);
      const news = new Ring(words, layout.newsRingWord, layout.ringCapacity);
      requests.push(new Ring(words, layout.requestRingWord, layout.ringCapacity));
      const own: WorkerSlot[] = [];
      for (let i = 0; i < memory.slots; i++) {
        const request = Buffer.from(part, layout.requestsByte + i * SLOT_REQUEST_BYTES, SLOT_REQUEST_BYTES);
        const reply = Buffer.from(part, layout.repliesByte + i * SLOT_REPLY_BYTES, SLOT_REPLY_BYTES);
        own.push(new WorkerSlot(front, i, words, layout.slotsWord + i * SLOT_WORDS, request, reply, news));
      }
      slots.push(own);
    }
    this.requests = requests;
    this.slots = slots;
  }

  /** Says which thread owns the lane now, before the application is loaded. */
  attach(threadId: number): void {
    Atomics.store(this.control, CONTROL.THREAD_ID, threadId);
  }

  /** Says that the application is loaded; the main thread opens the lane for requests. */
  loaded(concurrency: number): void {
    this.control[CONTROL.CONCURRENCY] = concurrency;
    // Published after the concurrency that goes with it.
    Atomics.store(this.control, CONTROL.STATE, LANE_STATE.LOADED);
  }

  /** Publishes how much memory the thread has, for the supervisor. */
  reportMemory(bytes: number, residentBytes: number): void {
    Atomics.store(this.control, CONTROL.MEMORY_KIB, Math.ceil(bytes / 1024) | 0);
    Atomics.store(this.control, CONTROL.RESIDENT_KIB, Math.ceil(residentBytes / 1024) | 0);
  }

  /** Says which process works for the thread, and ends with it; 0: none any more. */
  reportProcess(pid: number): void {
    Atomics.store(this.control, CONTROL.PROCESS_ID, pid);
  }

  /** Publishes how many connections the application has taken over. */
  reportConnections(count: number): void {
    Atomics.store(this.control, CONTROL.CONNECTIONS, count);
  }

  get stopping(): boolean {
    return Atomics.load(this.control, CONTROL.STOP) === 1;
  }

  /** Changes whenever a front has marked a slot aborted, or the supervisor one overdue. */
  get aborts(): number {
    return Atomics.load(this.control, CONTROL.ABORTS);
  }

  /** Tells the occupants of slots whose client has gone, or whose time is up. */
  announceAborts(): void {
    for (const part of this.slots) {
      for (const slot of part) {
        if (slot.occupant !== null && slot.overdue) slot.occupant.onDeadline();
        if (slot.occupant !== null && slot.aborted) slot.occupant.onClientGone();
      }
    }
  }

  get hasRequests(): boolean {
    if (this.returned.length > 0) return true;
    for (const ring of this.requests) if (!ring.isEmpty()) return true;
    return false;
  }

  /** The next request, claimed, or null. The fronts take turns. */
  next(nowMs: number): WorkerSlot | null {
    // One writer; atomic, so that the fronts see it soon.
    Atomics.store(this.control, CONTROL.PROGRESS, ((this.control[CONTROL.PROGRESS] as number) + 1) | 0);
    if (this.returned.length > 0) {
      const slot = this.nextReturned(nowMs);
      if (slot !== null) return slot;
    }
    const count = this.requests.length;
    for (let tried = 0; tried < count; tried++) {
      const front = this.nextFront;
      this.nextFront = front + 1 === count ? 0 : front + 1;
      const slot = this.nextOf(front, nowMs);
      if (slot !== null) return slot;
    }
    return null;
  }

  /** The request in a claimed slot waits again. */
  giveBack(slot: WorkerSlot): void {
    this.returned.push({ slot, generation: slot.generation });
    slot.unclaim();
  }

  private nextReturned(nowMs: number): WorkerSlot | null {
    for (let entry = this.returned.shift(); entry !== undefined; entry = this.returned.shift()) {
      if (entry.slot.claim(entry.generation, nowMs)) return entry.slot;
    }
    return null;
  }

  private nextOf(front: number, nowMs: number): WorkerSlot | null {
    const ring = this.requests[front] as Ring;
    for (let entry = ring.pop(); entry >= 0; entry = ring.pop()) {
      const slot = this.slots[front]?.[entrySlot(entry)];
      assert(slot !== undefined, 'the request ring holds slot indexes');
      if (slot.claim(entryGeneration(entry), nowMs)) return slot;
    }
    return null;
  }
}
