// Applications of kind `fetch`: an object with `fetch(request, info)`, as Hono, itty-router, Bun, Deno and Workers have it,
// or such a function by itself where `app-kind` says so.
import { HANDLER_CONCURRENCY_DEFAULT } from '../../base/limits.js';
import type { Application, ApplicationKind, Exchange, WorkerContext } from '../exchange.js';
import { RequestOverError } from '../request-over.js';
import { requestVars } from '../vars.js';
import { becomeRequest } from './globals.js';
import { RequestInfo } from './info.js';
import { LazyRequest } from './request.js';
import { FetchCall } from './respond.js';
import type { FetchFunction } from './types.js';

export const fetchKind: ApplicationKind = {
  name: 'fetch',
  matches: (exported, named) => hasFetch(exported) || (named && typeof exported === 'function'),
  create: (exported, context) => {
    becomeRequest();
    // Looked up for each request, so that an application may replace it, and called on its object.
    const call: FetchFunction = hasFetch(exported)
      ? (request, info, context) => exported.fetch(request, info, context)
      : (exported as FetchFunction);
    return new FetchHandler(call, context);
  },
};

function hasFetch(exported: unknown): exported is { readonly fetch: FetchFunction } {
  const holds = (typeof exported === 'object' && exported !== null) || typeof exported === 'function';
  return holds && 'fetch' in exported && typeof exported.fetch === 'function';
}

class FetchHandler implements Application {
  readonly kind = 'fetch';
  readonly concurrency = HANDLER_CONCURRENCY_DEFAULT;
  private readonly application: FetchFunction;
  private readonly context: WorkerContext;
  /** What `waitUntil` was given and has not settled. */
  private readonly kept = new Set<PromiseLike<unknown>>();

  constructor(application: FetchFunction, context: WorkerContext) {
    this.application = application;
    this.context = context;
  }

  handle(exchange: Exchange): Promise<void> {
    const vars = requestVars(exchange);
    const call = new FetchCall(exchange, new LazyRequest(exchange, vars), this.logLate);
    const info = new RequestInfo(exchange, vars, this.keep);
    let result: unknown;
    try {
      result = this.application(call.request as unknown as Request, info, info);
    } catch (error) {
      call.release();
      throw error;
    }
    return call.respond(result);
  }

  async settled(): Promise<void> {
    // What is kept may keep more.
    while (this.kept.size > 0) await Promise.allSettled(this.kept);
  }

  private readonly keep = (promise: PromiseLike<unknown>): void => {
    this.kept.add(promise);
    Promise.resolve(promise)
      .catch((error) => this.log('Work that a response did not wait for failed', error))
      .finally(() => this.kept.delete(promise));
  };

  private readonly logLate = (error: unknown): void => {
    // What the end of the request does to those who still use it is no fault of theirs.
    if (error instanceof RequestOverError || (error instanceof Error && error.name === 'AbortError')) return;
    this.log('The application failed after the end of its request', error);
  };

  private log(what: string, error: unknown): void {
    this.context.log(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}
