// Whom X-Forwarded-For names, as far as it can be believed (`log-x-forwarded-for`). Each proxy adds the address that it was
// called from at the end, so only what stands to the right of everything untrusted was not written by the client.
import { isIP } from 'node:net';
import { TrustedAddresses } from '../base/trusted-addresses.js';

export class ForwardedFor {
  private readonly trusted: TrustedAddresses | undefined;

  /** `proxies`: as of forwarded-allow-ips. Empty: whoever has connected is a proxy, and the only one. */
  constructor(proxies: readonly string[]) {
    this.trusted = proxies.length === 0 ? undefined : new TrustedAddresses(proxies);
  }

  /**
   * The client of a request that came from `address`, by the values of the header: the rightmost address that is no proxy's.
   * What is no address ends the search: `address` then, or what was found before. Never anything but an address or `address`.
   */
  client(address: string, header: string): string {
    const { trusted } = this;
    let client = address;
    for (let end = header.length; end > 0; ) {
      if (trusted !== undefined && !trusted.includes(client)) return client;
      const comma = header.lastIndexOf(',', end - 1);
      const named = addressIn(header.slice(comma + 1, end));
      if (named === undefined) return client;
      client = named;
      if (trusted === undefined) return client;
      end = comma;
    }
    return client;
  }
}

/** The address of ` 192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7` or `[2001:db8::7]:4711`. */
function addressIn(entry: string): string | undefined {
  const text = entry.trim();
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? text;
  return isIP(address) === 0 || address.includes('%') ? undefined : address;
}
