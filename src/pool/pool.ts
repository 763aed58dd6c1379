// The worker threads: a piscina pool in which each task is one lane. A thread that ends takes its lane's task with it; once
// it has really ended the fronts take their requests back, and the lane gets the next thread. The only importer of piscina.
import { once } from 'node:events';
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
  /** Fronts that have to acknowledge a thread's death. */
  readonly fronts: number;
  /** What the lane's thread is told. */
  init(lane: LaneOwner): Init;
  /** The lane's task has ended without its thread dying: it was asked to, or gave up. The lane gets no other thread. */
  onResult(lane: LaneOwner, result: Result): void;
  /** The thread has died; the fronts have to look at the lane. */
  onDeath(lane: LaneOwner, reason: string): void;
  onMessage(message: unknown): void;
  log(line: string): void;
}

/** A thread that lived shorter than this twice in a row is replaced only after a pause. */
const SHORT_LIFE_MS = 1000;
const RESPAWN_PAUSE_MS = 2000;
/** How often the main thread looks whether the fronts are through with a dead thread's requests. */
const CLEAN_POLL_MS = 1;

/** Runs every lane until `stop`. */
export class WorkerPool<Init, Result> {
  private readonly options: PoolOptions<Init, Result>;
  private readonly piscina: Piscina<Init, Result>;
  private readonly exits = new Map<number, Promise<unknown>>();
  private readonly running = new Set<Promise<void>>();
  private readonly kill = new AbortController();
  private stopping = false;

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
    this.stopping = true;
    for (const lane of this.options.lanes) lane.stop();
    await Promise.all(this.running);
    await this.piscina.destroy();
  }

  /** Ends every thread at once; `stop` then resolves. */
  destroy(): void {
    this.stopping = true;
    this.kill.abort();
  }

  /** One lane, thread after thread. */
  private async serve(lane: LaneOwner): Promise<void> {
    let shortLives = 0;
    while (!this.stopping) {
      const startedMs = performance.now();
      const reason = await this.runThread(lane);
      if (reason === undefined || this.stopping) return;
      await this.exits.get(lane.threadId);
      this.exits.delete(lane.threadId);
      lane.markDead();
      this.options.onDeath(lane, reason);
      while (!lane.isClean(this.options.fronts)) await sleep(CLEAN_POLL_MS);
      shortLives = performance.now() - startedMs < SHORT_LIFE_MS ? shortLives + 1 : 0;
      if (shortLives > 1) {
        this.options.log('worker respawning too fast !!! i have to sleep a bit (2 seconds)...');
        await sleep(RESPAWN_PAUSE_MS);
      }
      lane.reopen();
    }
  }

  /** Runs the lane in one thread. Undefined when it ended as asked or gave up; else why the thread died. */
  private async runThread(lane: LaneOwner): Promise<string | undefined> {
    try {
      const result = await this.piscina.run(this.options.init(lane), { signal: this.kill.signal });
      this.options.onResult(lane, result);
      return undefined;
    } catch (error) {
      // The pool has already started another thread; its end, too, will have to be waited for.
      this.rememberThreads();
      return errorMessage(error);
    }
  }

  /** The task of a thread that is being terminated ends before the thread does: the end itself is the Worker's event. */
  private rememberThreads(): void {
    for (const thread of this.piscina.threads as Worker[]) {
      if (thread.threadId > 0 && !this.exits.has(thread.threadId))
        this.exits.set(thread.threadId, once(thread, 'exit'));
    }
  }
}
