// What a running server can take over from a configuration that was read again, and what has to wait for the next start.
import { isDeepStrictEqual } from 'node:util';
import type { SocketAddress } from './address.js';
import type { Configuration } from './configuration.js';
import type { HttpsAddress } from './https-address.js';

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
  'requestLog',
  'vacuum',
  'addHeaders',
  'routes',
  'staticMaps',
  'staticMaps2',
  'checkStatic',
  'staticIndex',
  'staticSafe',
  'staticFallbacks',
  'staticSkipExtensions',
  'staticGzip',
  'staticGzipAll',
  'staticGzipDirs',
  'staticGzipExtensions',
  'mimeFiles',
  'staticExpires',
  'staticExpiresMtime',
  'staticExpiresType',
  'staticExpiresTypeMtime',
  'staticExpiresUri',
  'staticExpiresUriMtime',
  'staticExpiresPathInfo',
  'staticExpiresPathInfoMtime',
] as const satisfies readonly (keyof Configuration)[];

/** What is known of a configuration beside its values. */
const ABOUT = ['cwd', 'options', 'settings', 'notices'] as const satisfies readonly (keyof Configuration)[];

export interface Reloaded {
  readonly configuration: Configuration;
  /** Addresses that are new; `configuration` has them, too. */
  readonly addedSockets: readonly SocketAddress[];
  readonly addedHttpSockets: readonly SocketAddress[];
  readonly addedHttpsSockets: readonly HttpsAddress[];
  /** Names of the values that have changed and stay as they were until the next start. */
  readonly postponed: readonly string[];
}

/** `current` with what may change of `next`. */
export function reloadConfiguration(current: Configuration, next: Configuration): Reloaded {
  const taken = new Set<string>([...RELOADED, ...ABOUT]);
  const entries = Object.entries(next) as [keyof Configuration, unknown][];
  const addedSockets = missing(next.sockets, current.sockets);
  const addedHttpSockets = missing(next.httpSockets, current.httpSockets);
  const addedHttpsSockets = next.httpsSockets.filter((line) => lineAt(line, current.httpsSockets) === undefined);
  const configuration: Configuration = {
    ...current,
    ...Object.fromEntries(entries.filter(([key]) => taken.has(key))),
    sockets: [...current.sockets, ...addedSockets],
    httpSockets: [...current.httpSockets, ...addedHttpSockets],
    // Where an address has other files now, they are read.
    httpsSockets: [
      ...current.httpsSockets.map((line) => lineAt(line, next.httpsSockets) ?? line),
      ...addedHttpsSockets,
    ],
  };
  const postponed = entries.filter(([key, value]) => {
    if (key === 'sockets' || key === 'httpSockets') return missing(current[key], next[key]).length > 0;
    if (key === 'httpsSockets') return current.httpsSockets.some((line) => !keepsClients(line, next.httpsSockets));
    return !taken.has(key) && !isDeepStrictEqual(value, current[key]);
  });
  return { configuration, addedSockets, addedHttpSockets, addedHttpsSockets, postponed: postponed.map(([key]) => key) };
}

/** The line of the same address. */
function lineAt({ address }: HttpsAddress, lines: readonly HttpsAddress[]): HttpsAddress | undefined {
  return lines.find((line) => isDeepStrictEqual(line.address, address));
}

/** Whether the address is still there, and asks its clients for what it asked them before: that is settled when it is bound. */
function keepsClients(line: HttpsAddress, lines: readonly HttpsAddress[]): boolean {
  const next = lineAt(line, lines);
  if (next === undefined || (next.clientCa === undefined) !== (line.clientCa === undefined)) return false;
  return next.clientMustShow === line.clientMustShow;
}

/** Those of `addresses` that are not among `others`. */
function missing(addresses: readonly SocketAddress[], others: readonly SocketAddress[]): SocketAddress[] {
  return addresses.filter((address) => !others.some((other) => isDeepStrictEqual(address, other)));
}
