// Where the log goes.
import { resolve } from 'node:path';
import type { Configuration } from './configuration.js';

/** The absolute path of `logto`, else of what `daemonize` names, or undefined for standard error. */
export function logFileOf({ logto, daemonize, daemonize2, cwd }: Configuration): string | undefined {
  const file = logto ?? daemonize ?? daemonize2;
  return file === undefined ? undefined : resolve(cwd, file);
}
