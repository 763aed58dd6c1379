// The temporary files of the gateway's request bodies. To get the blocks and pages of a new file costs several times what
// writing over those of an old one does, so a few whose bodies are done with wait for the next one, as long as they are made
// use of. A file keeps the bytes of earlier bodies: nobody may read it beyond its body's length, and one whose descriptor
// somebody else may still have is never used again. Gateway thread only.
import { openTemporaryFile } from '../../system/temporary-file.js';

/** Files that wait at a time, and the largest body of one: what they take of the disk is bounded by both. */
const SPARE_FILES_MAX = 8;
const SPARE_FILE_BYTES_MAX = 16_777_216;
/** How long one waits. */
const SPARE_MS = 1000;

interface SpareFile {
  readonly fd: number;
  readonly sinceMs: number;
}

/** Gives descriptors out, and takes them back. */
export class BodyFiles {
  /** The one that was used last is the last. */
  private readonly spare: SpareFile[] = [];
  private readonly closeFile: (fd: number, bytes: number) => void;
  /** As `tick` was told. */
  private nowMs = 0;

  /** `closeFile`: closes the file of a body of so many bytes. */
  constructor(closeFile: (fd: number, bytes: number) => void) {
    this.closeFile = closeFile;
  }

  /** A file to be written from its beginning on, or what went wrong. It may hold bytes of other requests behind that. */
  open(): number | string {
    return this.spare.pop()?.fd ?? openTemporaryFile();
  }

  /** Takes the file of a body of `bytes` bytes that nobody else has, or has had, the descriptor of. */
  giveBack(fd: number, bytes: number): void {
    const isKept = bytes <= SPARE_FILE_BYTES_MAX && this.spare.length < SPARE_FILES_MAX;
    if (isKept) this.spare.push({ fd, sinceMs: this.nowMs });
    else this.close(fd, bytes);
  }

  /** Gives up any file. */
  close(fd: number, bytes: number): void {
    this.closeFile(fd, bytes);
  }

  /** Gives up those that have waited too long. To be called now and then, by a clock of any beginning. */
  tick(nowMs: number): void {
    this.nowMs = nowMs;
    while (this.spare.length > 0 && (this.spare[0] as SpareFile).sinceMs < nowMs - SPARE_MS) this.closeOldest();
  }

  /** Gives up those that wait. */
  closeAll(): void {
    while (this.spare.length > 0) this.closeOldest();
  }

  private closeOldest(): void {
    const file = this.spare.shift();
    // Its size may be that of a larger body before its last.
    if (file !== undefined) this.close(file.fd, SPARE_FILE_BYTES_MAX);
  }
}
