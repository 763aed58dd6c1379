// An HTTP front of any engine with a worker on the test's thread and a small application behind it.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange } from '../../dist/app/exchange.js';
import { INLINE_BODY_BYTES_MAX } from '../../dist/base/limits.js';
import type { Front } from '../../dist/front/front.js';
import { GatewayFront } from '../../dist/front/gateway/gateway.js';
import type { HttpFrontOptions } from '../../dist/front/http/options.js';
import { NodeHttpFront } from '../../dist/front/node/front.js';
import { UwsFront } from '../../dist/front/uws/front.js';
import { loadUws } from '../../dist/front/uws/load.js';
import { forEachVar } from '../../dist/protocol/environ-vars.js';
import { loadLibc } from '../../dist/system/libc.js';
import type { Target } from './http-client.js';
import { type Handler, InProcessWorker, type InProcessWorkerOptions, QUEUE_MAX } from './in-process-worker.js';

export type EngineName = 'epoll' | 'uws' | 'node';

const loaded = loadUws();
const native = loadLibc();

/** The engines that can run here and do all of HTTP/1. */
export const WHOLE_ENGINES: readonly EngineName[] = 'libc' in native ? ['epoll', 'node'] : ['node'];

/** The engines that can run here. */
export const ENGINES: readonly EngineName[] = 'uws' in loaded ? [...WHOLE_ENGINES, 'uws'] : WHOLE_ENGINES;

/** The gateway's part of every lane. */
const GATEWAY_PART = 1;

export interface HttpHarness extends AsyncDisposable {
  readonly front: Front;
  readonly worker: InProcessWorker;
  readonly target: Target;
  /** The vars of each request that reached the application. */
  readonly seen: Record<string, string>[];
  readonly log: string[];
}

export interface HarnessOptions {
  readonly front?: Partial<HttpFrontOptions>;
  readonly worker?: InProcessWorkerOptions;
  /** In place of `sampleApplication`. */
  readonly handle?: Handler;
}

/** Starts a front on a free port of 127.0.0.1, unless the options name another address. */
export async function startHttp(engine: EngineName, options: HarnessOptions = {}): Promise<HttpHarness> {
  const seen: Record<string, string>[] = [];
  const log: string[] = [];
  const handle = options.handle ?? sampleApplication;
  const worker = new InProcessWorker((exchange) => {
    seen.push(varsOf(exchange));
    return handle(exchange);
  }, options.worker);
  const frontOptions: HttpFrontOptions = {
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    chmodSocket: undefined,
    varsBytesMax: 65535,
    postBufferingBytes: 65536,
    limitPostBytes: 0,
    httpTimeoutMs: 60_000,
    httpKeepaliveMs: 5000,
    listenBacklog: 511,
    proxyProtocol: false,
    trustedProxies: [],
    log: (line) => log.push(line),
    ...options.front,
  };
  const front = makeFront(engine, frontOptions, worker, options.worker?.queueMax ?? QUEUE_MAX);
  const [bound] = await front.listen().catch(async (error: unknown) => {
    await worker.stop();
    throw error;
  });
  front.start?.();
  const target: Target = bound?.port === undefined ? { path: bound?.address ?? '' } : { port: bound.port };
  return {
    front,
    worker,
    target,
    seen,
    log,
    async [Symbol.asyncDispose]() {
      // A worker that lives on would write to descriptors that are closed, and others' by then.
      if (front instanceof GatewayFront) await eventually('no request runs', () => worker.busySlots === 0);
      front.destroy();
      await sleep(10);
      await worker.stop();
      if (front instanceof GatewayFront) await front.release();
    },
  };
}

/** Makes a front that hands its requests to `worker`. */
export function makeFront(
  engine: EngineName,
  options: HttpFrontOptions,
  worker: InProcessWorker,
  httpQueue: number,
): Front {
  if (engine === 'node') return new NodeHttpFront(options, worker.turns);
  if (engine === 'epoll') return makeGateway(options, worker, httpQueue);
  if ('reason' in loaded) throw new Error(loaded.reason);
  return new UwsFront(loaded.uws, options, worker.turns);
}

