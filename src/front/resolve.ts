// Where to listen: host names become addresses before anything is bound.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { TlsOptions } from 'node:tls';
import { errorCode, FastwsgiError } from '../base/errors.js';
import type { SocketAddress } from '../config/address.js';
import type { SocketConfiguration } from '../config/configuration.js';
import { addressesOf } from '../config/https-address.js';
import type { BindAddress } from '../system/listen.js';
import type { FrontsOptions } from './create-fronts.js';

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

/** Where to listen, and with what. */
export type ListeningConfiguration = Pick<
  SocketConfiguration,
  'sockets' | 'httpSockets' | 'httpsSockets' | 'redirectSockets' | 'uwsgiEngine' | 'httpEngine'
>;

type ListeningAddresses = Pick<
  FrontsOptions,
  'uwsgiAddresses' | 'httpAddresses' | 'httpsAddresses' | 'redirectAddresses'
>;

/** All of its addresses, resolved. `tls`: of each `https` line. */
export async function resolveListening(
  { sockets, httpSockets, httpsSockets, redirectSockets }: ListeningConfiguration,
  tls: readonly TlsOptions[],
): Promise<ListeningAddresses> {
  const https = await resolveAddresses(addressesOf(httpsSockets));
  const redirects = await resolveAddresses(addressesOf(redirectSockets));
  return {
    uwsgiAddresses: await resolveAddresses(sockets),
    httpAddresses: await resolveAddresses(httpSockets),
    httpsAddresses: https.map((address, i) => ({ address, tls: tls[i] as TlsOptions })),
    redirectAddresses: redirects.map((address, i) => ({ address, port: redirectSockets[i]?.port })),
  };
}
