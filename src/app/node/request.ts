// The `req` of an application: node's own IncomingMessage, filled from the packet, its body read from the exchange. What it
// does differently is set on the object itself, because Express and others put their own prototype in.
import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestVars } from '../../protocol/request-vars.js';
import { trailerPairs } from '../../protocol/trailers.js';
import type { RequestBody } from '../exchange.js';
import { NodeBody } from './body.js';
import type { RequestSocket } from './socket.js';

interface Hooks {
  _consuming: boolean;
  readonly _readableState: { readingMore: boolean };
  _read: typeof readBody;
}

/** Where a request keeps its body's reader. */
export const BODY = Symbol('fastwsgi-ts.body');

/** One request. */
export class NodeRequest extends IncomingMessage {
  readonly [BODY]: NodeBody;

  /** `onBodyRead`: nothing of the body is left in the exchange. */
  constructor(vars: RequestVars, socket: RequestSocket, body: RequestBody | null, onBodyRead: () => void) {
    super(socket as unknown as Socket);
    describeRequest(this, vars);
    this[BODY] = new NodeBody(this, body, onBodyRead);
    (this as unknown as Hooks)._read = readBody;
  }
}

/** Fills in the request line and the headers. */
export function describeRequest(request: IncomingMessage, vars: RequestVars): void {
  const { protocol } = vars;
  const isHttp11 = protocol === 'HTTP/1.1';
  request.httpVersion = isHttp11 ? '1.1' : protocol.slice(5);
  request.httpVersionMajor = isHttp11 ? 1 : Number(protocol.charAt(5));
  request.httpVersionMinor = isHttp11 ? 1 : Number(protocol.charAt(7));
  request.method = vars.method;
  request.url = vars.url;
  // The list is also what headersDistinct is made of; `headers` is not made of it, as it is there already.
  addHeaderLines(request, vars.rawHeaders);
  request.headers = vars.headers;
}

/** All of the request is there, and what stands behind its body. */
export function completeRequest(request: IncomingMessage, trailers: string): void {
  request.complete = true;
  // Of a request that is complete, node takes them for trailers.
  if (trailers !== '') addHeaderLines(request, trailerPairs(trailers).flat());
}

function addHeaderLines(request: IncomingMessage, list: readonly string[]): void {
  const internals = request as unknown as { _addHeaderLines(rawHeaders: readonly string[], count: number): void };
  internals._addHeaderLines(list, list.length);
}

function readBody(this: NodeRequest): void {
  const hooks = this as unknown as Hooks;
  if (!hooks._consuming) {
    // As node's own does: until then IncomingMessage keeps its stream from asking for more.
    hooks._readableState.readingMore = false;
    hooks._consuming = true;
  }
  this[BODY].read();
}
