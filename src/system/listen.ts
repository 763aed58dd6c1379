// Listening sockets made by hand, for the gateway: bound and listening in the main thread, so that a wrong address is an
// error at start, and handed to the gateway thread as a descriptor number.
import { lstatSync, unlinkSync } from 'node:fs';
import { connect, isIPv6 } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { errorCode, FastwsgiError, systemErrorText } from '../base/errors.js';
import { type Libc, SYS } from './libc.js';

/** What to bind: an IP address (no host name) and port, a path, or an abstract name. */
export type BindAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'abstract'; readonly name: string };

export interface ListenOptions {
  readonly backlog: number;
  readonly keepAlive: boolean;
}

export interface ListeningSocket {
  readonly fd: number;
  /** Of a TCP address: the bound port. */
  readonly port: number | undefined;
}

/** Binds and listens, non-blocking and close-on-exec. Throws a FastwsgiError (ERR_LISTEN) that names the address. */
export function listenOn(libc: Libc, address: BindAddress, options: ListenOptions): ListeningSocket {
  const encoded = encodeAddress(address);
  const family = encoded.readUInt16LE(0);
  const fd = libc.socket(family, SYS.SOCK_STREAM | SYS.SOCK_NONBLOCK | SYS.SOCK_CLOEXEC, 0);
  if (fd < 0) throw listenError(address, systemError(libc.errno()), 'socket');
  if (address.kind === 'tcp') setTcpOptions(libc, fd, family, options);
  if (libc.bind(fd, encoded, encoded.length) < 0) {
    const errno = libc.errno();
    libc.close(fd);
    throw listenError(address, systemError(errno));
  }
  if (libc.listen(fd, options.backlog) < 0) {
    const errno = libc.errno();
    libc.close(fd);
    throw listenError(address, systemError(errno), 'listen');
  }
  return { fd, port: address.kind === 'tcp' ? boundPort(libc, fd) : undefined };
}

/**
 * Removes the socket a dead server left at `path`. A live one is an error (ERR_LISTEN), and so is any file that is no socket.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket())
    throw new FastwsgiError('ERR_LISTEN', `Cannot listen on ${path}: a file that is no socket is there`);
  if (await answers(path))
    throw new FastwsgiError('ERR_LISTEN', `Cannot listen on ${path}: another server is using it`);
  try {
    unlinkSync(path);
  } catch (cause) {
    throw new FastwsgiError('ERR_LISTEN', `Cannot remove the stale socket ${path}: ${systemErrorText(cause)}`, {
      cause,
    });
  }
}

/** Whether somebody accepts connections at `path`. Anything but a plain refusal counts as life. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => resolve(errorCode(error) !== 'ECONNREFUSED'));
  });
}

function setTcpOptions(libc: Libc, fd: number, family: number, options: ListenOptions): void {
  libc.setsockopt(fd, SYS.SOL_SOCKET, SYS.SO_REUSEADDR, ON, 4);
  setAcceptedOptions(libc, fd, options);
  if (family === SYS.AF_INET6) libc.setsockopt(fd, SYS.IPPROTO_IPV6, SYS.IPV6_V6ONLY, ON, 4);
}

/** What accepted sockets inherit. With TCP_DEFER_ACCEPT a connection is announced with its first data, as in uWSGI. */
export function setAcceptedOptions(libc: Libc, fd: number, options: ListenOptions): void {
  libc.setsockopt(fd, SYS.IPPROTO_TCP, SYS.TCP_NODELAY, ON, 4);
  libc.setsockopt(fd, SYS.IPPROTO_TCP, SYS.TCP_DEFER_ACCEPT, ON, 4);
  if (options.keepAlive) libc.setsockopt(fd, SYS.SOL_SOCKET, SYS.SO_KEEPALIVE, ON, 4);
}

const ON = Buffer.from(Int32Array.of(1).buffer);

/** struct sockaddr_in, sockaddr_in6 or sockaddr_un, exactly as long as the kernel wants it. */
export function encodeAddress(address: BindAddress): Buffer {
  switch (address.kind) {
    case 'tcp':
      return isIPv6(address.host) ? encodeIPv6(address.host, address.port) : encodeIPv4(address.host, address.port);
    case 'unix':
      return encodeUnix(Buffer.concat([Buffer.from(address.path), Buffer.of(0)]), address.path);
    case 'abstract':
      return encodeUnix(Buffer.concat([Buffer.of(0), Buffer.from(address.name)]), `@${address.name}`);
    default:
      return address satisfies never;
  }
}

/** sun_path holds 108 bytes on Linux. */
export function encodeUnix(path: Buffer, text: string): Buffer {
  if (path.length > 108) throw new FastwsgiError('ERR_LISTEN', `Cannot listen on ${text}: longer than 107 bytes`);
  const family = Buffer.alloc(2);
  family.writeUInt16LE(SYS.AF_UNIX);
  return Buffer.concat([family, path]);
}

function encodeIPv4(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(SYS.AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  for (const [i, part] of host.split('.').entries()) bytes[4 + i] = Number(part);
  return bytes;
}

function encodeIPv6(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt16LE(SYS.AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  for (const [i, group] of expandIPv6(host).entries()) bytes.writeUInt16BE(group, 8 + 2 * i);
  return bytes;
}

/** The eight groups of a valid IPv6 address; the URL parser does the canonical part (embedded IPv4 included). */
function expandIPv6(host: string): number[] {
  const canonical = new URL(`http://[${host}]/`).hostname.slice(1, -1);
  const [left = '', right] = canonical.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

/** The port of a TCP socket. */
export function boundPort(libc: Libc, fd: number): number {
  const address = Buffer.alloc(28);
  const size = Buffer.from(Int32Array.of(address.length).buffer);
  libc.getsockname(fd, address, size);
  return address.readUInt16BE(2);
}

/** What node:net's `listen` takes. A leading NUL is Linux' abstract name space; Node 20 fills the name up with NUL bytes. */
export function netListenOptions(
  address: BindAddress,
  backlog: number,
): { host?: string; port?: number; path?: string; backlog: number; exclusive: true; ipv6Only?: boolean } {
  switch (address.kind) {
    case 'tcp':
      return { host: address.host, port: address.port, backlog, exclusive: true, ipv6Only: address.host.includes(':') };
    case 'unix':
      return { path: address.path, backlog, exclusive: true };
    case 'abstract':
      return { path: `\0${address.name}`, backlog, exclusive: true };
    default:
      return address satisfies never;
  }
}

/** ERR_LISTEN: `Cannot listen on 127.0.0.1:80: bind(): Permission denied`, as uWSGI says it, whichever engine binds. */
export function listenError(address: BindAddress, cause: unknown, call = 'bind'): FastwsgiError {
  const text = systemErrorText(cause);
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return new FastwsgiError('ERR_LISTEN', `Cannot listen on ${addressText(address)}: ${call}(): ${sentence}`, { cause });
}

/** What Node throws for an errno. */
function systemError(errno: number): Error {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(code), { errno: -errno, code });
}

/** An address for the log and for errors; `port` is the bound one where 0 was asked for. */
export function addressText(address: BindAddress, port?: number): string {
  switch (address.kind) {
    case 'tcp':
      return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${port ?? address.port}`;
    case 'unix':
      return address.path;
    case 'abstract':
      return `@${address.name}`;
    default:
      return address satisfies never;
  }
}
