// Where a front without descriptors brings the connections that an application takes over: a socket on loopback, opened when
// the first one is wanted. Who does not show the token of a ticket at once is not the front.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { TUNNEL_TOKEN_BYTES, type TunnelTicket } from '../lane/tunnel-ticket.js';

/** How long the front may take to bring a connection. */
const ARRIVAL_MS = 5000;

/** A ticket, and the connection that it stands for. */
export interface Expected {
  readonly ticket: TunnelTicket;
  /** Rejects when it does not come. */
  readonly socket: Promise<Socket>;
}

export class Tunnel {
  private server: Promise<Server> | undefined;
  private readonly expected = new Map<string, (socket: Socket) => void>();

  async expect(): Promise<Expected> {
    this.server ??= this.listen();
    const { port } = (await this.server).address() as AddressInfo;
    const token = randomBytes(TUNNEL_TOKEN_BYTES / 2).toString('hex');
    const socket = new Promise<Socket>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.expected.delete(token);
        reject(new Error('The connection is gone'));
      }, ARRIVAL_MS);
      this.expected.set(token, (arrived) => {
        clearTimeout(timer);
        this.expected.delete(token);
        resolve(arrived);
      });
    });
    return { ticket: { port, token }, socket };
  }

  private async listen(): Promise<Server> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.welcome(socket));
    server.listen(0, '127.0.0.1').unref();
    await once(server, 'listening');
    return server;
  }

  private welcome(socket: Socket): void {
    const stranger = setTimeout(() => socket.destroy(), ARRIVAL_MS);
    socket.on('error', () => {});
    const onReadable = () => {
      const token = socket.read(TUNNEL_TOKEN_BYTES) as Buffer | null;
      if (token === null) return;
      clearTimeout(stranger);
      socket.off('readable', onReadable);
      const arrive = this.expected.get(token.toString('latin1'));
      if (arrive === undefined) socket.destroy();
      else arrive(socket);
    };
    socket.on('readable', onReadable);
  }
}
