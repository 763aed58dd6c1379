// What an application of kind `fetch` sees beside its Request: the types.
import type { Vars } from '../vars.js';
import type { WebSocket } from './websocket.js';

/** The other end of the connection, in the form that Deno gives it. */
export interface RemoteAddress {
  readonly hostname: string;
  readonly port: number;
  readonly transport: 'tcp';
}

/**
 * The second argument of `fetch`, and the third: what Workers call `env` and `ctx`. In Hono, `c.env` and `c.executionCtx`.
 */
export interface FetchInfo {
  /** Of the client, as far as the web server in front tells: REMOTE_ADDR and REMOTE_PORT. */
  readonly remoteAddr: RemoteAddress;
  /** REMOTE_ADDR. */
  readonly address: string;
  /** The request's CGI variables. */
  readonly environ: Vars;
  /** Work that goes on after the response. A worker that is stopped waits for it, as it waits for a request; a rejection is logged. */
  waitUntil(promise: PromiseLike<unknown>): void;
  /**
   * Makes a WebSocket of the request, as the package ws has them, with `protocol` as its subprotocol; what `fetch` returns then
   * has no meaning. Rejects with a TypeError where the request does not ask for one, or came through a uwsgi socket.
   */
  upgradeWebSocket(protocol?: string): Promise<WebSocket>;
}

/** `this` is the object it was found on. */
export type FetchFunction = (request: Request, info: FetchInfo, context: FetchInfo) => Response | PromiseLike<Response>;
