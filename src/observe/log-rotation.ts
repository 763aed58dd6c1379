// `log-maxsize`: renames the log file when it has grown too large. Main thread, one timer; the other threads follow.

import { stat } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import type { Log } from './log.js';

const EVERY_MS = 1000;
/** A rotation that failed is not tried again at once: each attempt writes a line. */
const AFTER_FAILURE_MS = 60_000;

const statFile = promisify(stat);

export interface RotationOptions {
  /** 0: only when asked. */
  readonly maxBytes: number;
  /** Absolute; undefined: the file's name and the time in seconds, as in `app.log.1766371200`. */
  readonly backupName: string | undefined;
  /** How often the size is looked at. */
  readonly everyMs?: number;
}

/** Rotates the file of a leading log. */
export class LogRotation {
  private readonly log: Log;
  private readonly options: RotationOptions;
  private timer: NodeJS.Timeout | undefined;
  private isLooking = false;
  private notBeforeMs = 0;

  constructor(log: Log, options: RotationOptions) {
    this.log = log;
    this.options = options;
  }

  /** Begins to look at the size, if there is a file and a limit. */
  start(): void {
    const { maxBytes, everyMs = EVERY_MS } = this.options;
    if (maxBytes === 0 || this.timer !== undefined) return;
    this.timer = setInterval(() => void this.look(), everyMs).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Rotates now, whatever the size. */
  async rotate(): Promise<void> {
    const size = await this.size();
    if (size !== undefined) await this.rotateAt(size);
  }

  private async look(): Promise<void> {
    if (this.isLooking || performance.now() < this.notBeforeMs) return;
    this.isLooking = true;
    const size = await this.size();
    if (size !== undefined && size > this.options.maxBytes) await this.rotateAt(size);
    this.isLooking = false;
  }

  /** Of the file of that name: one that somebody else has renamed is no longer ours to rotate. Undefined for what is no file. */
  private async size(): Promise<number | undefined> {
    const { path } = this.log;
    if (path === undefined) return undefined;
    const found = await statFile(path).catch(() => undefined);
    return found?.isFile() === true ? found.size : undefined;
  }

  private async rotateAt(size: number): Promise<void> {
    const backup = this.options.backupName ?? (await this.freeName());
    const isDone = await this.log.rotate(backup, `logsize: ${size}`);
    // Somebody else may have renamed it in between: what was to be done is done.
    if (!isDone && (await this.size()) !== undefined) this.notBeforeMs = performance.now() + AFTER_FAILURE_MS;
  }

  /** Two rotations within a second must not end in one file. */
  private async freeName(): Promise<string> {
    for (let seconds = Math.floor(Date.now() / 1000); ; seconds++) {
      const name = `${this.log.path}.${seconds}`;
      if ((await statFile(name).catch(() => undefined)) === undefined) return name;
    }
  }
}
