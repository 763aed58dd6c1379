// One monotonic clock for all threads: `performance.now()` counts from the start of each.

import { performance } from 'node:perf_hooks';

const OFFSET_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds of the process's monotonic clock at `nowMs` of this thread's `performance.now()`. */
export function monotonicMs(nowMs: number = performance.now()): number {
  return nowMs + OFFSET_MS;
}
