// What one worker is doing, from shared memory: true also of one whose thread is stuck.
import { REPOLL_MS } from '../base/limits.js';
import type { Counters } from '../observe/counters.js';
import type { WorkerRecords } from '../observe/worker-records.js';
import type { WorkerReport, WorkerStatus } from '../stats/report.js';
import { LIFE, type WorkerLife } from './worker-life.js';

/** Worker `id` at `nowMs` of the monotonic clock; `lives` are the threads of all workers. */
export function reportWorker(
  id: number,
  lives: readonly WorkerLife[],
  records: WorkerRecords,
  counters: Counters,
  isPaused: boolean,
  nowMs: number,
): WorkerReport {
  const own = lives.filter(({ workerId, state }) => workerId === id && state !== LIFE.ENDED);
  const serving = own.find(({ isServing }) => isServing);
  const lane = serving === undefined ? -1 : serving.lane.memory.id - 1;
  const beatMs = lane < 0 ? 0 : counters.beatMs(lane);
  const running = own.flatMap((life) => life.lane.running(nowMs)).sort((a, b) => b.ageMs - a.ageMs);
  return {
    id,
    ...records.record(id),
    accepting: serving?.lane.isOpen === true,
    status: statusOf(serving, running.length > 0, isPaused),
    counts: records.counts(id),
    threadRequests: serving === undefined ? 0 : counters.requests(lane) - serving.requestsBefore,
    averageRunUs: lane < 0 ? 0 : counters.averageRunUs(lane),
    memoryBytes: own.reduce((sum, life) => sum + life.lane.memoryBytes, 0),
    concurrency: serving?.news?.concurrency ?? 0,
    application: serving?.news?.application ?? '',
    startupMs: serving === undefined ? 0 : serving.loadedMs - serving.bornMs,
    stalledMs: serving === undefined ? 0 : stallOf(beatMs, nowMs),
    running,
  };
}

function statusOf(serving: WorkerLife | undefined, isBusy: boolean, isPaused: boolean): WorkerStatus {
  if (isBusy) return 'busy';
  if (serving === undefined) return 'cheap';
  return isPaused ? 'pause' : 'idle';
}

/** A loop that has turned at `beatMs` (0: not yet) should have done so again after REPOLL_MS. */
function stallOf(beatMs: number, nowMs: number): number {
  return beatMs === 0 ? 0 : Math.max(0, nowMs - beatMs - REPOLL_MS);
}
