// The server of node:http or node:https that a front of this engine listens with.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { encodeVar } from '../../protocol/uwsgi-encoder.js';
import type { HttpFrontOptions } from '../http/options.js';

export type NodeServer = Server | TlsServer;

/** Bytes of request headers that node lets through: the vars block has its own limit, node's only has to be above it. */
export function headerBytesMax(varsBytesMax: number): number {
  return 2 * varsBytesMax + 16_384;
}

/** What node's parser takes and must not, where it does. Undefined: it is strict. */
export function parserWarning(): string | undefined {
  const version = process.versions.llhttp ?? '';
  if (Number.parseInt(version, 10) >= 9) return undefined;
  return (
    `Warning: the HTTP parser of Node ${process.version} (llhttp ${version}) takes bare line feeds and chunks that do not end: ` +
    'a later Node does not, nor does http-engine epoll'
  );
}

/** Makes the server; it does not listen yet. Clients that choose `protocols` in the TLS handshake are not for it. */
export function newServer(
  { varsBytesMax, httpTimeoutMs, httpKeepaliveMs, tls }: HttpFrontOptions,
  protocols: readonly string[],
): NodeServer {
  const options = {
    insecureHTTPParser: false,
    // Judged by our own check, as every other header: a missing Host gets the same answer on every engine.
    requireHostHeader: false,
    maxHeaderSize: headerBytesMax(varsBytesMax),
    headersTimeout: httpTimeoutMs,
    // A body may take as long as it moves: see NodeTools.watched.
    requestTimeout: 0,
    keepAliveTimeout: httpKeepaliveMs,
    connectionsCheckingInterval: Math.min(httpTimeoutMs, 5000),
    noDelay: true,
    // Node >= 22.21 and 24.9 asks; an older one emits 'upgrade' for every offer.
    shouldUpgradeCallback: mayUpgrade,
  };
  const server =
    tls === undefined
      ? createServer(options)
      : createTlsServer({
          ...options,
          ...tls,
          handshakeTimeout: httpTimeoutMs,
          ALPNProtocols: [...protocols, 'http/1.1'],
        });
  if (tls !== undefined) leaveOut(server, protocols);
  // node:http would drop the headers beyond a maximum without a word.
  server.maxHeadersCount = 0;
  server.timeout = 0;
  // Not in the documentation: without it the end of what a client sends ends its requests, too.
  Object.assign(server, { httpAllowHalfOpen: true });
  return server;
}

/** A request with a body is read before it is answered, and its body is HTTP's. */
export function mayUpgrade({ method, httpVersion, headers }: IncomingMessage): boolean {
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return method === 'GET' && httpVersion === '1.1' && !hasBody;
}

/** node:https takes over every connection after its handshake; those of other protocols are kept from it. */
function leaveOut(server: NodeServer, protocols: readonly string[]): void {
  const accept = server.listeners('secureConnection')[0] as (socket: TLSSocket) => void;
  server.removeListener('secureConnection', accept);
  server.on('secureConnection', (socket: TLSSocket) => {
    if (!protocols.includes(protocolOf(socket))) accept.call(server, socket);
  });
}

/** What was agreed on in the handshake, or nothing. */
export function protocolOf(socket: Socket): string {
  const { alpnProtocol } = socket as { alpnProtocol?: string | false | null };
  return typeof alpnProtocol === 'string' ? alpnProtocol : '';
}

/** Whether a client's certificate, if it has shown one, is good. Node itself is strict only where one must be shown. */
export function hasGoodCertificate(socket: TLSSocket): boolean {
  return socket.authorized || socket.getPeerX509Certificate() === undefined;
}

/** What is known of the client's certificate, in uWSGI's variables: the subject on one line, and all of it (DER). */
export function certificateVars(socket: TLSSocket): Uint8Array {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return new Uint8Array(0);
  const subject = Buffer.from(`/${certificate.subject.replaceAll('\n', '/')}`).toString('latin1');
  const der = certificate.raw.toString('latin1');
  return Buffer.concat([encodeVar('HTTPS_DN', subject), encodeVar('HTTPS_CLIENT_CERTIFICATE', der)]);
}
