// The main thread's hand on a lane between two threads: whom it belongs to, whether it has to stop, when it may be reused.
import { Bell } from './bell.js';
import { CONTROL, LANE_STATE, type LaneMemory } from './layout.js';

/** Supervises a lane's control block. Used by the main thread only. */
export class LaneOwner {
  readonly memory: LaneMemory;
  private readonly control: Int32Array;
  private readonly bell: Bell;

  constructor(memory: LaneMemory) {
    this.memory = memory;
    this.control = new Int32Array(memory.control);
    this.bell = new Bell(this.control, CONTROL.BELL);
  }

  get ready(): boolean {
    return Atomics.load(this.control, CONTROL.STATE) === LANE_STATE.READY;
  }

  /** `threadId` of the thread that has the lane; 0 before one has taken it. */
  get threadId(): number {
    return Atomics.load(this.control, CONTROL.THREAD_ID);
  }

  /** Requests in flight over all fronts. */
  get busy(): number {
    return Atomics.load(this.control, CONTROL.IN_FLIGHT) + Atomics.load(this.control, CONTROL.IN_FLIGHT + 1);
  }

  /** Declares the lane's thread dead. Only once the thread has really ended: from here its slots are the fronts'. */
  markDead(): void {
    Atomics.add(this.control, CONTROL.EPOCH, 1);
    // DEAD after the new epoch: a front that sees DEAD acknowledges the epoch that belongs to it.
    Atomics.store(this.control, CONTROL.STATE, LANE_STATE.DEAD);
  }

  /** Whether `fronts` fronts have taken back everything the dead thread held. */
  isClean(fronts: number): boolean {
    const epoch = Atomics.load(this.control, CONTROL.EPOCH);
    for (let front = 0; front < fronts; front++) {
      if (Atomics.load(this.control, CONTROL.ACKNOWLEDGED + front) !== epoch) return false;
    }
    return true;
  }

  /** Prepares the lane for its next thread. */
  reopen(): void {
    Atomics.store(this.control, CONTROL.THREAD_ID, 0);
    Atomics.store(this.control, CONTROL.STOP, 0);
    this.bell.awake();
    Atomics.store(this.control, CONTROL.STATE, LANE_STATE.STARTING);
  }

  /** Asks the worker to finish what it has and to return. */
  stop(): void {
    Atomics.store(this.control, CONTROL.STOP, 1);
    this.bell.ring();
  }
}
