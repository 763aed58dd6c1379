// The listening sockets that a configuration asks for, in its order: what the guard binds, and what may come with the start.
import type { Configuration } from '../config/configuration.js';
import type { Wanted } from '../system/inherited.js';
import { resolveAddresses } from './resolve.js';

/** Paths start from `folder`. Rejects with ERR_LISTEN for a host that has no address. */
export async function wantedSockets(
  { sockets, httpSockets, stats, metrics }: Configuration,
  folder = process.cwd(),
): Promise<readonly Wanted[]> {
  const wanted = async (protocol: Wanted['protocol'], addresses: Configuration['sockets']): Promise<Wanted[]> => {
    const resolved = await resolveAddresses(addresses, folder);
    return resolved.map((address) => ({ protocol, address }));
  };
  return [
    ...(await wanted('uwsgi', sockets)),
    ...(await wanted('http', httpSockets)),
    ...(await wanted('stats', stats === undefined ? [] : [stats])),
    ...(await wanted('metrics', metrics === undefined ? [] : [metrics])),
  ];
}
