// The address that accept4 fills in, read without garbage until somebody asks for the text.
import { ipv4Text, ipv6Text } from '../../protocol/ip-address.js';
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
    if (this.family === SYS.AF_INET) return ipv4Text(buffer, 4);
    return this.family === SYS.AF_INET6 ? ipv6Text(buffer, 8) : '';
  }

  /** Empty for a unix socket. */
  get port(): string {
    return this.family === SYS.AF_INET || this.family === SYS.AF_INET6 ? String(this.buffer.readUInt16BE(2)) : '';
  }

  private get family(): number {
    return this.lengthBuffer.readUInt32LE() >= 2 ? this.buffer.readUInt16LE() : 0;
  }
}
