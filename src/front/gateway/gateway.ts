// The gateway as the main thread sees it: binds the sockets, starts the thread, stops it. The thread itself is thread.ts.
import { unlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { BELL_WORDS } from '../../lane/bell.js';
import type { LaneMemory } from '../../lane/layout.js';
import { adoptForGateway, type InheritedSocket } from '../../system/inherited.js';
import { type Libc, SYS } from '../../system/libc.js';
import {
  addressText,
  type BindAddress,
  boundPort,
  type ListenOptions,
  listenOn,
  removeStaleSocket,
} from '../../system/listen.js';
import { dressSocket, type SocketOwner } from '../../system/socket-files.js';
import { closeQuietly } from '../body-spool.js';
import type { BoundAddress, Front } from '../front.js';
import type { LocalSetup } from '../local/desk.js';
import type { ProxyOptions } from '../proxy-trust.js';
import {
  GATEWAY_CONTROL,
  GATEWAY_MODE,
  type GatewayData,
  type GatewayLimits,
  type GatewayListener,
  type GatewayMessage,
} from './control.js';

export interface GatewayAddress {
  readonly protocol: 'uwsgi' | 'http';
  readonly address: BindAddress;
}

export interface GatewayOptions {
  readonly addresses: readonly GatewayAddress[];
  readonly listen: ListenOptions;
  /** Permission bits of unix sockets, or undefined for what umask leaves. */
  readonly chmodSocket: number | undefined;
  readonly chownSocket?: SocketOwner | undefined;
  /** What need not be bound, because it came with the start. */
  readonly inherited?: ReadonlyMap<BindAddress, InheritedSocket>;
  readonly limits: GatewayLimits;
  readonly proxies: ProxyOptions;
  readonly front: number;
  readonly lanes: readonly LaneMemory[];
  readonly counters: SharedArrayBuffer;
  /** What is answered without a worker. */
  readonly local?: LocalSetup | undefined;
  log(line: string): void;
  /** Takes request lines, which hold no control characters of a client's. */
  logRequests?(lines: string): void;
  /** The thread died of a bug of ours: the server cannot go on. */
  onCrash(error: Error): void;
}

/** Where a worker finds the bell of a front whose sleeper waits on an eventfd. */
export interface GatewayBell {
  readonly memory: SharedArrayBuffer;
  readonly eventFd: number;
}

/** The uwsgi and HTTP front on Linux. */
export class GatewayFront implements Front {
  readonly bell: GatewayBell;
  private readonly libc: Libc;
  private readonly options: GatewayOptions;
  private readonly control = new Int32Array(new SharedArrayBuffer(64));
  private sockets: GatewayListener[] = [];
  /** Listening sockets that others go on using. */
  private readonly outliving = new Set<number>();
  private thread: Worker | undefined;
  private ended: Promise<void> = Promise.resolve();
  private released = false;

  constructor(libc: Libc, options: GatewayOptions) {
    this.libc = libc;
    this.options = options;
    this.bell = {
      memory: new SharedArrayBuffer(BELL_WORDS * 4),
      eventFd: libc.eventfd(0, SYS.EFD_NONBLOCK | SYS.EFD_CLOEXEC),
    };
  }

  async listen(): Promise<readonly BoundAddress[]> {
    const bound: BoundAddress[] = [];
    try {
      for (const address of this.options.addresses) bound.push(await this.bind(address));
    } catch (error) {
      this.closeSockets();
      for (const { address, inherited } of bound) if (address.startsWith('/') && !inherited) unlinkSync(address);
      throw error;
    }
    return bound;
  }

  start(): void {
    this.startThread();
  }

  async close(): Promise<void> {
    this.setMode(GATEWAY_MODE.DRAIN);
    // Refuses new connections at once; the descriptors stay ours, because the thread may still look at them.
    for (const { fd } of this.sockets) if (!this.outliving.has(fd)) this.libc.shutdown(fd, SYS.SHUT_RDWR);
    await this.ended;
    this.closeSockets();
  }

  destroy(): void {
    this.setMode(GATEWAY_MODE.END);
    void this.ended.then(() => this.closeSockets());
  }

  /** Gives up the bell, once the thread has ended; all that ring it have to have ended before. */
  async release(): Promise<void> {
    await this.ended;
    if (this.released) return;
    this.released = true;
    this.libc.close(this.bell.eventFd);
  }

  /** Makes the thread look at its lanes: one of them has died, or is ready. */
  wake(): void {
    if (!this.released) this.libc.write(this.bell.eventFd, ONE, ONE.length);
  }

  /** Resolves when the thread judges requests by these rules, or has ended. */
  async adoptRules(local: LocalSetup): Promise<void> {
    const { thread, control } = this;
    if (thread === undefined) return;
    const adopted = Atomics.load(control, GATEWAY_CONTROL.ADOPTED);
    thread.postMessage(local);
    Atomics.add(control, GATEWAY_CONTROL.SETUPS, 1);
    this.wake();
    await Promise.race([this.ended, Atomics.waitAsync(control, GATEWAY_CONTROL.ADOPTED, adopted).value]);
  }

  private async bind({ protocol, address }: GatewayAddress): Promise<BoundAddress> {
    const inherited = this.options.inherited?.get(address);
    if (inherited !== undefined) return this.adopt(protocol, address, inherited);
    if (address.kind === 'unix') await removeStaleSocket(address.path);
    const { fd, port } = listenOn(this.libc, address, this.options.listen);
    this.sockets.push({ fd, protocol, port });
    const { chmodSocket, chownSocket } = this.options;
    if (address.kind === 'unix') dressSocket(address.path, chmodSocket, chownSocket);
    return { protocol, engine: 'epoll', address: addressText(address, port), port };
  }

  private adopt(protocol: 'uwsgi' | 'http', address: BindAddress, { fd, outlivesUs }: InheritedSocket): BoundAddress {
    adoptForGateway(this.libc, address, fd, this.options.listen);
    const port = address.kind === 'tcp' ? boundPort(this.libc, fd) : undefined;
    this.sockets.push({ fd, protocol, port });
    if (outlivesUs) this.outliving.add(fd);
    return { protocol, engine: 'epoll', address: addressText(address, port), port, inherited: true };
  }

  private startThread(): void {
    const { front, lanes, counters, limits, proxies, local, log, onCrash } = this.options;
    const workerData: GatewayData = {
      front,
      lanes,
      counters,
      limits,
      proxies,
      local,
      control: this.control.buffer as SharedArrayBuffer,
      bell: this.bell.memory,
      bellStart: 0,
      eventFd: this.bell.eventFd,
      listeners: this.sockets,
    };
    const options = {
      workerData,
      name: 'gateway',
      // What node was told to preload is for the application, not for this thread.
      execArgv: [],
      // Files that the thread opened and the main thread closed would be closed again when it exits: by numbers that
      // are somebody else's by then.
      trackUnmanagedFds: false,
    };
    const thread = new Worker(new URL('./thread.js', import.meta.url), options);
    thread.on('message', (message: GatewayMessage) => {
      if ('log' in message) log(message.log);
      else if ('requests' in message) this.options.logRequests?.(message.requests);
      else closeQuietly(message.close);
    });
    this.ended = new Promise((resolve) => {
      thread.once('exit', () => resolve());
    });
    thread.once('error', onCrash);
    this.thread = thread;
  }

  private setMode(mode: number): void {
    Atomics.store(this.control, GATEWAY_CONTROL.MODE, mode);
    if (this.thread !== undefined) this.wake();
  }

  private closeSockets(): void {
    for (const { fd } of this.sockets) this.libc.close(fd);
    this.sockets = [];
  }
}

const ONE = Buffer.from(BigUint64Array.of(1n).buffer);
