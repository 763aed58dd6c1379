// Where the log goes: files as absolute paths.
import { resolve } from 'node:path';
import type { LogPlan, LogTarget } from '../base/log-destination.js';
import type { Configuration } from './configuration.js';

/** The absolute path of `logto`, else of what `daemonize` names, or undefined for standard error. */
export function logFileOf({ logto, daemonize, daemonize2, cwd }: Configuration): string | undefined {
  const file = logto ?? daemonize ?? daemonize2;
  return file === undefined ? undefined : resolve(cwd, file);
}

/** The plan with absolute paths. */
export function absoluteLogPlan({ logPlan, cwd }: Configuration): LogPlan {
  return { ...logPlan, targets: logPlan.targets.map((target) => absolute(target, cwd)) };
}

/** The absolute paths of all files that lines go to. */
export function logFilesOf(configuration: Configuration): readonly string[] {
  return absoluteLogPlan(configuration).targets.flatMap((target) =>
    target.kind === 'stream' && target.file !== undefined ? [target.file] : [],
  );
}

function absolute(target: LogTarget, cwd: string): LogTarget {
  if (target.kind === 'datagram') {
    return 'path' in target.to ? { ...target, to: { path: resolve(cwd, target.to.path) } } : target;
  }
  const { file, backupName } = target;
  if (file === undefined) return target;
  const backup = backupName === undefined ? {} : { backupName: resolve(cwd, backupName) };
  return { ...target, file: resolve(cwd, file), ...backup };
}
