// A request that offers another protocol, such as WebSocket: as in node:http, whoever listens for 'upgrade' gets the
// connection itself and answers on it; when nobody listens, the offer is ignored.
import { IncomingMessage, type Server } from 'node:http';
import { RequestVars } from '../../protocol/request-vars.js';
import type { Exchange } from '../exchange.js';
import { describeRequest } from './request.js';

export function isForUpgrade(exchange: Exchange, server: Server | null): server is Server {
  return exchange.upgradable && server !== null && server.listenerCount('upgrade') > 0;
}

/** Takes the connection of a request that is for upgrade, and emits 'upgrade'. */
export async function emitUpgrade(exchange: Exchange, server: Server): Promise<void> {
  const vars = new RequestVars(exchange.packet, exchange.varsStart, exchange.varsEnd);
  const socket = await exchange.takeConnection();
  const request = new IncomingMessage(socket);
  describeRequest(request, vars);
  request.push(null);
  request.complete = true;
  server.emit('upgrade', Object.assign(request, { upgrade: true }), socket, Buffer.alloc(0));
}
