// PROXY headers on the node engine: read from each connection before node's HTTP server, or its TLS, gets to see it.

import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { plainAddress } from '../../protocol/ip-address.js';
import { PROXY, ProxyHeader } from '../../protocol/proxy-header.js';
import { encodePeer } from '../http/request-encoder.js';
import { BAD_PROXY_HEADER, type ProxyOptions, ProxyTrust } from '../proxy-trust.js';

/** What takes connections over: the listener of a server's 'connection' event. */
type Accept = (socket: Socket) => void;

export interface ProxyHeadersOptions extends ProxyOptions {
  readonly httpTimeoutMs: number;
  log(line: string): void;
}

const header = new ProxyHeader();
const NOTHING = Buffer.alloc(0);

export class ProxyHeaders {
  private readonly options: ProxyHeadersOptions;
  private readonly trust: ProxyTrust;
  /** Takes over a connection that has no header any more. */
  readonly accept: Accept;
  /** Connections whose header has not come. */
  private readonly waiting = new Map<Socket, WaitingConnection>();
  /** REMOTE_ADDR and REMOTE_PORT, encoded, by connection. */
  private readonly peers = new WeakMap<Socket, Uint8Array>();

  constructor(options: ProxyHeadersOptions, accept: Accept) {
    this.options = options;
    this.trust = new ProxyTrust(options);
    this.accept = accept;
  }

  /** A new connection. */
  take(socket: Socket): void {
    if (this.trust.expectsHeader(plainAddress(socket.remoteAddress ?? ''))) {
      const deadlineMs = performance.now() + this.options.httpTimeoutMs;
      this.waiting.set(socket, new WaitingConnection(this, socket, deadlineMs));
    } else {
      this.accept(socket);
    }
  }

  /** The peer that the header of this connection has named, encoded; undefined: it is the one that has connected. */
  peerOf(socket: Socket): Uint8Array | undefined {
    return this.peers.get(socket);
  }

  /** Closes the connections whose header has not come in time: the slow tick. */
  check(nowMs: number): void {
    for (const [socket, { deadlineMs }] of this.waiting) if (deadlineMs <= nowMs) socket.destroy();
  }

  /** Closes the connections whose header has not come. */
  destroy(): void {
    for (const socket of this.waiting.keys()) socket.destroy();
  }

  /** @internal A header is complete, and what was read with it is back in the socket. */
  complete(socket: Socket, peer: Uint8Array | undefined): void {
    this.waiting.delete(socket);
    if (peer !== undefined) this.peers.set(socket, peer);
    this.accept(socket);
  }

  /** @internal */
  refuse(socket: Socket): void {
    this.waiting.delete(socket);
    this.options.log(BAD_PROXY_HEADER);
    socket.destroy();
  }

  /** @internal */
  forget(socket: Socket): void {
    this.waiting.delete(socket);
  }
}

/** A connection from accept to the end of its header. */
class WaitingConnection {
  readonly deadlineMs: number;
  private readonly owner: ProxyHeaders;
  private readonly socket: Socket;
  private received: Buffer = NOTHING;

  constructor(owner: ProxyHeaders, socket: Socket, deadlineMs: number) {
    this.owner = owner;
    this.socket = socket;
    this.deadlineMs = deadlineMs;
    socket.on('readable', this.onReadable);
    socket.on('end', this.onEnd);
    socket.on('error', onError);
    socket.on('close', this.onClose);
  }

  private readonly onReadable = (): void => {
    const { socket, owner } = this;
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) return;
    // Put back only when all is there: what is put back is announced at once.
    this.received = this.received.length === 0 ? bytes : Buffer.concat([this.received, bytes]);
    const length = header.parse(this.received, 0, this.received.length);
    if (length === PROXY.MORE) return;
    this.leave();
    if (length === PROXY.FAULT) return owner.refuse(socket);
    const rest = this.received.subarray(length);
    if (rest.length > 0) socket.unshift(rest);
    owner.complete(socket, header.isKnown ? encodePeer(header.address, header.port) : undefined);
  };

  private readonly onEnd = (): void => {
    this.socket.destroy();
  };

  private readonly onClose = (): void => {
    this.owner.forget(this.socket);
  };

  private leave(): void {
    const { socket } = this;
    socket.off('readable', this.onReadable);
    socket.off('end', this.onEnd);
    socket.off('close', this.onClose);
    socket.off('error', onError);
  }
}

/** 'close' follows. */
function onError(): void {}
