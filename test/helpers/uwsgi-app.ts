// The application behind the tests of the uwsgi side: one route for each thing an application can do, or do wrong. What a
// client cannot see (that an iterator was closed) goes to the log through wsgi.errors.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Chunk, StartResponse, WsgiBody, WsgiEnviron } from '../../dist/app/wsgi/types.js';

type Route = (environ: WsgiEnviron, start: StartResponse, query: URLSearchParams) => WsgiBody | Promise<WsgiBody>;

const TEXT: [string, string] = ['Content-Type', 'text/plain'];
const BLOCK = Buffer.from(Array.from({ length: 65_536 }, (_, i) => i % 251));

let whole: Buffer = Buffer.alloc(0);

/** Byte `i` of every generated body is `i % 65536 % 251`. */
export function generatedBody(bytes: number): Buffer {
  const body = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += BLOCK.length) BLOCK.copy(body, at, 0, Math.min(BLOCK.length, bytes - at));
  return body;
}

/** The SHA-256 of such a body. */
export function generatedHash(bytes: number): string {
  const hash = createHash('sha256');
  for (const chunk of blocks(bytes)) hash.update(chunk);
  return hash.digest('hex');
}

export function* blocks(bytes: number): Generator<Buffer, void, undefined> {
  for (let left = bytes; left > 0; left -= BLOCK.length) yield BLOCK.subarray(0, Math.min(left, BLOCK.length));
}

const routes: Record<string, Route> = {
  '/': (_, start) => {
    start('200 OK', [TEXT]);
    return ['Hello, world\n'];
  },
  '/environ': (environ, start) => {
    const strings = Object.entries(environ).filter(([, value]) => typeof value === 'string');
    start('200 OK', [['Content-Type', 'application/json']]);
    return [JSON.stringify(Object.fromEntries(strings))];
  },
  '/hash': async (environ, start) => {
    const hash = createHash('sha256');
    let length = 0;
    for await (const chunk of environ['wsgi.input']) {
      hash.update(chunk);
      length += chunk.length;
    }
    start('200 OK', [TEXT]);
    return [`${length} ${hash.digest('hex')}`];
  },
  '/hash-sync': (environ, start) => {
    const hash = createHash('sha256');
    let length = 0;
    for (let chunk = environ['wsgi.input'].read(10_000); chunk.length > 0; chunk = environ['wsgi.input'].read(10_000)) {
      hash.update(chunk);
      length += chunk.length;
    }
    start('200 OK', [TEXT]);
    return [`${length} ${hash.digest('hex')}`];
  },
  '/echo': (environ, start) => {
    start('200 OK', [['Content-Type', 'application/octet-stream']]);
    return environ['wsgi.input'];
  },
  // The body as one chunk, with its length, or without one.
  '/whole': (_, start, query) => {
    const bytes = number(query, 'bytes');
    // Kept, so that what the server's memory grows by is the server's.
    if (whole.length !== bytes) whole = generatedBody(bytes);
    const body = whole;
    start('200 OK', query.has('length') ? [['Content-Length', String(body.length)]] : [TEXT]);
    return [body];
  },
  // A generator; `finally` tells the log that it has ended, and how far it had come.
  '/stream': (environ, start, query) => {
    start('200 OK', [['Content-Length', query.get('bytes') ?? '']]);
    return told(environ, query, blocks(number(query, 'bytes')));
  },
  '/stream-async': (environ, start, query) => {
    start('200 OK', [['Content-Length', query.get('bytes') ?? '']]);
    return toldLater(environ, query, blocks(number(query, 'bytes')));
  },
  // write() blocks the thread while the client is slow.
  '/write': (_, start, query) => {
    const write = start('200 OK', [['Content-Length', query.get('bytes') ?? '']]);
    for (const block of blocks(number(query, 'bytes'))) write(block);
    return [];
  },
  // Waits without a byte, in steps, so that an abort finds it waiting.
  '/wait': (environ, start, query) => {
    start('200 OK', [TEXT]);
    return waiting(environ, query);
  },
  // Blocks the thread.
  '/spin': (environ, start, query) => {
    environ['wsgi.errors'].write(`spinning ${query.get('id')}\n`);
    const end = performance.now() + number(query, 'ms');
    while (performance.now() < end);
    start('200 OK', [TEXT]);
    return ['spun'];
  },
  '/throw-early': () => {
    throw new Error('thrown before startResponse');
  },
  '/throw-started': (_, start) => {
    start('200 OK', [TEXT]);
    throw new Error('thrown after startResponse');
  },
  '/throw-late': (_, start) => {
    start('200 OK', [TEXT]);
    return (function* (): Generator<Chunk> {
      yield 'first';
      throw new Error('thrown in the body');
    })();
  },
  '/reject': async () => {
    throw new Error('rejected');
  },
  '/no-start': () => ['body'],
  '/no-body': () => undefined as unknown as WsgiBody,
  '/nothing': (_, start) => {
    start('200 OK', [TEXT]);
    return [];
  },
  '/empty-chunks': (_, start) => {
    start('200 OK', [TEXT]);
    return ['', Buffer.alloc(0), ''];
  },
  '/status': (_, start, query) => {
    start(query.get('status') ?? '', [['X-Test', 'yes']]);
    return ['body of a response'];
  },
  '/cookies': (_, start) => {
    start('200 OK', [TEXT, ['Set-Cookie', 'a=1; Path=/'], ['Set-Cookie', 'b=2; Path=/']]);
    return ['two cookies'];
  },
  // Ends the thread in the middle of the request.
  '/exit': () => process.exit(3),
};

export function application(environ: WsgiEnviron, start: StartResponse): WsgiBody | Promise<WsgiBody> {
  // What follows `/environ/` is there to be looked at.
  const route = routes[environ.PATH_INFO.startsWith('/environ/') ? '/environ' : environ.PATH_INFO];
  if (route !== undefined) return route(environ, start, new URLSearchParams(environ.QUERY_STRING));
  start('404 Not Found', [TEXT]);
  return ['There is nothing here\n'];
}

function* told(environ: WsgiEnviron, query: URLSearchParams, chunks: Iterable<Buffer>): Generator<Buffer> {
  let given = 0;
  try {
    for (const chunk of chunks) {
      given += chunk.length;
      yield chunk;
    }
  } finally {
    environ['wsgi.errors'].write(`closed ${query.get('id')} after ${given} bytes\n`);
  }
}

async function* toldLater(
  environ: WsgiEnviron,
  query: URLSearchParams,
  chunks: Iterable<Buffer>,
): AsyncGenerator<Buffer> {
  let given = 0;
  try {
    for (const chunk of chunks) {
      await sleep(0);
      given += chunk.length;
      yield chunk;
    }
  } finally {
    environ['wsgi.errors'].write(`closed ${query.get('id')} after ${given} bytes\n`);
  }
}

async function* waiting(environ: WsgiEnviron, query: URLSearchParams): AsyncGenerator<Chunk> {
  const end = performance.now() + number(query, 'ms');
  try {
    environ['wsgi.errors'].write(`waiting ${query.get('id')}\n`);
    while (performance.now() < end) {
      await sleep(5);
      yield '';
    }
    yield 'waited';
  } finally {
    environ['wsgi.errors'].write(`closed ${query.get('id')}\n`);
  }
}

function number(query: URLSearchParams, name: string): number {
  return Number(query.get(name));
}
