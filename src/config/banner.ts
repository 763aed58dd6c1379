// What a person is told when the server runs: what is served where and by whom, and what is odd about the configuration.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { applicationFolder } from './application-folder.js';
import type { Configuration } from './configuration.js';

/** Where the server listens. */
export interface ServedAddress {
  readonly protocol: string;
  readonly engine: string;
  readonly address: string;
}

/** More workers than this for each CPU do not work faster. */
const WORKERS_PER_CPU_MAX = 4;
/** To replace a worker costs as much as many requests. */
const MAX_REQUESTS_MIN = 100;
const WRITABLE_BY_OTHERS = 0o002;

/** The lines of a server that serves. */
export function bannerLines(configuration: Configuration, addresses: readonly ServedAddress[]): readonly string[] {
  const { processes } = configuration;
  const at = addresses.map(({ protocol, engine, address }) => `${urlOf(protocol, address)} (${engine})`);
  return [
    `serving ${applicationName(configuration)} from ${applicationFolder(configuration)} at ${at.join(', ')}`,
    `by ${processes} worker${processes === 1 ? '' : 's'} on ${availableParallelism()} CPUs; ${requestLogText(configuration)}`,
  ];
}

/** What is loaded, as it is named. */
export function applicationName({ moduleName, wsgiFile, callable, mounts }: Configuration): string {
  const root = moduleName ?? wsgiFile;
  const names = mounts.map(({ name, value }) => `${value} at ${name}`);
  if (root !== undefined) names.unshift(callable === undefined ? root : `${root}:${callable}`);
  return names.length === 0 ? 'no application' : names.join(', ');
}

/** Whether one is named that is to be loaded. */
export function namesApplication({ moduleName, wsgiFile, mounts }: Configuration): boolean {
  return moduleName !== undefined || wsgiFile !== undefined || mounts.length > 0;
}

/** What is likely to be a mistake: a warning each. */
export function oddities(configuration: Configuration, addresses: readonly ServedAddress[]): readonly string[] {
  const { home, processes, harakiriMs, reloadMercyMs, maxRequests, chmodSocket = 0 } = configuration;
  const cpus = availableParallelism();
  const uwsgi = addresses.filter(({ protocol }) => protocol === 'uwsgi').map(({ address }) => address);
  const reachable = uwsgi.filter((address) => !/^(127\.|\[::1\]|\/|@)/.test(address));
  const odd = [
    ...reachable.map(
      (address) =>
        `whoever reaches the uwsgi socket ${address} can claim any REMOTE_ADDR and REMOTE_USER: let only the web server reach it`,
    ),
  ];
  if ((chmodSocket & WRITABLE_BY_OTHERS) !== 0 && uwsgi.some((address) => address.startsWith('/'))) {
    odd.push(`chmod-socket = ${chmodSocket.toString(8)}: every user of this machine can claim any REMOTE_USER`);
  }
  if (home !== undefined && !existsSync(resolve(applicationFolder(configuration), home))) {
    odd.push(`home = ${home}: there is no such directory, so no package is found in it`);
  }
  if (processes > cpus * WORKERS_PER_CPU_MAX) odd.push(`${processes} workers on ${cpus} CPUs wait for each other`);
  if (harakiriMs > reloadMercyMs) {
    const [allowed, waited] = [harakiriMs / 1000, reloadMercyMs / 1000];
    odd.push(`a request may take ${allowed} s (harakiri), but a stop or a reload waits ${waited} s (reload-mercy)`);
  }
  if (maxRequests > 0 && maxRequests < MAX_REQUESTS_MIN) {
    odd.push(`each worker is replaced after ${maxRequests} requests (max-requests), which costs more than it helps`);
  }
  return odd.map((text) => `Warning: ${text}`);
}

function urlOf(protocol: string, address: string): string {
  return protocol === 'http' && !/^[/@]/.test(address) ? `http://${address}/` : `${protocol} ${address}`;
}

function requestLogText({ requestLog, logPlan }: Configuration): string {
  if (requestLog === undefined) return 'requests are not logged';
  const to = logPlan.requests.targets.map((index) => {
    const target = logPlan.targets[index];
    if (target?.kind === 'datagram')
      return 'path' in target.to ? target.to.path : `${target.to.host}:${target.to.port}`;
    return target?.file ?? (target?.stream === 1 ? 'standard output' : 'standard error');
  });
  return `${requestLog.all ? '' : 'some '}requests are logged to ${to.join(', ')}`;
}
