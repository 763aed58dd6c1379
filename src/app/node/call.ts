// The life of one request of kind `node`: request, response and socket in the application's hands, and who is told when it
// ends. It ends once: the response is complete, the client has gone, or the application failed or cut the connection.
import type { Server } from 'node:http';
import { escapePath } from '../../protocol/request-target.js';
import { RequestVars } from '../../protocol/request-vars.js';
import type { Exchange, WorkerContext } from '../exchange.js';
import { isThenable } from '../values.js';
import { type OutgoingInternals, takeNeedDrain } from './internals.js';
import { NodeOutput, type OutputOwner } from './output.js';
import { BODY, completeRequest, NodeRequest } from './request.js';
import { NodeResponse } from './response.js';
import { RequestSocket, type SocketOwner } from './socket.js';

/** What answers requests; its result is looked at only if it is a promise that rejects. */
export type NodeListener = (request: NodeRequest, response: NodeResponse) => unknown;

/** What is the same for all requests of an application. */
export interface CallServer {
  readonly context: WorkerContext;
  /** Of an application that calls `listen()` itself. */
  readonly server: Server | null;
}

/** One request. */
export class NodeCall implements SocketOwner, OutputOwner {
  readonly socket: RequestSocket;
  readonly output: NodeOutput;
  readonly request: NodeRequest;
  readonly response: NodeResponse;
  private readonly exchange: Exchange;
  private readonly server: CallServer;
  private readonly trailers: string;
  private over = false;
  private failed = false;
  private failure: unknown = undefined;
  private settle: (() => void) | null = null;

  constructor(exchange: Exchange, server: CallServer) {
    this.exchange = exchange;
    this.server = server;
    const { mountPoint } = exchange;
    const vars = new RequestVars(exchange.packet, exchange.varsStart, exchange.varsEnd, mountPoint);
    this.trailers = vars.trailers;
    this.socket = new RequestSocket(vars, server.server, this);
    this.output = new NodeOutput(exchange.response, this.socket.writableHighWaterMark, this);
    // A body says so in its head, whichever front it came through.
    const body = typeof vars.headers['content-length'] === 'string' ? exchange.body : null;
    this.request = new NodeRequest(vars, this.socket, body, () => this.output.flush());
    // As Connect and Express have it for what is mounted in them: redirects and links go on from there.
    if (mountPoint !== '') {
      Object.assign(this.request, { baseUrl: escapePath(mountPoint), originalUrl: vars.originalUrl });
    }
    this.response = new NodeResponse(this.request, this.socket, this.output);
    exchange.onAbort = () => this.onClientGone();
  }

  /** Runs the request to its end. Throws, or rejects, with the application's error. */
  run(listener: NodeListener): void | Promise<void> {
    try {
      const result = listener(this.request, this.response);
      if (isThenable(result)) result.then(undefined, (error: unknown) => this.onFailed(error));
    } catch (error) {
      this.onFailed(error);
    }
    // As in node:http, a request is complete when its listener has returned.
    completeRequest(this.request, this.trailers);
    if (!this.over) {
      return new Promise((resolve, reject) => {
        this.settle = () => (this.failed ? reject(this.failure) : resolve());
      });
    }
    if (this.failed) throw this.failure;
  }

  // ---- what it hears of its response, its request and its socket

  /** An application that reads the body while it answers, or after, goes on: what the slot holds is not given back before. */
  mayEnd(): boolean {
    return this.request[BODY].finish();
  }

  onEnded(): void {
    this.end();
    process.nextTick(() => this.finish());
  }

  onFailed(error: unknown): void {
    if (this.over) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.server.context.log(`The application failed after the end of its request: ${text}`);
      return;
    }
    this.failed = true;
    this.failure = error;
    this.breakOff();
  }

  onDestroyed(error: Error | undefined): void {
    if (this.over) return;
    this.onFailed(error ?? new Error('The application destroyed the connection before its response was complete'));
  }

  emitDrain(): void {
    this.socket.touch();
    if (takeNeedDrain(this.response)) process.nextTick(() => this.response.emit('drain'));
  }

  private onClientGone(): void {
    if (!this.over) this.breakOff();
  }

  // ---- how it ends

  private end(): void {
    this.over = true;
    this.exchange.onAbort = null;
    this.settle?.();
  }

  /** In the order of node:http: what it does itself, 'finish', and 'close' a tick later. */
  private finish(): void {
    const { request, response, socket } = this;
    request[BODY].dumpUnlessRead();
    (response as { socket: unknown }).socket = null;
    socket._httpMessage = null;
    this.output.runCallbacks();
    process.nextTick(() => {
      emitClose(response);
      socket.close();
    });
  }

  /** Not from here: this may be in the middle of a write. */
  private breakOff(): void {
    this.end();
    process.nextTick(() => this.tellOfBreak());
  }

  private tellOfBreak(): void {
    const { request, response, socket } = this;
    socket.destroyed = true;
    socket._hadError = true;
    this.output.abandon(connectionReset('write after the end of the connection'));
    request.destroy(connectionReset('aborted'));
    emitClose(response);
    socket.close();
  }
}

function emitClose(response: NodeResponse): void {
  const internals = response as unknown as OutgoingInternals;
  if (internals._closed) return;
  internals.destroyed = true;
  internals._closed = true;
  response.emit('close');
}

function connectionReset(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}
