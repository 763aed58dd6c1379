// The source files of an application, watched while it is developed: their times are polled, which works on every file
// system and finds files that are written anew by an editor. Asynchronously: the main thread serves meanwhile.
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What applications are written in, and what they import. */
const SOURCE = /\.(?:[mc]?[jt]s|[jt]sx|json|node|wasm|py)$/;
/** Files that are looked at; a folder with more is more than an application's. */
const FILES_MAX = 10_000;

export interface SourceWatchOptions {
  readonly everyMs: number;
  /** A source file has changed, or has appeared. Once for all that one look finds. */
  onChange(file: string): void;
  log(line: string): void;
}

/**
 * Watches folders, with all below them but what is installed (`node_modules`) and what is hidden, from `start` to `stop`. A
 * file that disappears is no change: an editor may be about to write it.
 */
export class SourceWatch {
  private readonly folders: readonly string[];
  private readonly options: SourceWatchOptions;
  private times: ReadonlyMap<string, bigint> = new Map();
  private timer: NodeJS.Timeout | undefined;
  private running = false;
  private warned = false;

  constructor(folders: readonly string[], options: SourceWatchOptions) {
    this.folders = folders;
    this.options = options;
  }

  /** Takes the files as they are now. Resolves when they have been looked at. */
  async start(): Promise<void> {
    this.running = true;
    this.times = await this.look();
    this.schedule();
  }

  /** `onChange` is not called any more. */
  stop(): void {
    this.running = false;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (!this.running) return;
    this.timer = setTimeout(() => void this.tick(), this.options.everyMs).unref();
  }

  private async tick(): Promise<void> {
    const times = await this.look();
    if (!this.running) return;
    const before = this.times;
    this.times = new Map([...before, ...times]);
    const changed = [...times].find(([file, time]) => before.get(file) !== time);
    if (changed !== undefined) {
      this.options.log(`*** ${changed[0]} has changed... ***`);
      this.options.onChange(changed[0]);
    }
    this.schedule();
  }

  private async look(): Promise<Map<string, bigint>> {
    const times = new Map<string, bigint>();
    for (const folder of this.folders) await this.visit(folder, times);
    if (times.size >= FILES_MAX && !this.warned) {
      this.warned = true;
      this.options.log(
        `reload-on-change looks at ${FILES_MAX} files and no more: set chdir to the application's folder`,
      );
    }
    return times;
  }

  private async visit(folder: string, times: Map<string, bigint>): Promise<void> {
    // What cannot be read, or is gone again, has not changed.
    const entries: readonly Dirent[] = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (times.size >= FILES_MAX) return;
      const file = join(folder, entry.name);
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      if (entry.isDirectory()) await this.visit(file, times);
      else if (SOURCE.test(entry.name)) {
        const found = await stat(file, { bigint: true }).catch(() => undefined);
        if (found !== undefined) times.set(file, found.mtimeNs);
      }
    }
  }
}
