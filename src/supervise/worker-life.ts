// One thread's time as a worker, from loading the application to its end, and what the supervisor has to know of it.
import { performance } from 'node:perf_hooks';
import type { LaneOwner, RunningRequest } from '../lane/lane-owner.js';
import type { EndCause } from '../observe/worker-records.js';
import type { Life } from '../pool/pool.js';

export const LIFE = {
  LOADING: 0,
  /** Ready, and not serving yet: its predecessor does. */
  LOADED: 1,
  SERVING: 2,
  /** Gets nothing new, and ends when it has answered what it has. */
  RETIRING: 3,
  ENDED: 4,
} as const;
export type LifeState = (typeof LIFE)[keyof typeof LIFE];

/** A worker that still loads at this age is told of, and again when it is twice as old. */
const LOADING_TOLD_MS = 5000;

/** What a worker said when its application was loaded. */
export interface LoadedNews {
  /** Its kind; the empty string: none could be loaded, and every request is answered 500. */
  readonly application: string;
  readonly concurrency: number;
}

/** How long a thread may take to end after the process that works for it. */
const FOLLOW_MS = 1000;

/** Whether a thread came up. */
export type Loading = { readonly news: LoadedNews } | { readonly error: string };

/** A request that was found overdue, until it has ended: a worker whose event loop still turns ends it at once. */
export interface Overdue {
  readonly sinceMs: number;
  readonly request: RunningRequest;
}

/** Made by the crew. */
export class WorkerLife {
  readonly workerId: number;
  /** See Crew.renew. */
  readonly edition: number;
  readonly lane: LaneOwner;
  /** The lane's epoch that is this thread's. */
  readonly epoch: number;
  readonly thread: Life;
  /** On the clock of `performance.now()`. */
  readonly bornMs = performance.now();
  /** Its age counts from here: when it was born, or left the reserve. */
  ageFromMs = this.bornMs;
  /** Requests the lane had answered when this thread took it over. */
  readonly requestsBefore: number;
  /** This many requests are enough; 0 is no limit. */
  readonly requestsMax: number;
  /** Resolves when the application is loaded, or will not be. */
  readonly loading: Promise<Loading>;
  /** Resolves when the thread has ended and the lane is clean. */
  over: Promise<void> = Promise.resolve();
  state: LifeState = LIFE.LOADING;
  /** While it loads: at which age the log tells of that next. */
  loadingToldMs = LOADING_TOLD_MS;
  /** It has served. */
  served = false;
  /** When a retiring worker is not waited for any longer. */
  mercyEndsMs = Number.POSITIVE_INFINITY;
  /** Why the supervisor ended it, for the log. */
  killedBy: string | undefined;
  /** Why it was told to end, for the statistics. */
  endCause: EndCause | undefined;
  /** When the application was loaded, on the clock of `performance.now()`. */
  loadedMs = 0;
  /** Why it has ended; undefined before. */
  diedOf: string | undefined;
  /** It has told that it ends as asked. */
  stopped = false;
  overdue: readonly Overdue[] = [];
  news: LoadedNews | undefined;
  private settleLoading: (loading: Loading) => void = () => {};

  constructor(
    workerId: number,
    edition: number,
    lane: LaneOwner,
    thread: Life,
    requestsBefore: number,
    requestsMax: number,
  ) {
    this.workerId = workerId;
    this.edition = edition;
    this.lane = lane;
    this.epoch = lane.epoch;
    this.thread = thread;
    this.requestsBefore = requestsBefore;
    this.requestsMax = requestsMax;
    this.loading = new Promise((resolve) => {
      this.settleLoading = resolve;
    });
  }

  get isServing(): boolean {
    return this.state === LIFE.SERVING;
  }

  get ageMs(): number {
    return performance.now() - this.ageFromMs;
  }

  onLoading(loading: Loading): void {
    if (this.state === LIFE.LOADING && 'news' in loading) {
      this.state = LIFE.LOADED;
      this.news = loading.news;
      this.loadedMs = performance.now();
    }
    this.settleLoading(loading);
  }

  /** Ends the thread at once; what it had not started is moved, what it had is lost. */
  kill(killedBy: string | undefined): void {
    this.killedBy ??= killedBy;
    this.lane.pause();
    const { processId } = this.lane;
    if (processId === 0) return this.thread.kill();
    // The thread takes note of its process's end, answers whoever waits, and ends. Until then the number is that process's.
    try {
      process.kill(processId, 'SIGKILL');
    } catch {
      // It has ended at this very moment.
    }
    setTimeout(() => this.thread.kill(), FOLLOW_MS).unref();
  }

  /** The thread finishes what it has, for `mercyMs` at most. */
  retire(mercyMs: number): void {
    this.state = LIFE.RETIRING;
    this.mercyEndsMs = performance.now() + mercyMs;
    this.lane.retire();
  }
}
