// A request of kind `fetch` that becomes a WebSocket. The only importer of ws, which speaks the protocol (RFC 6455).
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { RequestVars } from '../../protocol/request-vars.js';
import type { Exchange } from '../exchange.js';

export type { WebSocket };

/** See FetchInfo.upgradeWebSocket. */
export async function upgradeWebSocket(exchange: Exchange, protocol: string | undefined): Promise<WebSocket> {
  const { url, headers } = new RequestVars(exchange.packet, exchange.varsStart, exchange.varsEnd);
  if (!exchange.upgradable || headers.upgrade?.toLowerCase() !== 'websocket') {
    throw new TypeError('Cannot upgrade: the request does not ask for a WebSocket, or comes by a way that has none');
  }
  // Loaded by those who use it.
  const { WebSocketServer } = await import('ws');
  const socket = await exchange.takeConnection();
  return new Promise((resolve, reject) => {
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      handleProtocols: () => protocol ?? false,
    });
    server.on('wsClientError', (error) => {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      socket.resume();
      reject(error);
    });
    const request = { method: 'GET', url, headers } as unknown as IncomingMessage;
    server.handleUpgrade(request, socket, Buffer.alloc(0), resolve);
  });
}
