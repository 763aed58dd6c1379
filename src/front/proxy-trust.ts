// Whether connections begin with a PROXY header, and whose: the same on every HTTP engine.
import { TrustedAddresses } from '../base/trusted-addresses.js';

export interface ProxyOptions {
  /** http-enable-proxy-protocol. */
  readonly proxyProtocol: boolean;
  /** forwarded-allow-ips; empty: whoever connects is a proxy. */
  readonly trustedProxies: readonly string[];
}

/** Answers which peers have to send a header: all trusted ones, and only they. */
export class ProxyTrust {
  private readonly trusted: TrustedAddresses;
  private readonly enabled: boolean;

  constructor({ proxyProtocol, trustedProxies }: ProxyOptions) {
    this.enabled = proxyProtocol;
    this.trusted = new TrustedAddresses(trustedProxies.length === 0 ? ['*'] : trustedProxies);
  }

  /** Whether the connection of this peer begins with a header. The protocol forbids to guess from what comes. */
  expectsHeader(address: string): boolean {
    return this.enabled && this.trusted.includes(address);
  }
}

/** The log line of a connection without the header that it must have. */
export const BAD_PROXY_HEADER = 'connection does not begin with a valid PROXY header. skip.';
