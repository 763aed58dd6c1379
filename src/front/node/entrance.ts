// What a connection of the node engine goes through before its first request: the PROXY header, then TLS, each where it is
// configured. Then it is known who the client is.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { plainAddress } from '../../protocol/ip-address.js';
import type { HttpFrontOptions } from '../http/options.js';
import { encodePeer } from '../http/request-encoder.js';
import { ProxyHeaders } from './proxy-headers.js';
import { certificateVars, hasGoodCertificate, type NodeServer } from './server.js';

/** Takes over a connection whose next bytes are HTTP. `peer`: encoded vars that say who the client is. */
type Admit = (socket: Socket, peer: Uint8Array) => void;

export class Entrance {
  private readonly server: NodeServer;
  private readonly isTls: boolean;
  private readonly admit: Admit;
  private readonly proxyHeaders: ProxyHeaders | null;
  /** Connections whose TLS handshake is not over. */
  private readonly handshaking = new Set<Socket>();

  constructor(server: NodeServer, options: HttpFrontOptions, admit: Admit) {
    this.server = server;
    this.isTls = options.tls !== undefined;
    this.admit = admit;
    this.proxyHeaders = options.proxyProtocol ? this.readHeaders(server, options) : null;
    if (options.tls !== undefined) server.on('secureConnection', this.onSecureConnection);
    if (this.proxyHeaders === null)
      server.on('connection', options.tls === undefined ? this.onPlain : this.onHandshake);
  }

  /** A connection that was let in before, and has been taken from node's HTTP server: it begins anew. */
  readmit(socket: Socket): void {
    if (this.isTls) this.server.emit('secureConnection', socket);
    else if (this.proxyHeaders !== null) this.proxyHeaders.accept(socket);
    else this.server.emit('connection', socket);
  }

  /** The slow tick. */
  check(nowMs: number): void {
    this.proxyHeaders?.check(nowMs);
  }

  /** Closes the connections that are still on their way in. */
  destroy(): void {
    this.proxyHeaders?.destroy();
    for (const socket of this.handshaking) socket.destroy();
  }

  /** The server's own listener gets a connection when its header has been read. */
  private readHeaders(server: NodeServer, options: HttpFrontOptions): ProxyHeaders {
    const accept = server.listeners('connection')[0] as (socket: Socket) => void;
    server.removeListener('connection', accept);
    const next = options.tls === undefined ? this.onPlain : this.onHandshake;
    const headers = new ProxyHeaders(options, (socket) => {
      accept.call(server, socket);
      next(socket);
    });
    server.on('connection', (socket: Socket) => headers.take(socket));
    return headers;
  }

  private readonly onPlain = (socket: Socket): void => {
    this.admit(socket, this.peerOf(socket));
  };

  private readonly onHandshake = (socket: Socket): void => {
    this.handshaking.add(socket);
    socket.once('close', () => this.handshaking.delete(socket));
  };

  private readonly onSecureConnection = (socket: TLSSocket): void => {
    const transport = transportOf(socket);
    this.handshaking.delete(transport);
    if (hasGoodCertificate(socket))
      this.admit(socket, Buffer.concat([this.peerOf(transport), certificateVars(socket)]));
    else socket.destroy();
  };

  private peerOf(socket: Socket): Uint8Array {
    const told = this.proxyHeaders?.peerOf(socket);
    return told ?? encodePeer(plainAddress(socket.remoteAddress ?? ''), String(socket.remotePort ?? ''));
  }
}

/** The connection below TLS. Not in the documentation: nothing else tells which one it is. */
function transportOf(socket: TLSSocket): Socket {
  return (socket as { _parent?: Socket })._parent ?? socket;
}
