// One client connection of the node:http front. node:http announces pipelined requests as they are parsed; here they wait
// for each other, so that a client's requests run in the order it sent them and a connection holds one slot at a time.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { HALF_CLOSED_QUIET_MS } from '../../base/limits.js';
import type { TunnelTicket } from '../../lane/tunnel-ticket.js';
import { httpDateNow } from '../../protocol/http-date.js';
import { HttpTools } from '../http/exchange.js';
import { closingAnswer, type Refusal } from '../http/refusal.js';
import type { LocalReply } from '../local/reply.js';
import { resetSocket } from '../reset-socket.js';
import type { Carrier, Watched } from './carrier.js';
import { NodeExchange } from './exchange.js';
import { joinTunnel } from './tunnel.js';

/** How long a client that was refused may go on sending before the connection is cut: it has to find time to read the answer. */
const LINGER_MS = 2000;

/** Requests a client may send ahead of a response before its connection is no longer read. */
const PIPELINED_MAX = 16;

/** What the connections of one node:http front share. */
export class NodeTools extends HttpTools {
  /** Who waits for a client, and when they stop waiting (milliseconds of the monotonic clock). */
  private readonly watched = new Map<Watched, number>();
  /** Connections whose client has sent its last byte. */
  readonly halfClosed = new Set<NodeConnection>();

  /** The client has `waitMs` to make progress, from now. */
  watch(waiting: Watched, waitMs: number): void {
    this.watched.set(waiting, performance.now() + waitMs);
  }

  unwatch(waiting: Watched): void {
    this.watched.delete(waiting);
  }

  /** Drops the connections whose client has not moved in time, or has left. */
  checkConnections(): void {
    const now = performance.now();
    for (const connection of this.halfClosed) connection.checkLeaving(now);
    for (const [waiting, deadline] of this.watched) if (deadline <= now) waiting.cut();
  }
}

export class NodeConnection implements Carrier {
  readonly isHttp2 = false;
  /** Its head says it. */
  readonly hasBody = false;
  readonly socket: Socket;
  /** REMOTE_ADDR and REMOTE_PORT, encoded, and what TLS tells of the client. */
  readonly peer: Uint8Array;
  private readonly tools: NodeTools;
  private current: NodeExchange | null = null;
  private readonly waiting: [IncomingMessage, ServerResponse][] = [];
  /** Nothing more is read from this client. */
  private refused = false;
  /** What is still to be said after the response at hand. */
  private lastWord: Refusal | null = null;
  /** Of a half-closed connection: when something was last seen to go (milliseconds of the monotonic clock), and what had gone then. */
  private quietSinceMs = 0;
  private sentBytes = 0;

  private readonly forget: (socket: Socket) => void;

  /** `peer`: encoded vars that say who the client is. `forget`: called once, when the connection has ended or is somebody else's. */
  constructor(tools: NodeTools, socket: Socket, peer: Uint8Array, forget: (socket: Socket) => void) {
    this.tools = tools;
    this.socket = socket;
    this.peer = peer;
    this.forget = forget;
    socket.on('end', this.onEnd);
    socket.on('close', this.onClose);
  }

  get isBusy(): boolean {
    return this.current !== null || this.waiting.length > 0 || this.refused;
  }

  /** The last request of a connection that node:http looks after no more. The worker takes it over, or `response` ends it. */
  onUpgrade(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = this;
    socket.on('error', this.onSocketError);
    socket.on('drain', () => response.emit('drain'));
    response.assignSocket(socket);
    response.shouldKeepAlive = false;
    response.once('finish', () => socket.destroySoon());
    this.start(request, response, (ticket) => this.handOver(response, ticket));
  }

  /** The worker has the connection now; nothing was sent. */
  private handOver(response: ServerResponse, ticket: TunnelTicket): void {
    const { socket } = this;
    this.current = null;
    response.detachSocket(socket);
    socket.removeAllListeners('drain');
    this.leave();
    joinTunnel(socket, ticket);
  }

  /** The connection is not this object's any more. */
  leave(): void {
    const { socket } = this;
    this.tools.unwatch(this);
    this.tools.halfClosed.delete(this);
    socket.off('end', this.onEnd);
    socket.off('close', this.onClose);
    this.forget(socket);
  }

