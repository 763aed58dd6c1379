// Socket addresses as uWSGI writes them: `:9999`, `9999`, `host:port`, `[v6]:port`, `/path.sock`, `relative.sock`, `@abstract`.
import { FastwsgiError } from '../base/errors.js';
import { UNIX_PATH_BYTES_MAX } from './limits.js';

export type SocketAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'abstract'; readonly name: string };

const PORT_MAX = 65535;
/** What a missing host means: every IPv4 address, as in uWSGI. */
const ANY_HOST = '0.0.0.0';

/**
 * Reads one address. A missing or `*` host is 0.0.0.0, a bare number is a port, port 0 asks for a free one; what has no
 * colon is a path, absolute or relative. Throws ERR_ADDRESS with a message that says what was wanted.
 */
export function parseSocketAddress(text: string): SocketAddress {
  if (text === '') throw addressError('an address is wanted, such as :8000, 127.0.0.1:8000 or /run/app.sock');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in an address
  if (/[\u0000-\u001f\u007f]/.test(text)) throw addressError('an address holds no control character');
  if (text.startsWith('@')) return { kind: 'abstract', name: checkedName(text.slice(1)) };
  if (/^\d+$/.test(text)) return { kind: 'tcp', host: ANY_HOST, port: parsePort(text) };
  if (text.startsWith('[')) return parseV6(text);
  const colon = text.lastIndexOf(':');
  if (/^(\d+(\.\d+){3}|localhost|\*)$/.test(text)) {
    throw addressError(`a port is wanted after the host, such as ${text}:8000, got "${text}"`);
  }
  if (colon === -1 || /^\.{0,2}\//.test(text)) return { kind: 'unix', path: checkedPath(text) };
  return parseHostPort(text, colon);
}

/** The address as it is written in a configuration: `parseSocketAddress` of it is the same address. */
export function formatSocketAddress(address: SocketAddress): string {
  switch (address.kind) {
    case 'tcp':
      return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
    case 'unix':
      return address.path;
    case 'abstract':
      return `@${address.name}`;
    default:
      return address satisfies never;
  }
}

function parseV6(text: string): SocketAddress {
  const match = /^\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]:(\d+)$/.exec(text);
  if (match === null) throw addressError(`an IPv6 address is written [::1]:8000, got "${text}"`);
  const [, host = '', port = ''] = match;
  if (!host.includes(':')) throw addressError(`only an IPv6 address stands in brackets, got "${text}"`);
  return { kind: 'tcp', host, port: parsePort(port) };
}

function parseHostPort(text: string, colon: number): SocketAddress {
  const host = text.slice(0, colon);
  const port = text.slice(colon + 1);
  if (host === 'unix' || host.startsWith('unix:')) {
    throw addressError(`a unix socket is its path alone, without "unix:", got "${text}"`);
  }
  if (/^[a-z]+:\/\//i.test(text)) throw addressError(`an address is host:port without a scheme, got "${text}"`);
  if (/,|:.*\s/.test(text)) throw addressError(`one address is wanted, each on a line of its own, got "${text}"`);
  if (host.includes(':') && !host.includes('/')) {
    throw addressError(`an IPv6 address is written [${host}]:${port}, got "${text}"`);
  }
  if (!/^\d+$/.test(port)) throw addressError(`a port is wanted after the colon, got "${text}"`);
  if (!/^[\w.*-]*$/.test(host)) throw addressError(`a host is wanted before the colon, got "${text}"`);
  return { kind: 'tcp', host: host === '' || host === '*' ? ANY_HOST : host, port: parsePort(port) };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (port > PORT_MAX) throw addressError(`a port is at most ${PORT_MAX}, got ${text}`);
  return port;
}

function checkedPath(path: string): string {
  const bytes = Buffer.byteLength(path);
  if (bytes > UNIX_PATH_BYTES_MAX) {
    throw addressError(`the path of a unix socket is at most ${UNIX_PATH_BYTES_MAX} bytes, got ${bytes}`);
  }
  return path;
}

function checkedName(name: string): string {
  if (name === '') throw addressError('a name is wanted after the @ of an abstract socket');
  return checkedPath(name);
}

function addressError(reason: string): FastwsgiError {
  return new FastwsgiError('ERR_ADDRESS', `Cannot parse socket address: ${reason}`);
}
