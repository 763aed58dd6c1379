// The guard's log: a line now and then, written at once, to the file that its server logs to.
import { closeSync, constants, openSync, writeSync } from 'node:fs';

const STANDARD_ERROR = 2;
/** Never waits, as for somebody who reads a FIFO. */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Writes lines; never throws. The file is opened for each: it may have been rotated since the last. */
export class GuardLog {
  private readonly file: string | undefined;

  constructor(file: string | undefined) {
    this.file = file;
  }

  readonly line = (text: string): void => {
    let fd = STANDARD_ERROR;
    try {
      if (this.file !== undefined) fd = openSync(this.file, APPEND, 0o666);
      writeSync(fd, `${text}\n`);
    } catch {
      // The disk is full or the terminal closed: there is nobody left to tell.
    }
    if (fd !== STANDARD_ERROR) closeSync(fd);
  };
}
