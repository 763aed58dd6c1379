// The `res` of an application: node's own ServerResponse, whose output goes to the exchange instead of a socket. Everything
// an application sees, the checks, errors and events included, is node's; replaced is what _http_outgoing.js calls to put
// bytes on a connection. That is set on the object itself, because Express and others put their own prototype in.
import { ServerResponse } from 'node:http';
import { isNoTrailer } from '../../protocol/trailers.js';
import type { OutgoingInternals, WriteCallback } from './internals.js';
import type { NodeOutput } from './output.js';
import type { NodeRequest } from './request.js';
import { headersToSend } from './response-headers.js';
import type { RequestSocket } from './socket.js';

/** Where a response keeps its output. */
const OUTPUT = Symbol('fastwsgi-ts.output');

/** One response. */
export class NodeResponse extends ServerResponse<NodeRequest> {
  readonly [OUTPUT]: NodeOutput;

  constructor(request: NodeRequest, socket: RequestSocket, output: NodeOutput) {
    super(request);
    // Whether the connection goes on is the front's business, unless the application says so.
    this.shouldKeepAlive = true;
    this[OUTPUT] = output;
    const hooks = this as unknown as Hooks;
    hooks._storeHeader = storeHeader;
    hooks._send = send;
    hooks._writeRaw = dropInterim;
    hooks.end = end;
    hooks.addTrailers = addTrailers;
    (this as { socket: unknown }).socket = socket;
    socket._httpMessage = this;
  }
}

type NodeEnd = (this: object, chunk: unknown, encoding: unknown, callback: unknown) => unknown;
type Self = NodeResponse & OutgoingInternals;

interface Hooks {
  _storeHeader: typeof storeHeader;
  _send: typeof send;
  _writeRaw: typeof dropInterim;
  end: typeof end;
  addTrailers: typeof addTrailers;
}

function storeHeader(this: Self, statusLine: string, headers: unknown): void {
  // `HTTP/1.1 200 OK` and its line end.
  const { list, isChunked } = headersToSend(this, headers);
  this[OUTPUT].head(statusLine.slice(9, -2), list);
  this[OUTPUT].takesTrailers = isChunked;
  this._header = `${statusLine}\r\n`;
}

function send(this: Self, data: string | Uint8Array, encoding?: unknown, callback?: unknown): boolean {
  const done = typeof encoding === 'function' ? encoding : callback;
  const name = typeof encoding === 'string' ? (encoding as BufferEncoding) : null;
  return this[OUTPUT].send(data, name, typeof done === 'function' ? (done as WriteCallback) : null);
}

/** Interim responses (100, 102, 103): no front here can pass them on. */
function dropInterim(_data: unknown, encoding?: unknown, callback?: unknown): boolean {
  const done = typeof encoding === 'function' ? encoding : callback;
  if (typeof done === 'function') process.nextTick(done as WriteCallback);
  return true;
}

function end(this: Self, chunk: unknown, encoding: unknown, callback: unknown): unknown {
  const output = this[OUTPUT];
  if (this.finished) return (ServerResponse.prototype.end as NodeEnd).call(this, chunk, encoding, callback);
  output.hold();
  try {
    return (ServerResponse.prototype.end as NodeEnd).call(this, chunk, encoding, callback);
  } finally {
    if (this.finished && this._trailer !== '') output.trailers(this._trailer);
    output.endHold(this.finished);
  }
}

function addTrailers(this: Self, headers: unknown): void {
  const before = this._trailer;
  (ServerResponse.prototype.addTrailers as (this: object, headers: unknown) => void).call(this, headers);
  const names = this._trailer.slice(before.length).match(/^[^:]+/gm) ?? [];
  const forbidden = names.find((name) => isNoTrailer(name.trim()));
  if (forbidden === undefined) return;
  this._trailer = before;
  throw Object.assign(new TypeError(`Cannot send ${forbidden} as a trailer`), { code: 'ERR_HTTP_TRAILER_INVALID' });
}
