// The values of `https` (ADDR,CERT,KEY[,CIPHERS[,CA]]) and `http-to-https` (ADDR[,PORT]), as uWSGI writes them.
import { errorMessage } from '../base/errors.js';
import { parseSocketAddress, type SocketAddress } from './address.js';

/** One `https` line. Files are as written: relative to the directory that the configuration was read in. */
export interface HttpsAddress {
  readonly address: SocketAddress;
  /** PEM: the certificate, and what signs it up to the root. */
  readonly certificate: string;
  /** PEM: its private key. */
  readonly key: string;
  /** An OpenSSL cipher list; undefined: Node's own. */
  readonly ciphers: string | undefined;
  /** PEM: who may sign the certificates of clients; undefined: clients are asked for none. */
  readonly clientCa: string | undefined;
  /** A `!` before CA: a client without a certificate is turned away. */
  readonly clientMustShow: boolean;
}

/** One `http-to-https` line. */
export interface RedirectAddress {
  readonly address: SocketAddress;
  /** Of the https address that clients are sent to; undefined: the usual one, which no URL names. */
  readonly port: number | undefined;
}

/** Where they listen. */
export function addressesOf(lines: readonly (HttpsAddress | RedirectAddress)[]): readonly SocketAddress[] {
  return lines.map(({ address }) => address);
}

/** Reads `ADDR,CERT,KEY[,CIPHERS[,[!]CA]]`. Throws an Error that says what was wanted. */
export function parseHttpsAddress(text: string): HttpsAddress {
  const [address = '', certificate = '', key = '', ciphers = '', ca = '', ...rest] = text.split(',');
  if (certificate === '' || key === '' || rest.length > 0) {
    throw new Error(`ADDR,CERT,KEY[,CIPHERS[,CA]] is wanted, got "${text}"`);
  }
  const clientMustShow = ca.startsWith('!');
  const clientCa = clientMustShow ? ca.slice(1) : ca;
  if (clientMustShow && clientCa === '') throw new Error(`a file is wanted after the "!", got "${text}"`);
  return {
    address: parseAddress(address),
    certificate,
    key,
    ciphers: ciphers === '' ? undefined : ciphers,
    clientCa: clientCa === '' ? undefined : clientCa,
    clientMustShow,
  };
}

/** Reads `ADDR[,PORT]`. Throws an Error that says what was wanted. */
export function parseRedirectAddress(text: string): RedirectAddress {
  const [address = '', port, ...rest] = text.split(',');
  if (rest.length > 0 || (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535))) {
    throw new Error(`ADDR[,PORT] is wanted, got "${text}"`);
  }
  return { address: parseAddress(address), port: port === undefined ? undefined : Number(port) };
}

/** Reads a socket address. Throws an Error that says what was wanted. */
export function parseAddress(text: string): SocketAddress {
  try {
    return parseSocketAddress(text);
  } catch (error) {
    throw new Error(errorMessage(error).replace(/^Cannot parse socket address: /, ''));
  }
}
