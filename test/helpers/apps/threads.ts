// The application behind the tests on threads: it can die in every way, block its thread, wait until it is told to go on,
// and count what runs at the same time. Signs between a test and the application are files: `?until=` names one.
import { execSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, threadId } from 'node:worker_threads';
import type { StartResponse, WsgiBody, WsgiEnviron } from '../../../dist/app/wsgi/types.js';

type Route = (start: StartResponse, query: URLSearchParams, environ: WsgiEnviron) => WsgiBody | Promise<WsgiBody>;

const TEXT = [['Content-Type', 'text/plain']] as const;
const POLL_MS = 2;
const NEVER = new Promise<never>(() => {});

let running = 0;
let peak = 0;

const deaths: Record<string, () => void> = {
  throw: () => {
    setTimeout(() => {
      throw new Error('thrown in a timer');
    });
  },
  reject: () => void Promise.reject(new Error('rejected by nobody')),
  exit: () => process.exit(3),
  abort: () => process.abort(),
  // The whole process, as a native module would.
  crash: () => void process.kill(process.pid, 'SIGABRT'),
  memory: () => {
    // Objects of one size: where a single large one passes the limit (an array that grows), Node aborts the process instead.
    for (const kept: object[] = []; ; ) kept.push(new Array(10_000).fill(0.5));
  },
};

const kept: Buffer[] = [];

const stuck: Record<string, () => undefined> = {
  loop: () => {
    for (;;);
  },
  await: () => undefined,
  wait: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  exec: () => void execSync('sleep 4'),
  // Longer than any test waits.
  native: () => void execSync('sleep 30'),
  regexp: () => void /^(a+)+$/.test(`${'a'.repeat(60)}b`),
};

/** Says that the request has begun by making the file of `?mark=`. */
function mark(query: URLSearchParams): void {
  const file = query.get('mark');
  if (file !== null) writeFileSync(file, '');
}

/** Waits for the file of `?until=`. */
async function appears(query: URLSearchParams): Promise<void> {
  mark(query);
  const file = query.get('until');
  while (file !== null && !existsSync(file)) await sleep(POLL_MS);
}

const routes: Record<string, Route> = {
  /** Which thread answers. */
  '/': (start) => {
    start('200 OK', TEXT);
    return [String(threadId)];
  },
  /** Answers when it is told to. */
  '/hold': async (start, query) => {
    running++;
    peak = Math.max(peak, running);
    await appears(query);
    running--;
    start('200 OK', TEXT);
    return [`held by ${threadId}`];
  },
  /** How many `/hold` ran at the same time in this thread. */
  '/peak': (start) => {
    start('200 OK', TEXT);
    return [String(peak)];
  },
  /** Dies without an answer. */
  '/die': async (_, query) => {
    await appears(query);
    deaths[query.get('by') ?? '']?.();
    return NEVER;
  },
  /** Dies when a part of the answer has left. */
  '/begin': async function* (start: StartResponse, query: URLSearchParams) {
    start('200 OK', TEXT);
    yield 'begun';
    await appears(query);
    deaths[query.get('by') ?? '']?.();
    await NEVER;
  } as Route,
  /** Blocks the thread until it is told to go on. */
  '/spin': (start, query) => {
    const file = query.get('until') ?? '';
    mark(query);
    while (!existsSync(file));
    start('200 OK', TEXT);
    return ['spun'];
  },
  /** Never answers: in one of the ways in which a thread can be kept. `?mark=` says that it has begun. */
  '/stuck': (_start, query) => {
    mark(query);
    return stuck[query.get('by') ?? '']?.() ?? NEVER;
  },
  /** Streams without an end. */
  '/drip': async function* (start: StartResponse, query: URLSearchParams) {
    start('200 OK', TEXT);
    yield 'begun';
    try {
      for (;;) {
        await sleep(POLL_MS);
        // Nothing to send: a client that gets data and a reset at once reports an end of file (libuv's short cut).
        yield '';
      }
    } finally {
      writeFileSync(query.get('closed') ?? '', '');
    }
  } as Route,
  /** Keeps memory. */
  '/keep': (start, query) => {
    kept.push(Buffer.alloc(Number(query.get('mb')) * 2 ** 20, 1));
    start('200 OK', TEXT);
    return [String(threadId)];
  },
  /** Uses the thread's port for itself. */
  '/post': (start) => {
    for (const message of [null, 'text', { lane: 1 }, [], 0]) parentPort?.postMessage(message);
    start('200 OK', TEXT);
    return ['posted'];
  },
  /** What reached the application. */
  '/surroundings': (start) => {
    start('200 OK', [['Content-Type', 'application/json']]);
    return [JSON.stringify({ cwd: process.cwd(), greeting: process.env.GREETING, path: process.env.PATH })];
  },
  '/error': (start, _query, environ) => {
    environ['wsgi.errors'].write('a line of the application\n');
    start('200 OK', TEXT);
    return ['logged'];
  },
  '/fail': () => {
    throw new Error('the application failed');
  },
};

export function application(environ: WsgiEnviron, start: StartResponse): WsgiBody | Promise<WsgiBody> {
  const route = routes[environ.PATH_INFO];
  if (route !== undefined) return route(start, new URLSearchParams(environ.QUERY_STRING), environ);
  start('404 Not Found', TEXT);
  return ['no such route'];
}
