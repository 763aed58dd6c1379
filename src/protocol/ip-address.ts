// IP addresses as text: out of the bytes of a socket address or of a PROXY header, always in the same form.
import { SocketAddress } from 'node:net';

/** Four bytes: `127.0.0.1`. */
export function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** Sixteen bytes: `::1`; an IPv4 address inside IPv6 as IPv4. */
export function ipv6Text(bytes: Uint8Array, at: number): string {
  const groups: string[] = [];
  for (let i = at; i < at + 16; i += 2) {
    groups.push((((bytes[i] as number) << 8) | (bytes[i + 1] as number)).toString(16));
  }
  return canonicalIpv6(groups.join(':'));
}

/** A valid IPv6 address in its shortest form; an IPv4 address inside IPv6 as IPv4. */
export function canonicalIpv6(text: string): string {
  return plainAddress(new SocketAddress({ family: 'ipv6', address: text }).address);
}

/** An IPv4 address that came over an IPv6 socket, as IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}
