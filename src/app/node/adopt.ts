// Servers that an application opens by itself. In a worker `listen()` of an HTTP server binds nothing: the requests of this
// server's own sockets are what it listens for. The first server that an application opens is the one that is served.

import cluster from 'node:cluster';
import { Server as NetServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, FastwsgiError } from '../../base/errors.js';
import { ADOPTION_WAIT_MS } from '../../base/limits.js';
import type { WorkerContext } from '../exchange.js';
import { isHttpServer } from './listener.js';
import { type AdoptedServer, AdoptedState } from './server-state.js';

/** How often it is looked whether anything is left to wait for. */
const POLL_MS = 20;
/** As often in a row nothing has to be there: what is done between two of them may ask for more. */
const POLLS_IDLE = 3;

const listenForReal = NetServer.prototype.listen;
/** Who adopts at the moment, or did last: an application may listen long after it was loaded. */
let current: Adoption | null = null;

/** What one application opens while it is loaded. */
export class Adoption {
  /** The first server that was asked to listen. */
  server: AdoptedServer | null = null;
  private readonly context: WorkerContext;
  /** What keeps this thread's event loop alive before the application is loaded. */
  private readonly resources = countResources();
  private loaded = false;
  private onServer: (() => void) | null = null;

  /** Adopts from here on. */
  constructor(context: WorkerContext) {
    this.context = context;
    current = this;
    NetServer.prototype.listen = listenOrAdopt;
    cluster.fork = refuseToFork;
  }

  /** The application is there: whatever else listens is not served. */
  end(): void {
    this.loaded = true;
  }

  /** Waits for `listen()`, as long as the application has anything under way. Undefined when it has not, or takes too long. */
  async wait(file: string): Promise<AdoptedServer | undefined> {
    this.context.log(`${file} exports no application: waiting for it to call listen()`);
    const over = new AbortController();
    const failure = new Promise<never>((_, reject) => {
      const fail = (error: unknown) => reject(error);
      for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
        process.on(event, fail);
        over.signal.addEventListener('abort', () => process.off(event, fail));
      }
    });
    const served = new Promise<void>((resolve) => {
      this.onServer = resolve;
    });
    try {
      await Promise.race([served, failure, this.nothingLeft(over.signal)]);
    } finally {
      over.abort();
    }
    return this.server ?? undefined;
  }

  listen(server: AdoptedServer, args: readonly unknown[]): AdoptedServer {
    const state = AdoptedState.of(server) ?? new AdoptedState(server, this.context.address);
    state.open(args);
    if (this.server === null && !this.loaded) {
      this.server = server;
      this.context.log(`worker ${this.context.workerId}: ${describe(args)} of the application is served here`);
      this.onServer?.();
    } else if (!this.isServed(server)) {
      this.context.log(`worker ${this.context.workerId}: ${describe(args)} of another server is not served here`);
    }
    return server;
  }

  /** Fastify opens one server more for each address of `localhost`; they all have the same listener. */
  private isServed(server: AdoptedServer): boolean {
    if (server === this.server) return true;
    const [listener] = server.listeners('request');
    return this.server?.listeners('request').includes(listener as () => void) === true;
  }

  private async nothingLeft(signal: AbortSignal): Promise<void> {
    const deadlineMs = performance.now() + ADOPTION_WAIT_MS;
    for (let idle = 0; idle < POLLS_IDLE; ) {
      if (signal.aborted) return;
      if (performance.now() > deadlineMs) {
        throw new FastwsgiError('ERR_APPLICATION_LOAD', `It did not call listen() within ${ADOPTION_WAIT_MS / 1000} s`);
      }
      idle = this.isIdle() ? idle + 1 : 0;
      await sleep(POLL_MS);
    }
  }

  /** Whether a process of its own would end here: nothing that keeps it running was added. */
  private isIdle(): boolean {
    for (const [name, count] of countResources()) if (count > (this.resources.get(name) ?? 0)) return false;
    return true;
  }
}

function listenOrAdopt(this: NetServer, ...args: unknown[]): NetServer {
  if (current !== null && isHttpServer(this)) return current.listen(this, args);
  return Reflect.apply(listenForReal, this, args);
}

/** Its processes would listen on their own, and this thread never would. */
function refuseToFork(): never {
  throw new FastwsgiError(
    'ERR_APPLICATION_LOAD',
    'It forks by itself, with cluster.fork(): let it call listen() instead, and set processes to as many',
  );
}

function countResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** The call as the application wrote it, more or less: `listen(3000)`. */
function describe(args: readonly unknown[]): string {
  const [first] = args;
  if (typeof first === 'number' || typeof first === 'string') return `listen(${first})`;
  if (typeof first !== 'object' || first === null) return 'listen()';
  const { port, path } = first as { readonly port?: unknown; readonly path?: unknown };
  return `listen(${errorMessage(port ?? path ?? '')})`;
}
