// Passes a client's connection on to the worker that has taken it over: byte by byte, from either side to the other.
import { connect, type Socket } from 'node:net';
import type { TunnelTicket } from '../../lane/tunnel-ticket.js';

/** From here on both ends live and die together. */
export function joinTunnel(client: Socket, { port, token }: TunnelTicket): void {
  const worker = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  worker.write(token, 'latin1');
  client.setNoDelay(true);
  for (const [socket, other] of [
    [client, worker],
    [worker, client],
  ] as const) {
    // 'close' follows.
    socket.on('error', () => {});
    // With what it still has to say said.
    socket.on('close', () => other.destroySoon());
    socket.pipe(other);
  }
}
