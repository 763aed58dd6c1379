// The files that the log goes to.
import { resolve } from 'node:path';
import type { Configuration } from './configuration.js';

/** The absolute path of `logto`, else of what `daemonize` names, or undefined for standard error. */
export function logFileOf({ logto, daemonize, daemonize2, cwd }: Configuration): string | undefined {
  const file = logto ?? daemonize ?? daemonize2;
  return file === undefined ? undefined : resolve(cwd, file);
}

/** The absolute paths of all files that lines go to. */
export function logFilesOf({ logPlan }: Configuration): readonly string[] {
  return logPlan.targets.flatMap((target) =>
    target.kind === 'stream' && target.file !== undefined ? [target.file] : [],
  );
}
