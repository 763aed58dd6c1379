// The guard's log: a line now and then, written at once, to the file that its server logs to.
import { appendFileSync, writeSync } from 'node:fs';

const STANDARD_ERROR = 2;

/** Writes lines; never throws. The file is opened for each: it may have been rotated since the last. */
export class GuardLog {
  private readonly file: string | undefined;

  constructor(file: string | undefined) {
    this.file = file;
  }

  readonly line = (text: string): void => {
    try {
      if (this.file === undefined) writeSync(STANDARD_ERROR, `${text}\n`);
      else appendFileSync(this.file, `${text}\n`);
    } catch {
      // The disk is full or the terminal closed: there is nobody left to tell.
    }
  };
}
