// Opens a file below a root, and no other: whatever the path says, what is opened is a regular file whose real path is
// below the real path of the root, or of a place that was called safe. Blocks for as long as the file system takes.
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, type Stats } from 'node:fs';
import { sep } from 'node:path';
import { errorCode, systemErrorText } from '../../base/errors.js';
import { printable } from '../../base/log-text.js';
import { FileCache, SMALL_FILE_BYTES_MAX } from './file-cache.js';

/** A regular file: read, if it is small, else open. */
export class StaticFile {
  /** Its real path. */
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since 1970, with a fraction. */
  readonly changedMs: number;
  readonly contents: Buffer | undefined;
  /** -1 where there are `contents`. */
  readonly fd: number;

  constructor(path: string, { size, mtimeMs }: Stats, contents: Buffer | undefined, fd: number) {
    this.path = path;
    this.bytes = size;
    this.changedMs = mtimeMs;
    this.contents = contents;
    this.fd = fd;
  }

  close(): void {
    if (this.fd >= 0) closeSync(this.fd);
  }
}

/** What `open` answers where there is no file to serve. */
export const OPEN = {
  /** There is none: somebody else may have one. */
  MISSING: 'missing',
  /** A folder. */
  FOLDER: 'folder',
  /** There is one, and it cannot be opened now. */
  FAILED: 'failed',
} as const;
export type NotOpened = (typeof OPEN)[keyof typeof OPEN];

/** Not to wait for the other end of a FIFO, nor to get a terminal; the real path's last part is no link, unless it was changed meanwhile. */
const FLAGS =
  constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0) | (constants.O_NOFOLLOW ?? 0);
/** What says that there is no such file for us, and not that something is wrong with the machine. */
const NOT_THERE = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'ENXIO']);

export class StaticRoot {
  private readonly path: string;
  private readonly safe: readonly string[];
  /** Its own: what is below one root need not be below another. */
  private readonly cache = new FileCache();
  private readonly log: (line: string) => void;
  private realRoot: string | undefined;

  /** `safe`: absolute paths that links out of the root may lead to. */
  constructor(path: string, safe: readonly string[], log: (line: string) => void) {
    this.path = path;
    this.safe = safe;
    this.log = log;
  }

  /** Opens the root itself, with `path` behind it: empty, or beginning with a slash. The caller closes the file. */
  open(path: string): StaticFile | NotOpened {
    try {
      const wanted = this.path + path;
      const cached = this.cache.get(wanted);
      if (cached !== undefined) return cached;
      const real = realpathSync.native(wanted);
      if (this.isInside(real)) return this.openRegular(real, wanted);
      this.log(`[static] security error: ${printable(real)} is not under ${this.path} or a safe path`);
      return OPEN.MISSING;
    } catch (error) {
      const code = errorCode(error);
      if (NOT_THERE.has(code)) return OPEN.MISSING;
      this.log(`[static] cannot open ${this.path}${printable(path)}: ${systemErrorText(error)}`);
      return code === 'EACCES' || code === 'EPERM' ? OPEN.MISSING : OPEN.FAILED;
    }
  }

  private openRegular(real: string, wanted: string): StaticFile | NotOpened {
    const fd = openSync(real, FLAGS);
    let file: StaticFile | undefined;
    try {
      const stats = fstatSync(fd);
      if (stats.isDirectory()) return OPEN.FOLDER;
      // With a slash at its end only a folder can have been asked for.
      if (!stats.isFile() || wanted.endsWith('/')) return OPEN.MISSING;
      const contents = readSmall(fd, stats.size);
      file = new StaticFile(real, stats, contents, contents === undefined ? fd : -1);
      if (contents !== undefined) this.cache.keep(wanted, file, stats);
      return file;
    } finally {
      if (file === undefined || file.fd < 0) closeSync(fd);
    }
  }

  /** A root may be a link that is changed while we run, by a deployment: so it is looked at anew before anything is refused. */
  private isInside(real: string): boolean {
    if (this.realRoot !== undefined && isBelow(real, this.realRoot)) return true;
    this.realRoot = realpathSync.native(this.path);
    return isBelow(real, this.realRoot) || this.safe.some((place) => isBelow(real, realPathOrNone(place)));
  }
}

/** All of a small file; undefined for a larger one, and for one that has become shorter: whoever sends it finds that out. */
function readSmall(fd: number, bytes: number): Buffer | undefined {
  if (bytes > SMALL_FILE_BYTES_MAX) return undefined;
  const contents = Buffer.allocUnsafeSlow(bytes);
  return readSync(fd, contents, 0, bytes, 0) === bytes ? contents : undefined;
}

function isBelow(real: string, root: string): boolean {
  if (!real.startsWith(root)) return false;
  return real.length === root.length || real[root.length] === sep || root.endsWith(sep);
}

function realPathOrNone(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    // Nothing is below it.
    return `${path}\0`;
  }
}
