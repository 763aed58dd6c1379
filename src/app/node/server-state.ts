// What an http.Server that was adopted tells its application: that it listens, where, and when it was closed.
import type { Server } from 'node:http';

export type AdoptedServer = Server;

type Callback = (error?: Error) => void;

const states = new WeakMap<object, AdoptedState>();

/** Stands for the handle that the server does not have. */
export class AdoptedState {
  isOpen = false;
  private readonly server: AdoptedServer;

  /** `address`: the server's own first address, as the log shows it. */
  constructor(server: AdoptedServer, address: string) {
    this.server = server;
    states.set(server, this);
    const bound = addressOf(address);
    Object.defineProperties(server, {
      listening: { configurable: true, get: () => this.isOpen },
      address: { configurable: true, writable: true, value: () => (this.isOpen ? bound : null) },
      close: { configurable: true, writable: true, value: (callback?: Callback) => this.close(callback) },
    });
  }

  static of(server: object): AdoptedState | undefined {
    return states.get(server);
  }

  /** `listen(…)`: the last argument may be called back. 'listening' follows in the next tick. */
  open(args: readonly unknown[]): void {
    if (this.isOpen)
      throw failure('ERR_SERVER_ALREADY_LISTEN', 'Listen method has been called more than once without closing.');
    this.isOpen = true;
    const callback = args.at(-1);
    if (typeof callback === 'function') this.server.once('listening', callback as () => void);
    const { signal } = (args[0] ?? {}) as { readonly signal?: AbortSignal };
    if (signal?.aborted) this.close();
    else signal?.addEventListener?.('abort', () => this.close());
    process.nextTick(() => {
      if (this.isOpen) this.server.emit('listening');
    });
  }

  private close(callback?: Callback): AdoptedServer {
    const { server } = this;
    if (typeof callback === 'function') {
      const error = this.isOpen ? undefined : failure('ERR_SERVER_NOT_RUNNING', 'Server is not running.');
      server.once('close', () => callback(error));
    }
    this.isOpen = false;
    process.nextTick(() => server.emit('close'));
    return server;
  }
}

/** As `server.address()` has it: of `127.0.0.1:8000`, `[::1]:8000`, or a path. */
function addressOf(address: string): string | { address: string; family: string; port: number } {
  const [, host, port] = /^\[?([^/@]*?)\]?:(\d+)$/.exec(address) ?? [];
  if (host === undefined || port === undefined) return address;
  return { address: host, family: host.includes(':') ? 'IPv6' : 'IPv4', port: Number(port) };
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
