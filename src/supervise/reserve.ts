// The reserve: one thread that has loaded the application and serves nothing yet. It is a worker like any other, with a number
// that nobody has; it begins to serve when a worker dies, or when there have to be more. Main thread.
import { performance } from 'node:perf_hooks';
import { LIFE, type WorkerLife } from './worker-life.js';

/** After one that did not come up, or died, the next one is started after this long; after another one twice as long, and so on. */
const RETRY_MS = 10_000;
const RETRY_MAX_MS = 600_000;

/** Of one crew. */
export class Reserve {
  private life: WorkerLife | undefined;
  private retryMs = RETRY_MS;
  private notBeforeMs = 0;

  /** The number of its worker; 0: there is none. */
  get workerId(): number {
    return this.life?.workerId ?? 0;
  }

  /** Whether one may be started at `nowMs` of `performance.now()`. */
  hasRoom(nowMs: number): boolean {
    return this.life === undefined && nowMs >= this.notBeforeMs;
  }

  /** Waits for `life`, which has been started. */
  put(life: WorkerLife): void {
    this.life = life;
  }

  /** The thread, if it has loaded the application: it is the caller's. */
  take(): WorkerLife | undefined {
    const { life } = this;
    if (life?.state !== LIFE.LOADED) return undefined;
    this.life = undefined;
    this.retryMs = RETRY_MS;
    life.ageFromMs = performance.now();
    return life;
  }

  /** Ends it: its code is old. */
  drop(): void {
    this.life?.kill(undefined);
    this.life = undefined;
    this.retryMs = RETRY_MS;
    this.notBeforeMs = 0;
  }

  /** A thread has ended, or cannot load the application: whether it was this one. */
  lose(life: WorkerLife): boolean {
    if (this.life !== life) return false;
    this.life = undefined;
    this.notBeforeMs = performance.now() + this.retryMs;
    this.retryMs = Math.min(2 * this.retryMs, RETRY_MAX_MS);
    return true;
  }
}
