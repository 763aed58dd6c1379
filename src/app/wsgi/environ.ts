// The environ of one request: the uwsgi vars and the server's own keys, as a plain dictionary. Every key is an own
// property, so that an application may list, copy and spread it.
import type { Exchange, WorkerContext } from '../exchange.js';
import { requestVars, urlScheme } from '../vars.js';
import type { WsgiErrors } from './errors.js';
import { fileWrapper } from './file-wrapper.js';
import type { WsgiInput } from './input.js';
import type { WsgiEnviron } from './types.js';

const WSGI_VERSION = Object.freeze([1, 0] as const);

/** The keys of environ that are the same for every request of a worker. */
export interface EnvironServer {
  readonly errors: WsgiErrors;
  readonly context: WorkerContext;
}

/**
 * The environ of `exchange`, as PEP 3333 and uWSGI make it. The server's keys are set last: a variable of the same
 * name, which only the peer in front could send, does not replace them.
 */
export function createEnviron(exchange: Exchange, input: WsgiInput, server: EnvironServer): WsgiEnviron {
  const vars = requestVars(exchange);
  const environ: Record<string, unknown> = vars;
  environ['wsgi.version'] = WSGI_VERSION;
  environ['wsgi.url_scheme'] = urlScheme(vars);
  environ['wsgi.input'] = input;
  environ['wsgi.errors'] = server.errors;
  // Other threads of this process run the same application, and no other process does.
  environ['wsgi.multithread'] = true;
  environ['wsgi.multiprocess'] = false;
  environ['wsgi.run_once'] = false;
  environ['wsgi.file_wrapper'] = fileWrapper;
  environ['uwsgi.version'] = server.context.version;
  environ['uwsgi.node'] = server.context.node;
  environ['uwsgi.core'] = exchange.core;
  return environ as unknown as WsgiEnviron;
}
