// Where to listen: host names become addresses before anything is bound.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { errorCode, FastwsgiError } from '../base/errors.js';
import type { SocketAddress } from '../config/address.js';
import type { BindAddress } from '../system/listen.js';

/** Host names become addresses, paths become absolute, from `folder`; abstract names stay as they are. Rejects with ERR_LISTEN. */
export async function resolveAddresses(
  addresses: readonly SocketAddress[],
  folder = process.cwd(),
): Promise<BindAddress[]> {
  return Promise.all(
    addresses.map(async (address) => {
      if (address.kind === 'unix') return { kind: 'unix', path: resolve(folder, address.path) };
      if (address.kind === 'abstract' || isIP(address.host) !== 0) return address;
      try {
        return { ...address, host: (await lookup(address.host)).address };
      } catch (cause) {
        throw new FastwsgiError('ERR_LISTEN', `Cannot listen on ${address.host}: ${errorCode(cause)}`, { cause });
      }
    }),
  );
}
