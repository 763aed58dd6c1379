// The process's current directory.
import { FastwsgiError, systemErrorText } from '../base/errors.js';

/** Throws a FastwsgiError (ERR_FILE) that names the directory. */
export function changeDirectory(directory: string): void {
  try {
    process.chdir(directory);
  } catch (cause) {
    throw new FastwsgiError('ERR_FILE', `Cannot change to the directory ${directory}: ${systemErrorText(cause)}`, {
      cause,
    });
  }
}
