// Addresses of HTTP sockets: what node:net is told, and asked.
import { createServer } from 'node:net';
import type { BindAddress } from '../../system/listen.js';

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

/** Why an address cannot be had, where an engine does not say: node:net is asked. */
export function whyNotBound(address: BindAddress): Promise<unknown> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen(netListenOptions(address, 1), () => server.close(() => resolve(new Error('Unknown error'))));
  });
}
