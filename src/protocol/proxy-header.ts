// The PROXY protocol, versions 1 and 2 (HAProxy's doc/proxy-protocol.txt): what a balancer says of its client before the
// client's own first byte.
import { isIPv4, isIPv6 } from 'node:net';
import { canonicalIpv6, ipv4Text, ipv6Text } from './ip-address.js';

/** Section 2.1: the longest line of version 1, with its CRLF. */
const V1_BYTES_MAX = 107;
/** A header of version 2 may be 65551 bytes long; nobody needs more than this, TLS details included (nginx takes as many). */
export const PROXY_HEADER_BYTES_MAX = 4096;

const V1_BEGIN = Buffer.from('PROXY ');
/** Section 2.2. */
const V2_BEGIN = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Signature, version and command, family and transport, length. */
const V2_HEAD_BYTES = 16;
const COMMAND = { LOCAL: 0, PROXY: 1 } as const;
const FAMILY = { UNSPEC: 0, INET: 1, INET6: 2, UNIX: 3 } as const;
/** Bytes of both addresses and ports, by family. */
const ADDRESS_BYTES = [0, 12, 36, 216] as const;
const TRANSPORT_MAX = 2;

/** Answers of `ProxyHeader.parse`; a positive number is the header's length. */
export const PROXY = { MORE: 0, FAULT: -1 } as const;

/** Reads one header after the other; the fields hold until the next. */
export class ProxyHeader {
  /** Whether the header says who the client is; else it is whoever has connected (LOCAL, UNKNOWN). */
  isKnown = false;
  /** `192.0.2.1`, `2001:db8::1`, empty for a client on a unix socket. */
  address = '';
  port = '';

  /** Reads `bytes[start, end)`: how many bytes the header takes, PROXY.MORE or PROXY.FAULT. */
  parse(bytes: Buffer, start: number, end: number): number {
    this.isKnown = false;
    this.address = '';
    this.port = '';
    if (start === end) return PROXY.MORE;
    return bytes[start] === V2_BEGIN[0] ? this.parseV2(bytes, start, end) : this.parseV1(bytes, start, end);
  }

  private parseV1(bytes: Buffer, start: number, end: number): number {
    if (!agrees(bytes, start, end, V1_BEGIN)) return PROXY.FAULT;
    const limit = Math.min(end, start + V1_BYTES_MAX);
    const newline = bytes.subarray(start, limit).indexOf(0x0a);
    if (newline < 0) return limit - start === V1_BYTES_MAX ? PROXY.FAULT : PROXY.MORE;
    if (bytes[start + newline - 1] !== 0x0d) return PROXY.FAULT;
    const [, family, source = '', destination = '', sourcePort = '', destinationPort = '', ...rest] = bytes
      .latin1Slice(start, start + newline - 1)
      .split(' ');
    // What follows UNKNOWN is to be ignored.
    if (family === 'UNKNOWN') return newline + 1;
    const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIpv6 : null;
    if (isAddress === null || !isAddress(source) || !isAddress(destination)) return PROXY.FAULT;
    if (!isPort(sourcePort) || !isPort(destinationPort) || rest.length > 0) return PROXY.FAULT;
    return this.found(family === 'TCP4' ? source : canonicalIpv6(source), sourcePort, newline + 1);
  }

  private parseV2(bytes: Buffer, start: number, end: number): number {
    if (!agrees(bytes, start, end, V2_BEGIN)) return PROXY.FAULT;
    if (end - start < V2_HEAD_BYTES) return PROXY.MORE;
    const versionAndCommand = bytes[start + 12] as number;
    const family = (bytes[start + 13] as number) >>> 4;
    const transport = (bytes[start + 13] as number) & 15;
    const total = V2_HEAD_BYTES + bytes.readUInt16BE(start + 14);
    const command = versionAndCommand & 15;
    if (versionAndCommand >>> 4 !== 2 || command > COMMAND.PROXY) return PROXY.FAULT;
    if (family > FAMILY.UNIX || transport > TRANSPORT_MAX || total > PROXY_HEADER_BYTES_MAX) return PROXY.FAULT;
    const isTold = command === COMMAND.PROXY && family !== FAMILY.UNSPEC;
    if (isTold && total < V2_HEAD_BYTES + (ADDRESS_BYTES[family] as number)) return PROXY.FAULT;
    if (end - start < total) return PROXY.MORE;
    // Behind the addresses stand TLVs, which nobody here asks for.
    const at = start + V2_HEAD_BYTES;
    if (!isTold) return total;
    if (family === FAMILY.INET) return this.found(ipv4Text(bytes, at), String(bytes.readUInt16BE(at + 8)), total);
    if (family === FAMILY.INET6) return this.found(ipv6Text(bytes, at), String(bytes.readUInt16BE(at + 32)), total);
    return this.found('', '', total);
  }

  private found(address: string, port: string, bytes: number): number {
    this.isKnown = true;
    this.address = address;
    this.port = port;
    return bytes;
  }
}

/** Whether what has come is `begin`, or may become it. */
function agrees(bytes: Buffer, start: number, end: number, begin: Buffer): boolean {
  const length = Math.min(begin.length, end - start);
  return bytes.compare(begin, 0, length, start, start + length) === 0;
}

/** Without a zone: that names an interface of another machine. */
function isPlainIpv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}
