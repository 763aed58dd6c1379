// Small files of one root that were served before, by the path they were asked for. One stat(2) tells whether what is there is still the
// file that was read: same inode, size, and times of change, of which no program can set the last. So nothing old is served,
// and what was found below its root then is what is served now. To resolve, open, look at, read and close it anew costs
// four times as much as that stat.
import { type Stats, statSync } from 'node:fs';
import type { StaticFile } from './static-file.js';

interface Entry {
  readonly file: StaticFile;
  readonly stats: Stats;
}

/** Larger files are neither read at once nor kept. */
export const SMALL_FILE_BYTES_MAX = 32_768;
/** All files together, each with this much for what is known of it. */
const CACHE_BYTES_MAX = 4 * 1_048_576;
const ENTRY_BYTES = 1024;
/** A file that has just changed may change again without its times telling: they tick as coarsely as this. */
const SETTLED_MS = 2000;

export class FileCache {
  /** The one that was used last is last. */
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;

  /** The file, if it was kept and is unchanged. */
  get(path: string): StaticFile | undefined {
    const entry = this.entries.get(path);
    if (entry === undefined) return undefined;
    this.delete(path, entry);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined || !isSame(stats, entry.stats)) return undefined;
    this.add(path, entry);
    return entry.file;
  }

  /** Keeps a small file for which `get` found nothing, unless it is too new. */
  keep(path: string, file: StaticFile, stats: Stats): void {
    if (Date.now() - Math.max(stats.mtimeMs, stats.ctimeMs) <= SETTLED_MS) return;
    this.add(path, { file, stats });
    for (const [oldestPath, oldest] of this.entries) {
      if (this.bytes <= CACHE_BYTES_MAX) return;
      this.delete(oldestPath, oldest);
    }
  }

  private add(path: string, entry: Entry): void {
    this.entries.set(path, entry);
    this.bytes += ENTRY_BYTES + entry.file.bytes;
  }

  private delete(path: string, entry: Entry): void {
    this.entries.delete(path);
    this.bytes -= ENTRY_BYTES + entry.file.bytes;
  }
}

function isSame(a: Stats, b: Stats): boolean {
  const isSameFile = a.ino === b.ino && a.dev === b.dev && a.mode === b.mode;
  return isSameFile && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;
}
