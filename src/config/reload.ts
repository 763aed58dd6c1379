// What a running server can take over from a configuration that was read again, and what has to wait for the next start.
import { isDeepStrictEqual } from 'node:util';
import type { Configuration } from './configuration.js';

const RELOADED = [
  'moduleName',
  'wsgiFile',
  'callable',
  'appKind',
  'needApp',
  'env',
  'mounts',
  'manageScriptName',
  'home',
  'pythonPath',
  'cheaper',
  'cheaperInitial',
  'cheaperStep',
  'idleMs',
  'harakiriMs',
  'harakiriVerbose',
  'httpHarakiriMs',
  'catchExceptions',
  'addHeaders',
  'maxRequests',
  'maxRequestsDelta',
  'minWorkerLifetimeMs',
  'maxWorkerLifetimeMs',
  'reloadOnAsBytes',
  'reloadOnRssBytes',
  'evilReloadOnAsBytes',
  'evilReloadOnRssBytes',
  'reloadMercyMs',
  'workerReloadMercyMs',
  'disableLogging',
  'memoryReport',
  'logFormat',
  'log4xx',
  'log5xx',
  'logSlowMs',
  'logXForwardedFor',
  'logDate',
  'vacuum',
] as const satisfies readonly (keyof Configuration)[];

/** What is known of a configuration beside its values. */
const ABOUT = ['cwd', 'options', 'settings', 'notices'] as const satisfies readonly (keyof Configuration)[];

export interface Reloaded {
  readonly configuration: Configuration;
  /** Names of the values that have changed and stay as they were until the next start. */
  readonly postponed: readonly string[];
}

/** `current` with what may change of `next`. */
export function reloadConfiguration(current: Configuration, next: Configuration): Reloaded {
  const taken = new Set<string>([...RELOADED, ...ABOUT]);
  const entries = Object.entries(next) as [keyof Configuration, unknown][];
  const configuration = { ...current, ...Object.fromEntries(entries.filter(([key]) => taken.has(key))) };
  const postponed = entries.filter(([key, value]) => !taken.has(key) && !isDeepStrictEqual(value, current[key]));
  return { configuration, postponed: postponed.map(([key]) => key) };
}
