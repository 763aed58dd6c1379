// A listening socket of the main thread that shows what the server knows: bound as all others, with few connections and short
// deadlines, so that whoever looks cannot hold anything up.
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from 'node:net';
import type { InheritedSocket } from '../system/inherited.js';
import { addressText, type BindAddress, listenError, netListenOptions, removeStaleSocket } from '../system/listen.js';
import { dressSocket, type SocketOwner } from '../system/socket-files.js';

/** For one more than so many, the one goes that has been quiet for the longest: whoever holds on keeps nobody out. */
const CONNECTIONS_MAX = 64;
const BACKLOG = 64;
/** A client that neither sends nor reads for this long is dropped. */
const QUIET_MS = 10_000;
const HEAD_MS = 5000;

export interface ListenerOptions {
  readonly address: BindAddress;
  /** Permission bits of a unix socket, or undefined for what umask leaves. */
  readonly chmodSocket: number | undefined;
  readonly chownSocket: SocketOwner | undefined;
  /** The socket, if it came with the start. */
  readonly inherited: InheritedSocket | undefined;
}

/** One socket, from `listen` to `close`. */
export class Listener {
  private readonly options: ListenerOptions;
  private readonly server: Server;
  /** The one that has been quiet for the longest comes first. */
  private readonly sockets = new Set<Socket>();

  /** `serve` gets each connection. */
  static raw(options: ListenerOptions, serve: (socket: Socket) => void): Listener {
    return new Listener(options, createNetServer(serve));
  }

  /** `serve` gets each request. */
  static http(options: ListenerOptions, serve: RequestListener): Listener {
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

  private constructor(options: ListenerOptions, server: Server) {
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
    const { address, inherited, chmodSocket, chownSocket } = this.options;
    const { server } = this;
    if (address.kind === 'unix' && inherited === undefined) await removeStaleSocket(address.path);
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error): void => reject(listenError(address, cause));
      server.once('error', onError);
      const done = () => {
        server.off('error', onError);
        resolve();
      };
      if (inherited === undefined) server.listen(netListenOptions(address, BACKLOG), done);
      else server.listen({ fd: inherited.fd }, BACKLOG, done);
    });
    if (address.kind === 'unix' && inherited === undefined) dressSocket(address.path, chmodSocket, chownSocket);
    return addressText(address, address.kind === 'tcp' ? (server.address() as AddressInfo).port : undefined);
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
