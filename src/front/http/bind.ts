// Addresses of HTTP sockets: what node:net is asked.
import { createServer } from 'node:net';
import { type BindAddress, netListenOptions } from '../../system/listen.js';

/** Why an address cannot be had, where an engine does not say: node:net is asked. */
export function whyNotBound(address: BindAddress): Promise<unknown> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen(netListenOptions(address, 1), () => server.close(() => resolve(new Error('Unknown error'))));
  });
}
