// The HTTP front on uWebSockets.js. What the library (20.30) does not do, and nothing here can make up for: HTTP/1.0, targets
// other than a path, methods outside of RFC 9110, REMOTE_PORT. A request it cannot parse (a header name with an underscore is
// enough) gets no answer, and its connection ends after ten seconds, as does one that is idle or stalled; pipelining closes
// the connection; headers over 4096 bytes are taken only in one piece; bytes above 127 at the ends of a header's value are lost.
// Chunked requests it would take, and take wrongly: they are answered 411. Responses always carry its own Date.
import { addressText, listenError, removeStaleSocket } from '../../system/listen.js';
import { dressSocket } from '../../system/socket-files.js';
import type { BoundAddress, Front } from '../front.js';
import { whyNotBound } from '../http/bind.js';
import type { HttpFrontOptions } from '../http/options.js';
import type { Turns } from '../turns.js';
import type { Uws, UwsApp, UwsRequest, UwsResponse } from './api.js';
import { UwsExchange, UwsTools } from './exchange.js';

export class UwsFront implements Front {
  private readonly uws: Uws;
  private readonly options: HttpFrontOptions;
  private readonly turns: Turns;
  private readonly app: UwsApp;
  private tools: UwsTools | undefined;
  private socket: unknown;

  constructor(uws: Uws, options: HttpFrontOptions, turns: Turns) {
    this.uws = uws;
    this.options = options;
    this.turns = turns;
    this.app = uws.App().any('/*', this.onRequest);
  }

  async listen(): Promise<readonly BoundAddress[]> {
    const { address, chmodSocket, chownSocket } = this.options;
    const { uws } = this;
    // The library replaces whatever is at a unix path.
    if (address.kind === 'unix') await removeStaleSocket(address.path);
    const socket = await this.bind();
    if (!socket) throw listenError(address, await whyNotBound(address));
    this.socket = socket;
    if (address.kind === 'unix') dressSocket(address.path, chmodSocket, chownSocket);
    const port = address.kind === 'tcp' ? uws.us_socket_local_port(socket) : undefined;
    this.tools = new UwsTools(this.options, this.turns, port);
    return [{ protocol: 'http', engine: 'uws', address: addressText(address, port), port }];
  }

  async close(): Promise<void> {
    const { tools } = this;
    this.closeListener();
    if (tools === undefined) return;
    tools.closing = true;
    if (tools.active > 0) {
      await new Promise<void>((resolve) => {
        tools.onIdle = resolve;
      });
    }
    // What was answered last is on its way; a turn later only idle connections are left.
    await new Promise(setImmediate);
    this.destroy();
  }

  destroy(): void {
    this.closeListener();
    this.app.close?.();
  }

  private bind(): Promise<unknown> {
    const { app, uws } = this;
    const { address } = this.options;
    return new Promise((resolve) => {
      if (address.kind === 'tcp') app.listen(address.host, address.port, uws.LIBUS_LISTEN_EXCLUSIVE_PORT, resolve);
      else if (address.kind === 'unix') app.listen_unix(resolve, address.path);
      // It would take the name for an empty path, and listen where nobody looks.
      else resolve(false);
    });
  }

  private closeListener(): void {
    if (this.socket) this.uws.us_listen_socket_close(this.socket);
    this.socket = undefined;
  }

  private readonly onRequest = (response: UwsResponse, request: UwsRequest): void => {
    const { tools } = this;
    if (tools === undefined) {
      response.close();
      return;
    }
    const exchange = tools.spare.pop() ?? new UwsExchange(tools);
    exchange.open(response, request);
  };
}
