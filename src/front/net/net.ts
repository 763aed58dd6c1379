// The uwsgi front on node:net, for where the gateway cannot run: every platform, no native part. Main thread.

import { createServer, type Server } from 'node:net';
import { performance } from 'node:perf_hooks';
import { GATEWAY_CONNECTIONS_MAX, REPOLL_MS } from '../../base/limits.js';
import type { InheritedSocket } from '../../system/inherited.js';
import { addressText, type BindAddress } from '../../system/listen.js';
import { listenServer } from '../../system/listen-server.js';
import type { SocketOwner } from '../../system/socket-files.js';
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
    const { keepAlive, backlog, chmodSocket, chownSocket } = this.options;
    const inherited = this.options.inherited?.get(address);
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive });
    server.maxConnections = GATEWAY_CONNECTIONS_MAX;
    const isTcp = address.kind === 'tcp';
    server.on('connection', (socket) => {
      this.turns.dispatcher.counters.accepted();
      this.connections.add(new NetConnection(socket, isTcp, this));
    });
    this.servers.push(server);
    const port = await listenServer(server, { address, chmodSocket, chownSocket, inherited }, backlog);
    const bound = { protocol: 'uwsgi', engine: 'net', address: addressText(address, port), port } as const;
    return inherited === undefined ? bound : { ...bound, inherited: true };
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
    if (this.connections.delete(connection)) this.turns.dispatcher.counters.closed();
    if (this.connections.size === 0) this.onEmpty?.();
  }

  private sweepTimeouts(): void {
    // Not the dispatcher's clock: that stands still between its turns.
    const now = performance.now();
    for (const connection of this.connections) connection.onTick(now);
  }
}
