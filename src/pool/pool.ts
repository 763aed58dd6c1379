// The worker threads: a piscina pool in which each task is one life of a lane, from loading the application to the thread's
// end. Whether and when the lane lives again is the supervisor's business. The only importer of piscina.
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { errorMessage } from '../base/errors.js';
import { YOUNG_GENERATION_MB } from '../base/limits.js';
import type { LaneOwner } from '../lane/lane-owner.js';

export interface PoolOptions {
  /** The file whose default export is run for every life. */
  readonly entry: URL;
  /** Threads at a time. */
  readonly threadsMax: number;
  readonly env: NodeJS.ProcessEnv;
  onMessage(message: unknown): void;
  log(line: string): void;
}

/** How a life ended. */
export interface LifeEnd {
  /** The error the thread died of, or the status it exited with. */
  readonly reason: string;
  /** Whether the thread has really exited. One that is stuck in native code runs none of ours any more, but is still there. */
  readonly gone: boolean;
  /** Resolves when it has. */
  readonly exited: Promise<unknown>;
}

/** One thread on one lane. */
export interface Life {
  /** Resolves when the thread has ended, or is given up. Never rejects. */
  readonly ended: Promise<LifeEnd>;
  /** The thread, once it has taken the lane. */
  thread(): Worker | undefined;
  /** Ends the thread at once. */
  kill(): void;
}

/** How long a thread that was terminated may take to exit before it counts as stuck in native code. */
const TERMINATION_MS = 2000;
const ATTACH_POLL_MS = 2;

/** Starts threads for lanes. */
export class WorkerPool<Init> {
  private readonly piscina: Piscina<Init, never>;
  /** Every thread of the pool that has not exited, by its threadId. */
  private readonly threads = new Map<number, Worker>();
  /** Ends the lives whose thread has not taken its lane, for a reason. */
  private readonly unborn = new Map<LaneOwner, (reason: string) => void>();

  constructor(options: PoolOptions) {
    this.piscina = new Piscina<Init, never>({
      filename: options.entry.href,
      // A task never returns, its thread exits instead: a thread serves one life only, and the next loads the application anew.
      minThreads: 0,
      maxThreads: options.threadsMax,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
      recordTiming: false,
      idleTimeout: 0,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      env: options.env,
    });
    this.piscina.on('message', (message) => options.onMessage(message));
    // A thread that ends before it can take a task: it cannot be started, as in a current directory that is gone. The task
    // would wait for another one for ever.
    this.piscina.on('error', (error) => {
      const reason = errorMessage(error);
      options.log(`worker pool: ${reason}`);
      for (const [lane, end] of this.unborn) if (lane.threadId === 0) end(reason);
    });
  }

  /** Whether no thread is left. */
  get isEmpty(): boolean {
    return this.piscina.threads.length === 0 && this.threads.size === 0;
  }

  /** Gives the lane a thread. */
  run(lane: LaneOwner, init: Init): Life {
    const abort = new AbortController();
    const started = this.piscina.run(init, { signal: abort.signal });
    const unstarted = new Promise<never>((_, reject) => {
      this.unborn.set(lane, (reason) => {
        reject(new Error(reason));
        abort.abort();
      });
    });
    const task = Promise.race([started, unstarted]).finally(() => this.unborn.delete(lane));
    this.rememberThreads();
    const thread = () => {
      this.rememberThreads();
      return this.threads.get(lane.threadId);
    };
    return { ended: this.untilEnd(task, thread), thread, kill: () => void this.kill(lane, abort) };
  }

  /** Once every life has ended. Threads that are stuck are not waited for. */
  async destroy(): Promise<void> {
    const destroyed = this.piscina.destroy();
    if (this.threads.size === 0) await destroyed;
  }

  /** Node aborts the process when a thread is ended while it binds native code: one that has not taken its lane is waited for. */
  private async kill(lane: LaneOwner, abort: AbortController): Promise<void> {
    const deadlineMs = performance.now() + TERMINATION_MS;
    while (lane.threadId === 0 && performance.now() < deadlineMs) await sleep(ATTACH_POLL_MS);
    abort.abort();
  }

  private async untilEnd(task: Promise<never>, thread: () => Worker | undefined): Promise<LifeEnd> {
    const reason = await task.catch(errorMessage);
    // The task ends before its thread does; the lane's slots are the fronts' only once the thread has really ended.
    const exited = thread()?.terminate() ?? Promise.resolve();
    const gone = await Promise.race([exited.then(() => true), sleep(TERMINATION_MS, false)]);
    return { reason, gone, exited };
  }

  private rememberThreads(): void {
    for (const thread of this.piscina.threads as Worker[]) {
      const { threadId } = thread;
      // -1: it has exited already.
      if (threadId < 0 || this.threads.has(threadId)) continue;
      this.threads.set(threadId, thread);
      thread.once('exit', () => this.threads.delete(threadId));
    }
  }
}
