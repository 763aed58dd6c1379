// Lets the threads that could run go first. On a machine with fewer cores than runnable threads, whoever sleeps after each
// little piece of work pays for a wake-up each time; one that steps aside first finds the next pieces collected.
import { performance } from 'node:perf_hooks';
import type { Libc } from './libc.js';

/** A turn given up for longer than this went to somebody who computes, not to somebody who hands us work. */
const LONG_MS = 1;
/** How long nobody is let go first after that. */
const PAUSE_MS = 100;

/** Gives up the processor, as long as that is answered quickly. One per thread. */
export class ThreadYield {
  private readonly libc: Libc;
  private pausedUntilMs = 0;

  constructor(libc: Libc) {
    this.libc = libc;
  }

  /** False: not now, the last time took too long. */
  yield(): boolean {
    const beforeMs = performance.now();
    if (beforeMs < this.pausedUntilMs) return false;
    this.libc.sched_yield();
    const afterMs = performance.now();
    if (afterMs - beforeMs > LONG_MS) this.pausedUntilMs = afterMs + PAUSE_MS;
    return true;
  }
}
