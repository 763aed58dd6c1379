// The uwsgi front on node:net, for where the gateway cannot run: every platform, no native part. Main thread.
import { type AddressInfo, createServer, type Server } from 'node:net';
import { GATEWAY_CONNECTIONS_MAX, REPOLL_MS } from '../../base/limits.js';
import type { InheritedSocket } from '../../system/inherited.js';
import { addressText, type BindAddress, listenError, removeStaleSocket } from '../../system/listen.js';
import { dressSocket, type SocketOwner } from '../../system/socket-files.js';
import type { BoundAddress, Front } from '../front.js';
import type { LocalDesk } from '../local/desk.js';
import type { Turns } from '../turns.js';
import type { UwsgiLimits } from '../uwsgi-limits.js';
import { NetConnection } from './connection.js';

export interface NetOptions {
  readonly addresses: readonly BindAddress[];
  readonly backlog: number;
  readonly keepAlive: boolean;
  /** Permission bits of unix sockets, or undefined for what umask leaves. */
  readonly chmodSocket: number | undefined;
  readonly chownSocket?: SocketOwner | undefined;
  /** What need not be bound, because it came with the start. */
  readonly inherited?: ReadonlyMap<BindAddress, InheritedSocket>;
  readonly limits: UwsgiLimits;
  readonly turns: Turns;
  /** Gives the answers that need no worker. */
  readonly desk?: LocalDesk | undefined;
  log(line: string): void;
}

/** The portable uwsgi front. */
export class NetFront implements Front {
  private readonly options: NetOptions;
  private readonly servers: Server[] = [];
  private readonly connections = new Set<NetConnection>();
  private sweep: NodeJS.Timeout | undefined;
  private onEmpty: (() => void) | undefined;

  constructor(options: NetOptions) {
    this.options = options;
  }

  async listen(): Promise<readonly BoundAddress[]> {
    const bound: BoundAddress[] = [];
    try {
      for (const address of this.options.addresses) bound.push(await this.bind(address));
    } catch (error) {
      for (const server of this.servers) server.close();
      throw error;
    }
    this.sweep = setInterval(() => this.sweepTimeouts(), REPOLL_MS);
    return bound;
  }

  async close(): Promise<void> {
    for (const server of this.servers) server.close();
    if (this.connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.onEmpty = resolve;
      });
    }
    clearInterval(this.sweep);
  }

  destroy(): void {
    clearInterval(this.sweep);
    for (const server of this.servers) server.close();
    for (const connection of this.connections) connection.destroy();
  }

  private async bind(address: BindAddress): Promise<BoundAddress> {
    const inherited = this.options.inherited?.get(address);
    if (address.kind === 'unix' && inherited === undefined) await removeStaleSocket(address.path);
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: this.options.keepAlive });
    server.maxConnections = GATEWAY_CONNECTIONS_MAX;
    const isTcp = address.kind === 'tcp';
    server.on('connection', (socket) => this.connections.add(new NetConnection(socket, isTcp, this)));
    const port = await listen(server, address, this.options.backlog, inherited);
    this.servers.push(server);
    const bound = { protocol: 'uwsgi', engine: 'net', address: addressText(address, port), port } as const;
    if (inherited !== undefined) return { ...bound, inherited: true };
    const { chmodSocket, chownSocket } = this.options;
    if (address.kind === 'unix') dressSocket(address.path, chmodSocket, chownSocket);
    return bound;
  }

  get turns(): Turns {
    return this.options.turns;
  }

  get desk(): LocalDesk | undefined {
    return this.options.desk;
  }

  get limits(): UwsgiLimits {
    return this.options.limits;
  }

  log(line: string): void {
    this.options.log(line);
  }

  closed(connection: NetConnection): void {
    this.connections.delete(connection);
    if (this.connections.size === 0) this.onEmpty?.();
  }

  private sweepTimeouts(): void {
    // Not the dispatcher's clock: that stands still between its turns.
    const now = performance.now();
    for (const connection of this.connections) connection.onTick(now);
  }
}

/** Listens; the bound port of a TCP address. */
function listen(
  server: Server,
  address: BindAddress,
  backlog: number,
  inherited: InheritedSocket | undefined,
): Promise<number | undefined> {
  const where =
    address.kind === 'tcp'
      ? { host: address.host, port: address.port, ipv6Only: address.host.includes(':') }
      : { path: address.kind === 'unix' ? address.path : `\0${address.name}` };
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(listenError(address, cause)));
    const done = () => {
      const bound = server.address();
      resolve(address.kind === 'tcp' ? (bound as AddressInfo).port : undefined);
    };
    if (inherited === undefined) server.listen({ ...where, backlog, exclusive: true }, done);
    else server.listen({ fd: inherited.fd }, backlog, done);
  });
}
