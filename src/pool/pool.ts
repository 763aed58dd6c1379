// The worker threads: a piscina pool in which each task is one lane. A thread that ends takes its lane's task with it; once
// it has really ended the fronts take their requests back, and the lane gets the next thread. The only importer of piscina.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { errorMessage } from '../base/errors.js';
import type { LaneOwner } from '../lane/lane-owner.js';

export interface PoolOptions<Init, Result> {
  /** The file whose default export is run for every lane. */
  readonly entry: URL;
  readonly lanes: readonly LaneOwner[];
  readonly env: NodeJS.ProcessEnv;
  /** How many fronts have to acknowledge a thread's death: those that have not ended. */
  fronts(): number;
  /** What the lane's thread is told. */
  init(lane: LaneOwner): Init;
  /** The lane's task has ended without its thread dying: it was asked to, or gave up. The lane gets no other thread. */
  onResult(lane: LaneOwner, result: Result): void;
  /** The thread has died, `wasReady` or before it was; the fronts have to look at the lane. */
  onDeath(lane: LaneOwner, reason: string, wasReady: boolean): void;
  onMessage(message: unknown): void;
  log(line: string): void;
}

/** A lane whose threads die before they are ready, or live shorter than this, more than so many in a row, has to pause. */
const SHORT_LIFE_MS = 1000;
const SHORT_LIVES_MAX = 5;
const RESPAWN_PAUSE_MS = 2000;
/** How often the main thread looks whether the fronts are through with a dead thread's requests. */
const CLEAN_POLL_MS = 1;

/** Runs every lane until `stop`. */
export class WorkerPool<Init, Result> {
  private readonly options: PoolOptions<Init, Result>;
  private readonly piscina: Piscina<Init, Result>;
  /** Every thread of the pool that has not exited, by its threadId. */
  private readonly threads = new Map<number, Worker>();
  private readonly running = new Set<Promise<void>>();
  private readonly kill = new AbortController();
  /** Fires when the pool is asked to stop: nothing is started and nobody waits any more. */
  private readonly stopping = new AbortController();

  constructor(options: PoolOptions<Init, Result>) {
    this.options = options;
    const threads = options.lanes.length;
    this.piscina = new Piscina<Init, Result>({
      filename: options.entry.href,
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
      recordTiming: false,
      idleTimeout: Number.POSITIVE_INFINITY,
      env: options.env,
    });
    this.piscina.on('message', (message) => options.onMessage(message));
    this.piscina.on('error', (error) => options.log(`worker pool: ${errorMessage(error)}`));
    this.rememberThreads();
  }

  /** Gives every lane a thread, and the next one whenever it dies. */
  start(): void {
    for (const lane of this.options.lanes) {
      const run = this.serve(lane).finally(() => this.running.delete(run));
      this.running.add(run);
    }
  }

  /** Asks every worker to finish what it has; resolves when all threads have ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    for (const lane of this.options.lanes) {
      lane.stop();
      // One that still loads the application has nothing to finish.
      if (!lane.ready) void this.threads.get(lane.threadId)?.terminate();
    }
    await Promise.all(this.running);
    await this.piscina.destroy();
  }

  /** Ends every thread at once; `stop` then resolves. */
  destroy(): void {
    this.stopping.abort();
    this.kill.abort();
  }

  /** One lane, thread after thread. */
  private async serve(lane: LaneOwner): Promise<void> {
    let shortLives = 0;
    while (!this.stopping.signal.aborted) {
      const startedMs = performance.now();
      const reason = await this.runThread(lane);
      if (reason === undefined || this.stopping.signal.aborted) return;
      // The task ends before its thread does, and without it when the entry itself failed; the slots are the fronts' only
      // once the thread has really ended.
      await this.threads.get(lane.threadId)?.terminate();
      const wasReady = lane.ready;
      lane.markDead();
      this.options.onDeath(lane, reason, wasReady);
      while (!lane.isClean(this.options.fronts())) {
        await this.pause(CLEAN_POLL_MS);
        if (this.stopping.signal.aborted) return;
      }
      const wasShort = !wasReady || performance.now() - startedMs < SHORT_LIFE_MS;
      shortLives = wasShort ? shortLives + 1 : 0;
      if (shortLives > SHORT_LIVES_MAX) {
        this.options.log('worker respawning too fast !!! i have to sleep a bit (2 seconds)...');
        await this.pause(RESPAWN_PAUSE_MS);
      }
      lane.reopen();
    }
  }

  /** Runs the lane in one thread. Undefined when it ended as asked or gave up; else why the thread died. */
  private async runThread(lane: LaneOwner): Promise<string | undefined> {
    try {
      const task = this.piscina.run(this.options.init(lane), { signal: this.kill.signal });
      // The pool may have started a thread for it.
      this.rememberThreads();
      this.options.onResult(lane, await task);
      return undefined;
    } catch (error) {
      // The pool has started another thread in place of the one that died.
      this.rememberThreads();
      return errorMessage(error);
    }
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

  /** Waits `ms`, or until the pool is asked to stop. */
  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopping.signal }).catch(() => {});
  }
}
