// What applications know as `req.socket`. The connection is the front's: this stands for it while one request lasts, tells
// its addresses, and hears of its end. It is what node:http's own classes ask of a socket, and no stream.
import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import { getDefaultHighWaterMark } from 'node:stream';
import type { RequestVars } from '../../protocol/request-vars.js';

const HIGH_WATER_MARK = getDefaultHighWaterMark(false);

/** What the socket is written to: the output of its response. */
export interface SocketOutput {
  /** Bytes that were written and have not been handed on. */
  readonly bytesHeld: number;
  corked: number;
  uncork(): void;
}

/** Whoever runs the request that a socket stands for. */
export interface SocketOwner {
  readonly output: SocketOutput;
  readonly response: EventEmitter;
  /** The application destroyed the socket, the request or the response. */
  onDestroyed(error: Error | undefined): void;
}

/** One request's view of its connection. */
export class RequestSocket extends EventEmitter {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly encrypted: boolean;
  /** The http.Server of an application that calls `listen()` itself. */
  readonly server: Server | null;
  /** By these names node:http looks for its response, and whether it broke off. */
  _httpMessage: object | null = null;
  _hadError = false;
  readonly readableHighWaterMark = HIGH_WATER_MARK;
  readonly writableHighWaterMark = HIGH_WATER_MARK;
  readonly connecting = false;
  readonly pending = false;
  destroyed = false;
  bytesRead = 0;
  bytesWritten = 0;
  timeout: number | undefined = undefined;
  private readonly owner: SocketOwner;
  private timer: NodeJS.Timeout | null = null;

  constructor(vars: RequestVars, server: Server | null, owner: SocketOwner) {
    super();
    this.remoteAddress = vars.remoteAddress === '' ? undefined : vars.remoteAddress;
    this.remotePort = vars.remotePort === '' ? undefined : Number(vars.remotePort);
    this.remoteFamily = familyOf(vars.remoteAddress);
    this.localAddress = vars.serverAddress === '' ? undefined : vars.serverAddress;
    this.localPort = vars.serverPort === '' ? undefined : Number(vars.serverPort);
    this.encrypted = vars.encrypted;
    this.server = server;
    this.owner = owner;
  }

  get readable(): boolean {
    return !this.destroyed;
  }

  get writable(): boolean {
    return !this.destroyed;
  }

  get readyState(): string {
    return this.destroyed ? 'closed' : 'open';
  }

  get closed(): boolean {
    return this.destroyed;
  }

  get localFamily(): string | undefined {
    return familyOf(this.localAddress ?? '');
  }

  get writableLength(): number {
    return this.owner.output.bytesHeld;
  }

  get writableCorked(): number {
    return this.owner.output.corked;
  }

  /** node:http sets `corked` in there. */
  get _writableState(): SocketOutput {
    return this.owner.output;
  }

  address(): { address?: string | undefined; family?: string | undefined; port?: number | undefined } {
    if (this.localAddress === undefined) return {};
    return { address: this.localAddress, family: this.localFamily, port: this.localPort };
  }

  cork(): void {
    this.owner.output.corked++;
  }

  uncork(): void {
    this.owner.output.uncork();
  }

  /** Calls back, and emits 'timeout', when nothing was written for `ms`. 0 ends it. */
  setTimeout(ms: number, callback?: () => void): this {
    this.timeout = ms;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = ms === 0 ? null : setTimeout(() => this.onTimeout(), ms).unref();
    if (callback === undefined) return this;
    if (ms === 0) this.removeListener('timeout', callback);
    else this.once('timeout', callback);
    return this;
  }

  /** As node:http: whoever listens decides; when nobody does, the connection is cut. */
  private onTimeout(): void {
    const { server } = this;
    const heard = [this.owner.response, server].map((emitter) => emitter?.emit('timeout', this) === true);
    const isHeard = this.emit('timeout') || heard.includes(true);
    if (!isHeard) this.destroy();
  }

  /** Something was written: the timeout starts anew. */
  touch(): void {
    this.timer?.refresh();
  }

  /** Cuts the connection, unless the response is complete. */
  destroy(error?: Error): this {
    if (this.destroyed) return this;
    this.owner.onDestroyed(error);
    return this;
  }

  destroySoon(): void {
    this.destroy();
  }

  resetAndDestroy(): this {
    return this.destroy();
  }

  /** The connection goes on, or not, as the front has it. */
  end(): this {
    return this;
  }

  write(): never {
    throw new Error('Cannot write to the socket of a request: its connection belongs to the server; use the response');
  }

  /** The request is over, or its client has gone. */
  close(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.setTimeout(0);
    this.emit('close', false);
  }

  // What concerns the connection itself is the front's.

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setEncoding(): this {
    return this;
  }

  pause(): this {
    return this;
  }

  resume(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

function familyOf(address: string): string | undefined {
  if (address === '') return undefined;
  return address.includes(':') ? 'IPv6' : 'IPv4';
}
