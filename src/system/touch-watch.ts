// Files that are touched to ask for something (`touch-reload` and its like): their times are polled, as in uWSGI, which
// works on every file system. Asynchronously: a network file system that hangs must not hang the thread.
import { stat } from 'node:fs';
import { promisify } from 'node:util';
import { errorCode } from '../base/errors.js';

const EVERY_MS = 1000;

/** What `action` is asked for by touching `file`. */
export interface Touchable {
  readonly file: string;
  action(): void;
}

export interface TouchWatchOptions {
  readonly everyMs?: number;
  /** The file's modification time in nanoseconds; undefined where there is no file. Rejects when that cannot be known. */
  readonly modified?: (file: string) => Promise<bigint | undefined>;
}

interface Watched {
  readonly touchable: Touchable;
  /** Undefined: there was no file. */
  modified: bigint | undefined;
  isLooking: boolean;
}

const statFile = promisify(stat);

/**
 * Watches files from `start` to `stop`. A change of the modification time, in whatever direction, is a touch, and so is
 * the appearance of a file; its disappearance is not.
 */
export class TouchWatch {
  private readonly watched: readonly Watched[];
  private readonly log: (line: string) => void;
  private readonly everyMs: number;
  private readonly modified: (file: string) => Promise<bigint | undefined>;
  private timer: NodeJS.Timeout | undefined;

  constructor(touchables: readonly Touchable[], log: (line: string) => void, options: TouchWatchOptions = {}) {
    this.watched = touchables.map((touchable) => ({ touchable, modified: undefined, isLooking: false }));
    this.log = log;
    this.everyMs = options.everyMs ?? EVERY_MS;
    this.modified = options.modified ?? modifiedNs;
  }

  /** Takes the files as they are now, and looks at them from now on. Resolves when the first look is over. */
  async start(): Promise<void> {
    if (this.watched.length === 0 || this.timer !== undefined) return;
    const timer = setInterval(() => {
      for (const watched of this.watched) void this.look(watched, timer);
    }, this.everyMs).unref();
    this.timer = timer;
    await Promise.all(this.watched.map((watched) => this.look(watched, undefined)));
  }

  /** No action is called any more. */
  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** `timer`: the one that asked; undefined for the first look, which finds no touch. */
  private async look(watched: Watched, timer: NodeJS.Timeout | undefined): Promise<void> {
    if (watched.isLooking) return;
    watched.isLooking = true;
    const { file } = watched.touchable;
    const before = watched.modified;
    // What cannot be looked at for a while (a network file system) has not been touched by that.
    watched.modified = await this.modified(file).catch(() => before);
    watched.isLooking = false;
    const isTouched = watched.modified !== undefined && watched.modified !== before;
    if (!isTouched || timer === undefined || timer !== this.timer) return;
    this.log(`*** ${file} has been touched... ***`);
    watched.touchable.action();
  }
}

async function modifiedNs(file: string): Promise<bigint | undefined> {
  try {
    return (await statFile(file, { bigint: true })).mtimeNs;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return undefined;
    throw error;
  }
}
