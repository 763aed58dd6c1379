// The main thread's hand on a lane: whom it belongs to, whether it takes requests, which of them run too long, and when it
// may be reused.
import { SLOT_REQUEST_BYTES } from '../base/limits.js';
import { Bell } from './bell.js';
import {
  CONTROL,
  LANE_STATE,
  type LaneMemory,
  partLayout,
  REQUEST_ORIGIN,
  SLOT,
  SLOT_STATE,
  SLOT_WORDS,
} from './layout.js';

/** A request that a worker has not finished. */
export interface RunningRequest {
  /** The slot's number, as `uwsgi.core`. */
  readonly core: number;
  /** How long it has run, in milliseconds. */
  readonly ageMs: number;
  /** The packet: shared memory, and the worker's; a copy is what it held a moment ago. */
  readonly packet: Buffer;
  readonly varsEnd: number;
  /** Which of the lane's parts the slot is in, and the slot's generation: what tells the request from those before and after it. */
  readonly part: number;
  readonly generation: number;
}

/** How long a request may run, by the protocol it came by; 0 is no limit. */
export interface Deadlines {
  readonly uwsgiMs: number;
  readonly httpMs: number;
}

/** Packets that are copied for the statistics at most, of one lane. */
const PACKETS_MAX = 32;
const NO_PACKET = Buffer.alloc(0);

/** Supervises a lane's control block. Used by the main thread only. */
export class LaneOwner {
  readonly memory: LaneMemory;
  private readonly control: Int32Array;
  private readonly bell: Bell;
  private readonly parts: readonly Int32Array[];

  constructor(memory: LaneMemory) {
    this.memory = memory;
    this.control = new Int32Array(memory.control);
    this.bell = new Bell(this.control, CONTROL.BELL);
    this.parts = memory.parts.map((part) => new Int32Array(part, 0, partLayout(memory.slots).requestsByte / 4));
  }

  /** Whether the application is loaded. */
  get loaded(): boolean {
    const state = Atomics.load(this.control, CONTROL.STATE);
    return state === LANE_STATE.LOADED || state === LANE_STATE.READY;
  }

  /** `threadId` of the thread that has the lane; 0 before one has taken it. */
  get threadId(): number {
    return Atomics.load(this.control, CONTROL.THREAD_ID);
  }

  /** Counts the threads that have had the lane. */
  get epoch(): number {
    return Atomics.load(this.control, CONTROL.EPOCH);
  }

  /** Requests in flight over all fronts. */
  get busy(): number {
    return Atomics.load(this.control, CONTROL.IN_FLIGHT) + Atomics.load(this.control, CONTROL.IN_FLIGHT + 1);
  }

  /** Connections that the application has taken over. */
  get connections(): number {
    return Atomics.load(this.control, CONTROL.CONNECTIONS);
  }

  /** What the thread last said of its memory: heap, external memory and buffers, in bytes. */
  get memoryBytes(): number {
    return Atomics.load(this.control, CONTROL.MEMORY_KIB) * 1024;
  }

  /** The part of it that is in memory: less only where a process works for the thread. */
  get residentBytes(): number {
    return Atomics.load(this.control, CONTROL.RESIDENT_KIB) * 1024;
  }

  /** The process that works for the thread, or 0. */
  get processId(): number {
    return Atomics.load(this.control, CONTROL.PROCESS_ID);
  }

  /** Gives the lane to the fronts; a thread that is loaded, or was paused. */
  open(): void {
    Atomics.compareExchange(this.control, CONTROL.STATE, LANE_STATE.LOADED, LANE_STATE.READY);
  }

  /** The fronts put nothing into the lane any more, until `open`. What is in it goes on. */
  pause(): void {
    Atomics.compareExchange(this.control, CONTROL.STATE, LANE_STATE.READY, LANE_STATE.LOADED);
  }

  /** Declares the lane's thread dead. Only once the thread has really ended: from here its slots are the fronts'. */
  markDead(): void {
    Atomics.add(this.control, CONTROL.EPOCH, 1);
    // DEAD after the new epoch: a front that sees DEAD acknowledges the epoch that belongs to it.
    Atomics.store(this.control, CONTROL.STATE, LANE_STATE.DEAD);
  }

  /** Whether `fronts` fronts have taken back everything the dead thread held. */
  isClean(fronts: number): boolean {
    const { epoch } = this;
    for (let front = 0; front < fronts; front++) {
      if (Atomics.load(this.control, CONTROL.ACKNOWLEDGED + front) !== epoch) return false;
    }
    return true;
  }

