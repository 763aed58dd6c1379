// What is an application of kind `node`, and the request listener in it. A framework is known by what its applications
// have, never by its name: they come from the application's own node_modules.
import { Server } from 'node:http';
import { Server as SecureServer } from 'node:https';
import { Server as NetServer } from 'node:net';
import { FastwsgiError } from '../../base/errors.js';
import type { NodeListener } from './call.js';
import { AdoptedState } from './server-state.js';

/** The listener of an application, and the server that it listens with, where it brings one. */
export interface FoundListener {
  readonly listener: NodeListener;
  readonly server: Server | null;
}

type Members = Readonly<Record<string, unknown>>;

/** One way in which an application shows what it is. */
interface Mark {
  matches(exported: Members): boolean;
  listener(exported: Members): unknown;
}

/** In the order in which they are tried. */
const MARKS: readonly Mark[] = [
  // NestJS: the application of the framework below it, once modules and routes are there.
  {
    matches: (app) => has(app, 'getHttpAdapter', 'init'),
    listener: async (app) => {
      await call(app, 'init');
      const adapter = call(app, 'getHttpAdapter') as Members;
      return (await listenerOf(call(adapter, 'getInstance'))).listener;
    },
  },
  // Fastify.
  {
    matches: (app) => has(app, 'routing', 'ready'),
    listener: async (app) => {
      await call(app, 'ready');
      return app.routing;
    },
  },
  // Koa.
  { matches: (app) => has(app, 'callback', 'use'), listener: (app) => call(app, 'callback') },
  // Express, Connect and their kin: the application is the listener.
  { matches: (app) => typeof app === 'function' && has(app, 'handle', 'use'), listener: (app) => app },
  // Polka, and what calls itself a handler.
  { matches: (app) => typeof app === 'object' && has(app, 'handler'), listener: (app) => bound(app, 'handler') },
  { matches: (app) => typeof app === 'object' && has(app, 'callback'), listener: (app) => call(app, 'callback') },
];

/**
 * Whether an export is of this kind. `named`: the configuration says so, and any function will do. Else a bare function is
 * one if its parameters are called as everybody calls them.
 */
export function isNodeApplication(exported: unknown, named: boolean): boolean {
  if (isHttpServer(exported)) return true;
  if (!isMembers(exported)) return false;
  // What is a fetch handler besides is served as one.
  if (!named && has(exported, 'fetch')) return false;
  if (MARKS.some((mark) => mark.matches(exported))) return true;
  return typeof exported === 'function' && (named || hasUsualParameters(exported));
}

/** The listener of what `isNodeApplication` says yes to. Waits until a framework is ready. */
export async function listenerOf(exported: unknown): Promise<FoundListener> {
  if (isHttpServer(exported))
    return { listener: (request, response) => emitRequest(exported, request, response), server: exported };
  if (isMembers(exported)) {
    const mark = MARKS.find((candidate) => candidate.matches(exported));
    const listener = mark === undefined ? exported : await mark.listener(exported);
    if (typeof listener === 'function') return { listener: listener as NodeListener, server: null };
  }
  throw new FastwsgiError('ERR_APPLICATION_LOAD', 'The application gives no request listener (req, res)');
}

/** As node:http: a client that waits for 100 Continue is the business of whoever listens for it. */
function emitRequest(server: Server, ...[request, response]: Parameters<NodeListener>): void {
  if (AdoptedState.of(server)?.isOpen === false) {
    // The application has closed its server: it wants no more requests.
    response.writeHead(503).end();
    return;
  }
  const { expect } = request.headers;
  if (expect !== undefined && server.listenerCount('checkContinue') > 0)
    server.emit('checkContinue', request, response);
  else if (!server.emit('request', request, response))
    throw new Error('The server of the application has no request listener');
}

/** Of node:http or node:https, or of node:http2, whose listeners take requests of HTTP/1.1 too. */
export function isHttpServer(value: unknown): value is Server {
  if (value instanceof Server || value instanceof SecureServer) return true;
  return value instanceof NetServer && /^Http2(?:Secure)?Server$/.test(value.constructor.name);
}

/** `(req, res)`, `(request, response)`, `(incoming, outgoing)` and nothing like `(environ, startResponse)`. */
function hasUsualParameters(listener: unknown): boolean {
  const source = Function.prototype.toString.call(listener);
  const [, first, second] = /^[^(]*\(\s*_?([A-Za-z]+)\s*,\s*_?([A-Za-z]+)/.exec(source) ?? [];
  return /^(?:req|request|incoming)$/.test(first ?? '') && /^(?:res|resp|response|reply|outgoing)$/.test(second ?? '');
}

function isMembers(value: unknown): value is Members {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function has(value: Members, ...names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === 'function');
}

function call(value: Members, name: string): unknown {
  return bound(value, name)();
}

function bound(value: Members, name: string): () => unknown {
  return (value[name] as () => unknown).bind(value);
}
