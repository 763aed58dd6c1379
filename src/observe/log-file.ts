// Opening what a log is written to, so that no write to it can block: a pipe that nobody reads must not hold up a thread of
// libuv's pool, which the whole process shares.
import { constants, fstatSync, open, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { errorCode } from '../base/errors.js';

export const STANDARD_ERROR = 2;

const MODE = 0o666;
const COMMON = constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;
const APPEND = constants.O_WRONLY | COMMON;
/** A FIFO without a reader cannot be opened for writing alone. */
const APPEND_FIFO = constants.O_RDWR | COMMON;

const openPromise = promisify(open);

/** Opens a file for appending, and makes it if need be. Throws the system's error. */
export function openLogSync(file: string): number {
  try {
    return openSync(file, APPEND, MODE);
  } catch (error) {
    if (errorCode(error) !== 'ENXIO') throw error;
    return openSync(file, APPEND_FIFO, MODE);
  }
}

/** As `openLogSync`, off the thread. */
export async function openLog(file: string): Promise<number> {
  try {
    return await openPromise(file, APPEND, MODE);
  } catch (error) {
    if (errorCode(error) !== 'ENXIO') throw error;
    return openPromise(file, APPEND_FIFO, MODE);
  }
}

/**
 * Standard output or error. A pipe or a terminal is opened anew, for writing without blocking: the mode of the descriptor
 * itself is shared with other processes and not ours to change. Where that cannot be, the descriptor itself.
 */
export function openStandardStream(stream: 1 | 2): number {
  try {
    const stat = fstatSync(stream);
    if (!stat.isFIFO() && !stat.isCharacterDevice()) return stream;
    return openSync(
      `/proc/self/fd/${stream}`,
      constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
  } catch {
    return stream;
  }
}
