// Servers of node:net and node:http on a listening socket: one of their own, or one that came with the start.
import type { AddressInfo, Server } from 'node:net';
import type { InheritedSocket } from './inherited.js';
import { type BindAddress, listenError, netListenOptions, removeStaleSocket } from './listen.js';
import { dressSocket, type SocketOwner } from './socket-files.js';

/** What to listen on. */
export interface ServerSocket {
  readonly address: BindAddress;
  /** Permission bits of a unix socket, or undefined for what umask leaves. */
  readonly chmodSocket: number | undefined;
  readonly chownSocket?: SocketOwner | undefined;
  /** The socket, if it came with the start. */
  readonly inherited?: InheritedSocket | undefined;
}

/** Resolves with the port that was bound, of a TCP address. Rejects with ERR_LISTEN or ERR_FILE. */
export async function listenServer(server: Server, socket: ServerSocket, backlog: number): Promise<number | undefined> {
  const { address, inherited, chmodSocket, chownSocket } = socket;
  if (address.kind === 'unix' && inherited === undefined) await removeStaleSocket(address.path);
  await new Promise<void>((resolve, reject) => {
    const onError = (cause: Error): void => reject(listenError(address, cause));
    server.once('error', onError);
    const done = () => {
      server.off('error', onError);
      resolve();
    };
    if (inherited === undefined) server.listen(netListenOptions(address, backlog), done);
    else server.listen({ fd: inherited.fd }, backlog, done);
  });
  if (address.kind === 'unix' && inherited === undefined) dressSocket(address.path, chmodSocket, chownSocket);
  return address.kind === 'tcp' ? (server.address() as AddressInfo).port : undefined;
}
