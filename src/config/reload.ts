// What a running server can take over from a configuration that was read again, and what has to wait for the next start.
import { isDeepStrictEqual } from 'node:util';
import type { SocketAddress } from './address.js';
import type { Configuration } from './configuration.js';

const RELOADED = [
  'moduleName',
  'wsgiFile',
  'callable',
  'appKind',
  'needApp',
  'env',
  'mounts',
  'mountCallable',
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
  /** Addresses that are new; `configuration` has them, too. */
  readonly addedSockets: readonly SocketAddress[];
  readonly addedHttpSockets: readonly SocketAddress[];
  /** Names of the values that have changed and stay as they were until the next start. */
  readonly postponed: readonly string[];
}

/** `current` with what may change of `next`. */
export function reloadConfiguration(current: Configuration, next: Configuration): Reloaded {
  const taken = new Set<string>([...RELOADED, ...ABOUT]);
  const entries = Object.entries(next) as [keyof Configuration, unknown][];
  const addedSockets = missing(next.sockets, current.sockets);
  const addedHttpSockets = missing(next.httpSockets, current.httpSockets);
  const configuration: Configuration = {
    ...current,
    ...Object.fromEntries(entries.filter(([key]) => taken.has(key))),
    sockets: [...current.sockets, ...addedSockets],
    httpSockets: [...current.httpSockets, ...addedHttpSockets],
  };
  const postponed = entries.filter(([key, value]) => {
    if (key === 'sockets' || key === 'httpSockets') return missing(current[key], next[key]).length > 0;
    return !taken.has(key) && !isDeepStrictEqual(value, current[key]);
  });
  return { configuration, addedSockets, addedHttpSockets, postponed: postponed.map(([key]) => key) };
}

/** Those of `addresses` that are not among `others`. */
function missing(addresses: readonly SocketAddress[], others: readonly SocketAddress[]): SocketAddress[] {
  return addresses.filter((address) => !others.some((other) => isDeepStrictEqual(address, other)));
}
