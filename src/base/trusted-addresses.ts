// The addresses of the proxies in front of the server, whose word on who the client is counts.
import { BlockList, isIP } from 'node:net';

/** Addresses and networks. */
export class TrustedAddresses {
  private readonly list = new BlockList();
  private readonly all: boolean;

  /** `10.0.0.1`, `10.0.0.0/8`, `fd00::/8`, or `*` for everybody. Throws an Error that names what is neither. */
  constructor(entries: readonly string[]) {
    this.all = entries.includes('*');
    for (const entry of entries) if (entry !== '*') this.add(entry);
  }

  /** Whether an address is among them. The peer of a unix socket has none, and is trusted: its file says who may connect. */
  includes(address: string): boolean {
    if (this.all || address === '') return true;
    const family = isIP(address);
    return family !== 0 && this.list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }

  private add(entry: string): void {
    const [address = '', prefix, ...rest] = entry.split('/');
    const family = isIP(address);
    const bits = family === 4 ? 32 : 128;
    const length = prefix === undefined ? bits : Number(prefix);
    if (family === 0 || rest.length > 0 || !/^\d{1,3}$/.test(prefix ?? '0') || length > bits || address.includes('%')) {
      throw new Error(`an IP address, a network such as 10.0.0.0/8, or * is wanted, got "${entry}"`);
    }
    this.list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
  }
}
