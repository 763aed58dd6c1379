// PROXY headers of version 2, for tests.

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

export interface HeaderParts {
  /** 0 LOCAL, 1 PROXY. */
  readonly command?: number;
  readonly version?: number;
  /** 0 unspecified, 1 IPv4, 2 IPv6, 3 unix. */
  readonly family: number;
  readonly transport?: number;
  /** Addresses, ports and TLVs. */
  readonly content: Buffer;
  /** In place of the content's own length. */
  readonly length?: number;
}

export function proxyV2({ command = 1, version = 2, family, transport = 1, content, length }: HeaderParts): Buffer {
  const head = Buffer.alloc(4);
  head[0] = (version << 4) | command;
  head[1] = (family << 4) | transport;
  head.writeUInt16BE(length ?? content.length, 2);
  return Buffer.concat([SIGNATURE, head, content]);
}

/** Source 192.0.2.7:4711, destination 198.51.100.1:443. */
export const V4_CONTENT = Buffer.from([192, 0, 2, 7, 198, 51, 100, 1, 4711 >>> 8, 4711 & 255, 443 >>> 8, 443 & 255]);

/** Source [2001:db8::7]:4711. */
export const V6_CONTENT = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from([4711 >>> 8, 4711 & 255, 443 >>> 8, 443 & 255]),
]);

export const UNIX_CONTENT = Buffer.alloc(216, 'x');
/** PP2_TYPE_AUTHORITY and a PP2_TYPE_NOOP. */
export const TLVS = Buffer.concat([Buffer.from([2, 0, 3]), Buffer.from('a.b'), Buffer.from([4, 0, 1, 0])]);