  onRequest(request: IncomingMessage, response: ServerResponse): void {
    if (this.refused) return;
    // An offer that was declined by shouldUpgradeCallback: node's parser drops what is pipelined behind it.
    if (request.headers.upgrade !== undefined) response.shouldKeepAlive = false;
    if (this.current === null) {
      this.start(request, response);
      return;
    }
    this.waiting.push([request, response]);
    // node:http itself knows no bound.
    if (this.waiting.length === PIPELINED_MAX) this.socket.pause();
  }

  /** What follows on this connection cannot be parsed; the requests before it are answered first. Null: nobody listens any more. */
  onParserError(refusal: Refusal | null): void {
    if (refusal === null) {
      this.socket.destroy();
    } else if (this.current === null) {
      // node's parser does not tell what method it has read.
      this.refuseUnread(refusal);
    } else if (this.current.isReading) {
      this.current.onParserError(refusal);
    } else {
      this.lastWord ??= refusal;
    }
  }

  /** Refuses what has not become a request of its own. */
  refuseUnread(refusal: Refusal): void {
    if (!this.refused) this.tools.dispatcher.counters.answered(refusal.status);
    this.refuse(refusal, false);
  }

  /** The last answer of this connection. The socket is written to behind node:http's back: it has nothing to say any more. */
  refuse(refusal: Refusal, isHead: boolean): void {
    this.sayLast(Buffer.from(`HTTP/1.1 ${closingAnswer(refusal, isHead)}`, 'latin1'));
  }

  sayLocal(reply: LocalReply): void {
    const date = `Date: ${httpDateNow()}\r\nConnection: close\r\n`;
    this.sayLast(Buffer.concat([reply.encodeHead(date), reply.body]));
  }

  /** A whole response, after which nothing the client sends is looked at. */
  private sayLast(response: Buffer): void {
    if (this.refused) return;
    this.refused = true;
    this.waiting.length = 0;
    const { socket } = this;
    if (socket.destroyed || !socket.writable) {
      socket.destroy();
      return;
    }
    socket.end(response);
    // Closing at once would make the kernel throw away what the client has not read yet (RFC 9112 section 9.6).
    socket.resume();
    this.tools.watch(this, LINGER_MS);
  }

  /** Closes in the middle of whatever goes on. */
  cut(): void {
    resetSocket(this.socket, this.tools.options.address.kind === 'tcp');
  }

  /** The exchange at hand has said its last word; the next begins when that has left this process. */
  next(response: ServerResponse): void {
    this.current = null;
    // Without a response to wait for, nobody else would notice a client that does not read the end of one.
    if (this.socket.writableLength > 0) this.watchUntilFlushed(response);
    if (!response.shouldKeepAlive) this.refused = true;
    if (this.refused || (this.waiting.length === 0 && this.lastWord === null)) return;
    if (response.writableFinished) this.startNext();
    else response.once('finish', this.startNext);
  }

  private watchUntilFlushed(response: ServerResponse): void {
    const { tools } = this;
    tools.watch(this, tools.options.httpTimeoutMs);
    response.once('finish', () => tools.unwatch(this));
  }

  private readonly startNext = (): void => {
    if (this.refused || !this.socket.writable || this.current !== null) return;
    const entry = this.waiting.shift();
    if (this.waiting.length === 0 && this.socket.isPaused()) this.socket.resume();
    if (entry !== undefined) this.start(entry[0], entry[1]);
    else if (this.lastWord !== null) this.refuseUnread(this.lastWord);
  };

  private start(
    request: IncomingMessage,
    response: ServerResponse,
    onHandOver: ((ticket: TunnelTicket) => void) | null = null,
  ): void {
    const exchange = new NodeExchange(this.tools, this, request, response, onHandOver);
    this.current = exchange;
    exchange.open();
  }

  private readonly onEnd = (): void => {
    this.quietSinceMs = performance.now();
    this.tools.halfClosed.add(this);
  };

  /** A client that only closed its sending side looks like one that has left, as long as nothing goes to it. */
  checkLeaving(now: number): void {
    const { socket } = this;
    // What waits for the client has a deadline of its own.
    if (socket.bytesWritten !== this.sentBytes || socket.writableLength > 0) {
      this.sentBytes = socket.bytesWritten;
      this.quietSinceMs = now;
    } else if (now - this.quietSinceMs >= HALF_CLOSED_QUIET_MS) socket.destroy();
  }

  private readonly onClose = (): void => {
    this.tools.unwatch(this);
    this.tools.halfClosed.delete(this);
    this.refused = true;
    this.waiting.length = 0;
    this.current?.abandon();
    this.current = null;
    this.forget(this.socket);
  };

  /** 'close' follows. */
  private readonly onSocketError = (): void => {};
}
