// Addresses of HTTP sockets: how they are written, and what is said when one cannot be had.
import { createServer } from 'node:net';
import { getSystemErrorMap } from 'node:util';
import { FastwsgiError } from '../../base/errors.js';
import type { BindAddress } from '../../system/listen.js';

/** `127.0.0.1:8000`, `[::1]:8000`, `/run/app.sock` or `@name`; `port` in place of a port that was left to the system. */
export function addressText(address: BindAddress, port?: number): string {
  switch (address.kind) {
    case 'tcp':
      return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${port ?? address.port}`;
    case 'unix':
      return address.path;
    case 'abstract':
      return `@${address.name}`;
    default:
      return address satisfies never;
  }
}

/** What node:net's `listen` takes. A leading NUL is Linux' abstract name space; Node 20 fills the name up with NUL bytes. */
export function netListenOptions(
  address: BindAddress,
  backlog: number,
): { host?: string; port?: number; path?: string; backlog: number; exclusive: true; ipv6Only?: boolean } {
  switch (address.kind) {
    case 'tcp':
      return { host: address.host, port: address.port, backlog, exclusive: true, ipv6Only: address.host.includes(':') };
    case 'unix':
      return { path: address.path, backlog, exclusive: true };
    case 'abstract':
      return { path: `\0${address.name}`, backlog, exclusive: true };
    default:
      return address satisfies never;
  }
}

/** ERR_LISTEN: `Cannot listen on 127.0.0.1:80: bind(): Permission denied`. */
export function listenError(address: BindAddress, cause: unknown): FastwsgiError {
  return new FastwsgiError('ERR_LISTEN', `Cannot listen on ${addressText(address)}: bind(): ${reasonOf(cause)}`, {
    cause,
  });
}

/** Why an address cannot be had, where an engine does not say: node:net is asked. */
export function whyNotBound(address: BindAddress): Promise<unknown> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen(netListenOptions(address, 1), () => server.close(() => resolve(new Error('Unknown error'))));
  });
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const errno = 'errno' in cause && typeof cause.errno === 'number' ? cause.errno : 0;
  const text = getSystemErrorMap().get(errno)?.[1] ?? cause.message;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
