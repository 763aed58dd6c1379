// The HTTP front on node:http: the portable engine. As the gateway, it does HTTP/1.0, chunked requests, pipelining, and
// clients that close their sending side before they read.

import { type IncomingMessage, ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TlsOptions } from 'node:tls';
import { errorCode } from '../../base/errors.js';
import { addressText } from '../../system/listen.js';
import { listenServer } from '../../system/listen-server.js';
import type { BoundAddress, Front } from '../front.js';
import type { HttpFrontOptions } from '../http/options.js';
import { REFUSAL, type Refusal } from '../http/refusal.js';
import type { Turns } from '../turns.js';
import { NodeConnection, NodeTools } from './connection.js';
import { Entrance } from './entrance.js';
import { HTTP_2, Http2Connections } from './http2-connection.js';
import { mayUpgrade, type NodeServer, newServer, parserWarning, protocolOf } from './server.js';

/** How often connections that wait for their client are looked at. */
const TICK_MS = 500;
/** How long a connection that was accepted before the stop may take to show its request. */
const ON_ITS_WAY_MS = 100;

export class NodeHttpFront implements Front {
  private readonly options: HttpFrontOptions;
  private readonly turns: Turns;
  private readonly server: NodeServer;
  private readonly entrance: Entrance;
  private readonly connections = new Map<Socket, NodeConnection>();
  private readonly http2: Http2Connections;
  /** Connections of either protocol. */
  private open = 0;
  private tools: NodeTools | undefined;
  private tick: NodeJS.Timeout | undefined;
  private onEmpty: (() => void) | undefined;

  constructor(options: HttpFrontOptions, turns: Turns) {
    this.options = options;
    this.turns = turns;
    const server = newServer(options, [HTTP_2]);
    this.http2 = new Http2Connections(options);
    this.entrance = new Entrance(server, options, (socket, peer) => this.adopt(socket, peer));
    server.on('request', this.onRequest);
    server.on('checkContinue', this.onRequest);
    server.on('checkExpectation', this.onRequest);
    server.on('connect', this.onConnect);
    server.on('upgrade', this.onUpgrade);
    server.on('clientError', this.onClientError);
    this.server = server;
  }

  async listen(): Promise<readonly BoundAddress[]> {
    const { address, listenBacklog, inherited } = this.options;
    const port = await listenServer(this.server, this.options, listenBacklog);
    this.tools = new NodeTools(this.options, this.turns, port);
    this.tick = setInterval(this.onTick, TICK_MS).unref();
    const protocol = this.options.tls === undefined ? 'http' : 'https';
    const warning = parserWarning();
    if (warning !== undefined) this.options.log(warning);
    const bound = { protocol, engine: 'node', address: addressText(address, port), port } as const;
    return [inherited === undefined ? bound : { ...bound, inherited: true }];
  }

  async close(): Promise<void> {
    const { server, tools } = this;
    if (tools !== undefined) tools.closing = true;
    // Closes idle connections, too; those with a response under way end with it.
    server.close();
    this.http2.announceClose();
    // What had arrived before, or was on its way, is read first.
    await sleep(ON_ITS_WAY_MS);
    this.entrance.destroy();
    this.http2.close();
    // Connections that have not sent a byte, as browsers keep them, are not idle to node:http.
    for (const socket of this.connections.keys()) if (socket.bytesRead === 0) socket.destroy();
    // Those that a worker has taken over end with it, later.
    if (this.open > 0) {
      await new Promise<void>((resolve) => {
        this.onEmpty = resolve;
      });
    }
    clearInterval(this.tick);
  }

  /** Speaks TLS with other files from the next connection on. Of an https front. */
  renewTls(tls: TlsOptions): void {
    if (this.server instanceof TlsServer) this.server.setSecureContext(tls);
  }

  destroy(): void {
    clearInterval(this.tick);
    this.entrance.destroy();
    this.server.close();
    this.server.closeAllConnections();
    this.http2.destroy();
  }

  private readonly onTick = (): void => {
    this.tools?.checkConnections();
    this.entrance.check(performance.now());
  };

  private readonly forget = (socket: Socket): void => {
    if (this.connections.delete(socket)) this.onClosed();
  };

  private readonly onClosed = (): void => {
    this.turns.dispatcher.counters.closed();
    this.open--;
    if (this.open === 0) this.onEmpty?.();
  };

  private adopt(socket: Socket, peer: Uint8Array): void {
    if (this.tools === undefined) return;
    this.turns.dispatcher.counters.accepted();
    this.open++;
    if (protocolOf(socket) === HTTP_2) this.http2.take(this.tools, socket, peer, this.onClosed);
    else this.connections.set(socket, new NodeConnection(this.tools, socket, peer, this.forget));
  }

  private readonly onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    this.connections.get(request.socket)?.onRequest(request, response);
  };

  /** node:http has done with the connection, whatever comes of the offer. */
  private readonly onUpgrade = (request: IncomingMessage, stream: Duplex, early: Buffer): void => {
    const socket = stream as Socket;
    const connection = this.connections.get(socket);
    if (connection === undefined || connection.isBusy) return void socket.destroy();
    if (mayUpgrade(request) && early.length === 0) return connection.onUpgrade(request, new ServerResponse(request));
    // The offer is declined (RFC 9110 section 7.8): the parser gets all of it once more, without it.
    connection.leave();
    socket.unshift(Buffer.concat([headWithoutUpgrade(request), early]));
    this.entrance.readmit(socket);
  };

  private readonly onConnect = (_request: IncomingMessage, socket: NodeJS.WritableStream): void => {
    this.connections.get(socket as Socket)?.refuseUnread(REFUSAL.NO_TUNNEL);
  };

  private readonly onClientError = (error: Error, socket: NodeJS.WritableStream): void => {
    const connection = this.connections.get(socket as Socket);
    if (connection === undefined) (socket as Socket).destroy();
    else connection.onParserError(refusalOf(errorCode(error)));
  };
}

function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  let head = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== 'upgrade') head += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  }
  return Buffer.from(`${head}\r\n`, 'latin1');
}

/** The answer to an error of node's parser; null where there is nobody to answer. */
function refusalOf(code: string): Refusal | null {
  if (code === 'HPE_HEADER_OVERFLOW') return REFUSAL.HEADERS_TOO_LARGE;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return REFUSAL.REQUEST_TIMEOUT;
  return code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE' ? REFUSAL.BAD_REQUEST : null;
}
