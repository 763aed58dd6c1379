// The owner of a log file: it is opened by root, and opened again, after it was rotated, by the user the server has become.
import { closeSync, constants, fchownSync, fstatSync, openSync } from 'node:fs';
import { FastwsgiError, systemErrorText } from '../base/errors.js';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/**
 * Makes the file if there is none, and gives it to the user. Links and what is no plain file stay as they are: the
 * terminal is not the server's. Throws a FastwsgiError (ERR_FILE) when it cannot be opened.
 */
export function giveLogFile(file: string, uid: number | undefined, gid: number | undefined): void {
  let fd: number;
  try {
    fd = openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o666);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ELOOP' || cause.code === 'ENXIO')) return;
    throw new FastwsgiError('ERR_FILE', `Cannot open the log ${file}: ${systemErrorText(cause)}`, { cause });
  }
  try {
    const stat = fstatSync(fd);
    if (stat.isFile() && stat.nlink === 1) fchownSync(fd, uid ?? stat.uid, gid ?? stat.gid);
  } finally {
    closeSync(fd);
  }
}
