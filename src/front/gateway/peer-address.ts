// The address that accept4 fills in, read without garbage until somebody asks for the text.
import { SocketAddress } from 'node:net';
import { SYS } from '../../system/libc.js';

/** sizeof(struct sockaddr_in6), the larger one that an accepted TCP connection can have. */
const ADDRESS_BYTES = 28;

/** One buffer, used again for every accept. */
export class PeerAddress {
  readonly buffer = Buffer.alloc(ADDRESS_BYTES);
  readonly lengthBuffer = Buffer.alloc(4);

  /** To be called before each accept4, which overwrites the length. */
  prepare(lengthBuffer: Buffer): Buffer {
    lengthBuffer.writeUInt32LE(ADDRESS_BYTES);
    return lengthBuffer;
  }

  /** `127.0.0.1`, `::1`, or empty for a unix socket; an IPv4 address inside IPv6 as IPv4. */
  get address(): string {
    const { buffer } = this;
    if (this.family === SYS.AF_INET) return buffer.subarray(4, 8).join('.');
    if (this.family !== SYS.AF_INET6) return '';
    const groups: string[] = [];
    for (let at = 8; at < 24; at += 2) groups.push(buffer.readUInt16BE(at).toString(16));
    const { address } = new SocketAddress({ family: 'ipv6', address: groups.join(':') });
    return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
  }

  /** Empty for a unix socket. */
  get port(): string {
    return this.family === SYS.AF_INET || this.family === SYS.AF_INET6 ? String(this.buffer.readUInt16BE(2)) : '';
  }

  private get family(): number {
    return this.lengthBuffer.readUInt32LE() >= 2 ? this.buffer.readUInt16LE() : 0;
  }
}
