// REMOTE_ADDR and REMOTE_PORT of a uWebSockets.js connection. The library knows requests, not connections, so what was
// worked out for an address is kept by address.
import { ipv4Text, ipv6Text } from '../../protocol/ip-address.js';
import { encodePeer } from '../http/request-encoder.js';
import type { UwsResponse } from './api.js';

/** Addresses remembered at a time; one more and all are forgotten. */
const ADDRESSES_MAX = 4096;

export class PeerVars {
  private readonly byAddress = new Map<number, Uint8Array>();

  /** The vars of the connection that `response` belongs to; the port is empty where the build does not tell it. */
  of(response: UwsResponse): Uint8Array {
    const address = new Uint8Array(response.getRemoteAddress());
    const port = response.getRemotePort?.();
    if (address.length !== 4 || port !== undefined) {
      return encodePeer(addressText(address), port === undefined ? '' : String(port));
    }
    const key = addressNumber(address);
    const known = this.byAddress.get(key);
    if (known !== undefined) return known;
    if (this.byAddress.size === ADDRESSES_MAX) this.byAddress.clear();
    const vars = encodePeer(addressText(address), '');
    this.byAddress.set(key, vars);
    return vars;
  }
}

function addressNumber(address: Uint8Array): number {
  let value = 0;
  for (const byte of address) value = value * 256 + byte;
  return value;
}

/** The text of 4 or 16 bytes in network order; an IPv4 address inside IPv6 as IPv4; empty for none. */
export function addressText(address: Uint8Array): string {
  if (address.length === 4) return ipv4Text(address, 0);
  return address.length === 16 ? ipv6Text(address, 0) : '';
}
