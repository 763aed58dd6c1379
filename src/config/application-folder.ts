// Where relative paths start from: the log and `pidfile` where the command was called, as in uWSGI, everything that is
// opened after `chdir` in the folder it names.
import { resolve } from 'node:path';
import type { Configuration } from './configuration.js';

/** The absolute path of `chdir`, or of where the command was called. */
export function applicationFolder({ cwd, chdir }: Pick<Configuration, 'cwd' | 'chdir'>): string {
  return resolve(cwd, chdir ?? '.');
}
