// The gateway as the main thread sees it: binds the sockets, starts the thread, stops it. The thread itself is thread.ts.
import { chmodSync, unlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { BELL_WORDS } from '../../lane/bell.js';
import type { LaneMemory } from '../../lane/layout.js';
import { type Libc, SYS } from '../../system/libc.js';
import { addressText, type BindAddress, type ListenOptions, listenOn, removeStaleSocket } from '../../system/listen.js';
import { closeQuietly } from '../body-spool.js';
import type { BoundAddress, Front } from '../front.js';
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
  readonly limits: GatewayLimits;
  readonly front: number;
  readonly lanes: readonly LaneMemory[];
  log(line: string): void;
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
      for (const { address } of bound) if (address.startsWith('/')) unlinkSync(address);
      throw error;
    }
    this.startThread();
    return bound;
  }

  async close(): Promise<void> {
    this.setMode(GATEWAY_MODE.DRAIN);
    // Refuses new connections at once; the descriptors stay ours, because the thread may still look at them.
    for (const { fd } of this.sockets) this.libc.shutdown(fd, SYS.SHUT_RDWR);
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

  private async bind({ protocol, address }: GatewayAddress): Promise<BoundAddress> {
    if (address.kind === 'unix') await removeStaleSocket(address.path);
    const { fd, port } = listenOn(this.libc, address, this.options.listen);
    this.sockets.push({ fd, protocol, port });
    const { chmodSocket } = this.options;
    if (address.kind === 'unix' && chmodSocket !== undefined) chmodSync(address.path, chmodSocket);
    return { protocol, engine: 'epoll', address: addressText(address, port), port };
  }

  private startThread(): void {
    const { front, lanes, limits, log, onCrash } = this.options;
    const workerData: GatewayData = {
      front,
      lanes,
      limits,
      control: this.control.buffer as SharedArrayBuffer,
      bell: this.bell.memory,
      bellStart: 0,
      eventFd: this.bell.eventFd,
      listeners: this.sockets,
    };
    // What node was told to preload is for the application, not for this thread.
    const options = { workerData, name: 'gateway', execArgv: [] };
    const thread = new Worker(new URL('./thread.js', import.meta.url), options);
    thread.on('message', (message: GatewayMessage) => {
      if ('log' in message) log(message.log);
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