function makeGateway(options: HttpFrontOptions, worker: InProcessWorker, httpQueue: number): GatewayFront {
  if ('reason' in native) throw new Error(native.reason);
  const { address, chmodSocket, listenBacklog, varsBytesMax, limitPostBytes, httpTimeoutMs, httpKeepaliveMs } = options;
  const inlineBodyBytesMax = Math.min(options.postBufferingBytes, INLINE_BODY_BYTES_MAX);
  const common = { varsBytesMax, inlineBodyBytesMax, limitPostBytes };
  const front = new GatewayFront(native.libc, {
    addresses: [{ protocol: 'http', address }],
    listen: { backlog: listenBacklog, keepAlive: false },
    chmodSocket,
    limits: {
      uwsgi: { ...common, socketTimeoutMs: httpTimeoutMs },
      http: { ...common, httpTimeoutMs, httpKeepaliveMs },
      httpQueue,
    },
    proxies: { proxyProtocol: options.proxyProtocol, trustedProxies: options.trustedProxies },
    front: GATEWAY_PART,
    lanes: [worker.owner.memory],
    log: options.log,
    onCrash: (error) => {
      throw error;
    },
  });
  worker.ring(front.bell, native.libc);
  return front;
}

export function varsOf(exchange: Exchange): Record<string, string> {
  const vars: Record<string, string> = {};
  forEachVar(exchange.packet, exchange.varsStart, exchange.varsEnd, (key, value) => {
    vars[key] = value;
  });
  return vars;
}

/** Waits until a condition holds; fails loudly after ten seconds. */
export async function eventually(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`It never came to this: ${what}`);
    await sleep(5);
  }
}

const PLAIN = ['Content-Type', 'text/plain'] as const;

/**
 * `/vars` answers the vars as JSON, `/hash` length and SHA-256 of the body, `/stream?N` N bytes in chunks of unknown length,
 * `/length?N` the same with a Content-Length, `/status?404 Not Found` that status, anything else `hello`.
 */
export const sampleApplication: Handler = async (exchange) => {
  const vars = varsOf(exchange);
  const query = decodeURIComponent(vars.QUERY_STRING ?? '');
  switch (vars.PATH_INFO) {
    case '/vars':
      return respond(exchange, '200 OK', [PLAIN], JSON.stringify(vars));
    case '/hash':
      return hashBody(exchange);
    case '/stream':
      return streamBytes(exchange, Number(query), [PLAIN]);
    case '/length':
      return streamBytes(exchange, Number(query), [PLAIN, ['Content-Length', query]]);
    case '/status':
      return respond(exchange, query, [PLAIN], '');
    case '/slow':
      await sleep(Number(query));
      return respond(exchange, '200 OK', [PLAIN], `slow ${query}`);
    default:
      return respond(exchange, '200 OK', [PLAIN], 'hello');
  }
};

export function respond(
  exchange: Exchange,
  status: string,
  headers: readonly (readonly [string, string])[],
  body: string | Uint8Array,
): void {
  exchange.response.head(status, headers);
  exchange.response.end(body);
}

async function hashBody(exchange: Exchange): Promise<void> {
  const hash = createHash('sha256');
  for (;;) {
    const chunk = await exchange.body.read(65536);
    if (chunk.length === 0) break;
    hash.update(chunk);
  }
  respond(exchange, '200 OK', [PLAIN], `${exchange.body.length} ${hash.digest('hex')}`);
}

/** The byte at each position of a streamed body. */
export function patternByte(position: number): number {
  return (position * 31 + (position >>> 8)) & 0xff;
}

export function pattern(from: number, to: number): Buffer {
  const bytes = Buffer.allocUnsafe(to - from);
  for (let i = from; i < to; i++) bytes[i - from] = patternByte(i);
  return bytes;
}

async function streamBytes(
  exchange: Exchange,
  total: number,
  headers: readonly (readonly [string, string])[],
): Promise<void> {
  const { response } = exchange;
  response.head('200 OK', headers);
  for (let at = 0; at < total && !response.aborted; ) {
    const next = Math.min(total, at + 30_000);
    if (!response.write(pattern(at, next))) await response.drained();
    at = next;
  }
  response.end();
}
