// The `req` of an application: node's own IncomingMessage, filled from the packet, its body read from the exchange. What it
// does differently is set on the object itself, because Express and others put their own prototype in.
import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestVars } from '../../protocol/request-vars.js';
import type { RequestBody } from '../exchange.js';
import { NodeBody } from './body.js';
import type { RequestSocket } from './socket.js';

interface Hooks {
  _addHeaderLines(rawHeaders: readonly string[], count: number): void;
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
    const { protocol } = vars;
    const isHttp11 = protocol === 'HTTP/1.1';
    this.httpVersion = isHttp11 ? '1.1' : protocol.slice(5);
    this.httpVersionMajor = isHttp11 ? 1 : Number(protocol.charAt(5));
    this.httpVersionMinor = isHttp11 ? 1 : Number(protocol.charAt(7));
    this.method = vars.method;
    this.url = vars.url;
    const hooks = this as unknown as Hooks;
    // The list is also what headersDistinct is made of; `headers` is not made of it, as it is there already.
    hooks._addHeaderLines(vars.rawHeaders, vars.rawHeaders.length);
    this.headers = vars.headers;
    this[BODY] = new NodeBody(this, body, onBodyRead);
    hooks._read = readBody;
  }
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