  /** Prepares the lane for its next thread. */
  reopen(): void {
    Atomics.store(this.control, CONTROL.THREAD_ID, 0);
    Atomics.store(this.control, CONTROL.STOP, 0);
    Atomics.store(this.control, CONTROL.MEMORY_KIB, 0);
    Atomics.store(this.control, CONTROL.RESIDENT_KIB, 0);
    Atomics.store(this.control, CONTROL.PROCESS_ID, 0);
    Atomics.store(this.control, CONTROL.CONNECTIONS, 0);
    this.bell.awake();
    Atomics.store(this.control, CONTROL.STATE, LANE_STATE.STARTING);
  }

  /** Asks the worker to finish what it has and to return; the fronts give it nothing any more. */
  retire(): void {
    Atomics.store(this.control, CONTROL.STATE, LANE_STATE.RETIRED);
    Atomics.store(this.control, CONTROL.STOP, 1);
    this.bell.ring();
  }

  /**
   * Marks the requests that have run longer than they may, and tells the worker; returns those that were not marked before.
   * `nowMs` is `monotonicMs()`.
   */
  markOverdue(nowMs: number, deadlines: Deadlines): RunningRequest[] {
    const marked: RunningRequest[] = [];
    this.forEachRunning((words, base, part, core) => {
      const generation = words[base + SLOT.GENERATION] as number;
      const ageMs = ((nowMs | 0) - (words[base + SLOT.STARTED_AT] as number)) | 0;
      const limitMs = words[base + SLOT.ORIGIN] === REQUEST_ORIGIN.UWSGI ? deadlines.uwsgiMs : deadlines.httpMs;
      if (limitMs === 0 || ageMs < limitMs || words[base + SLOT.OVERDUE] === generation + 1) return;
      // The generation was read before the age: should the slot change hands meanwhile, the mark means nobody.
      Atomics.store(words, base + SLOT.OVERDUE, generation + 1);
      marked.push(this.describe(words, base, part, core, generation, ageMs));
    });
    if (marked.length > 0) {
      Atomics.add(this.control, CONTROL.ABORTS, 1);
      this.bell.ring();
    }
    return marked;
  }

  /** Whether the worker has not finished it since. */
  stillRuns({ part, core, generation }: RunningRequest): boolean {
    const words = this.parts[part] as Int32Array;
    const base = partLayout(this.memory.slots).slotsWord + core * SLOT_WORDS;
    return isRunning(words, base) && words[base + SLOT.GENERATION] === generation;
  }

  /** What the worker runs now, oldest first; of more than PACKETS_MAX, the younger ones without their packet. `nowMs` is `monotonicMs()`. */
  running(nowMs: number): RunningRequest[] {
    const found: RunningRequest[] = [];
    this.forEachRunning((words, base, part, core) => {
      const ageMs = ((nowMs | 0) - (words[base + SLOT.STARTED_AT] as number)) | 0;
      const generation = words[base + SLOT.GENERATION] as number;
      found.push({ core, ageMs: Math.max(0, ageMs), packet: NO_PACKET, varsEnd: 0, part, generation });
    });
    found.sort((a, b) => b.ageMs - a.ageMs);
    const { slotsWord } = partLayout(this.memory.slots);
    const described = found.map((request, at) => {
      const { part, core, generation, ageMs } = request;
      const words = this.parts[part] as Int32Array;
      return at < PACKETS_MAX
        ? this.describe(words, slotsWord + core * SLOT_WORDS, part, core, generation, ageMs)
        : request;
    });
    // What was copied is one request's only if it still runs.
    return described.filter((request) => this.stillRuns(request));
  }

  /** Whether requests are put into it. */
  get isOpen(): boolean {
    return Atomics.load(this.control, CONTROL.STATE) === LANE_STATE.READY;
  }

  private describe(
    words: Int32Array,
    base: number,
    part: number,
    core: number,
    generation: number,
    ageMs: number,
  ): RunningRequest {
    const { slots, parts } = this.memory;
    const { requestsByte } = partLayout(slots);
    const varsEnd = words[base + SLOT.VARS_END] as number;
    const bytes = Buffer.from(parts[part] as SharedArrayBuffer, requestsByte + core * SLOT_REQUEST_BYTES, varsEnd);
    return { core, ageMs, packet: Buffer.from(bytes), varsEnd, part, generation };
  }

  private forEachRunning(visit: (words: Int32Array, base: number, part: number, core: number) => void): void {
    if (this.busy === 0) return;
    const { slotsWord } = partLayout(this.memory.slots);
    for (const [part, words] of this.parts.entries()) {
      for (let core = 0; core < this.memory.slots; core++) {
        const base = slotsWord + core * SLOT_WORDS;
        if (isRunning(words, base)) visit(words, base, part, core);
      }
    }
  }
}

function isRunning(words: Int32Array, base: number): boolean {
  const state = Atomics.load(words, base + SLOT.STATE);
  return state === SLOT_STATE.RUNNING || state === SLOT_STATE.REPLYING;
}
