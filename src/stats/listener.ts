// A listening socket of the main thread that shows what the server knows: bound as all others, with few connections and short
// deadlines, so that whoever looks cannot hold anything up.
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createNetServer, type Server, type Socket } from 'node:net';
import { addressText } from '../system/listen.js';
import { listenServer, type ServerSocket } from '../system/listen-server.js';

/** For one more than so many, the one goes that has been quiet for the longest: whoever holds on keeps nobody out. */
const CONNECTIONS_MAX = 64;
const BACKLOG = 64;
/** A client that neither sends nor reads for this long is dropped. */
const QUIET_MS = 10_000;
const HEAD_MS = 5000;

/** One socket, from `listen` to `close`. */
export class Listener {
  private readonly options: ServerSocket;
  private readonly server: Server;
  /** The one that has been quiet for the longest comes first. */
  private readonly sockets = new Set<Socket>();

  /** `serve` gets each connection. */
  static raw(options: ServerSocket, serve: (socket: Socket) => void): Listener {
    return new Listener(options, createNetServer(serve));
  }

  /** `serve` gets each request. */
  static http(options: ServerSocket, serve: RequestListener): Listener {
    const server = createHttpServer(
      {
        headersTimeout: HEAD_MS,
        requestTimeout: QUIET_MS,
        connectionsCheckingInterval: 1000,
        keepAliveTimeout: QUIET_MS,
      },
      serve,
    );
    return new Listener(options, server);
  }

  private constructor(options: ServerSocket, server: Server) {
    this.options = options;
    this.server = server;
    server.on('connection', (socket: Socket) => {
      this.makeRoom();
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
      // Whatever the error, 'close' follows.
      socket.on('error', () => {});
      socket.setTimeout(QUIET_MS, () => socket.destroy());
    });
    server.on('request', ({ socket }: IncomingMessage) => {
      if (this.sockets.delete(socket)) this.sockets.add(socket);
    });
  }

  /** Resolves with the address that was bound. Rejects with ERR_LISTEN or ERR_FILE. */
  async listen(): Promise<string> {
    const { address } = this.options;
    return addressText(address, await listenServer(this.server, this.options, BACKLOG));
  }

  private makeRoom(): void {
    if (this.sockets.size < CONNECTIONS_MAX) return;
    for (const socket of this.sockets) {
      this.sockets.delete(socket);
      socket.destroy();
      return;
    }
  }

  /** Refuses new connections, and ends those there are. */
  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}
