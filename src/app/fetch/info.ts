// The second argument of a fetch handler: what is known of a request beside the Request.
import type { Exchange } from '../exchange.js';
import type { Vars } from '../vars.js';
import type { FetchInfo, RemoteAddress } from './types.js';
import { upgradeWebSocket, type WebSocket } from './websocket.js';

/** One request's info. Everything is made when it is read. */
export class RequestInfo implements FetchInfo {
  readonly environ: Vars;
  readonly #exchange: Exchange;
  readonly #keep: (promise: PromiseLike<unknown>) => void;

  constructor(exchange: Exchange, environ: Vars, keep: (promise: PromiseLike<unknown>) => void) {
    this.#exchange = exchange;
    this.environ = environ;
    this.#keep = keep;
  }

  get address(): string {
    return this.environ.REMOTE_ADDR ?? '';
  }

  get remoteAddr(): RemoteAddress {
    return { hostname: this.address, port: Number(this.environ.REMOTE_PORT ?? 0), transport: 'tcp' };
  }

  upgradeWebSocket(protocol?: string): Promise<WebSocket> {
    return upgradeWebSocket(this.#exchange, protocol);
  }

  waitUntil(promise: PromiseLike<unknown>): void {
    this.#keep(promise);
  }
}
