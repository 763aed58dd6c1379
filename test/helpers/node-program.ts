// Small random programs of what a request listener does with (req, res), and what it sees while they run: the same program
// is run by node:http and by us, and must see the same.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';

export type Step =
  | { readonly do: 'setHeader' | 'appendHeader'; readonly name: string; readonly value: string | string[] | number }
  | { readonly do: 'removeHeader'; readonly name: string }
  | { readonly do: 'status'; readonly code: number }
  | { readonly do: 'statusMessage'; readonly text: string }
  | {
      readonly do: 'writeHead';
      readonly code: number;
      readonly reason?: string | undefined;
      readonly headers: HeadHeaders;
    }
  | { readonly do: 'write'; readonly text: string; readonly encoding?: BufferEncoding | undefined }
  | { readonly do: 'writeBytes'; readonly count: number }
  | { readonly do: 'trailers'; readonly pairs: readonly (readonly [string, string])[]; readonly asList: boolean }
  | { readonly do: 'end'; readonly text?: string | undefined }
  | {
      readonly do: 'flushHeaders' | 'cork' | 'wait' | 'tick' | 'readBody' | 'resume' | 'observe' | 'continue';
    };

type HeadHeaders =
  | Readonly<Record<string, string | string[]>>
  | readonly string[]
  | readonly (readonly [string, string])[];

export type Program = readonly Step[];

const name = fc.constantFrom('X-A', 'x-a', 'X-B', 'Set-Cookie', 'Content-Type', 'ETag', 'Cookie', 'Cache-Control');
const badName = fc.constantFrom('', 'X A', 'X:', 'é');
// ASCII: node:http sends others as UTF-8 when text follows, and else as they are.
const value = fc.constantFrom('a', 'b; c', 'text/plain', '', 'a,b');
const badValue = fc.constantFrom('a\r\nB: c', '\0', 'Ā');
const values = fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 3 }), fc.integer({ min: 0, max: 99 }));
const usually = <T, U>(common: fc.Arbitrary<T>, rare: fc.Arbitrary<U>): fc.Arbitrary<T | U> =>
  fc.oneof({ weight: 15, arbitrary: common }, { weight: 1, arbitrary: rare });
const goodCode = fc.constantFrom(200, 201, 204, 301, 304, 404, 418, 500, 599);
const code = usually(goodCode, fc.constantFrom(0, 99, 1000, -1));
const text = fc.oneof(fc.string({ maxLength: 20, unit: 'grapheme' }), fc.constantFrom('', 'hello', 'é'.repeat(5000)));
const encoding = fc.constantFrom<BufferEncoding | undefined>(undefined, 'utf8', 'latin1', 'base64', 'hex', 'utf16le');
// Right ones only: a writeHead(204) that throws leaves a ServerResponse that takes no body, whatever its status becomes.
const headHeaders: fc.Arbitrary<HeadHeaders> = fc.oneof(
  fc.dictionary(name, fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 2 })), { maxKeys: 3 }),
  fc.array(fc.tuple(name, value), { maxLength: 3 }).map((pairs) => pairs.flat()),
  fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 3 }),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('setHeader' as const, 'appendHeader' as const),
    name: usually(name, badName),
    value: usually(values, badValue),
  }),
  fc.record({ do: fc.constant('removeHeader' as const), name }),
  // As above: an end() that throws leaves the length of what it was to send.
  fc.record({ do: fc.constant('status' as const), code: goodCode }),
  fc.record({
    do: fc.constant('statusMessage' as const),
    text: fc.constantFrom('Fine', 'So so'),
  }),
  fc.record({
    do: fc.constant('writeHead' as const),
    code,
    reason: fc.option(fc.constantFrom('Great', 'Not So'), { nil: undefined }),
    headers: headHeaders,
  }),
  fc.record({ do: fc.constant('write' as const), text, encoding }),
  fc.record({ do: fc.constant('writeBytes' as const), count: fc.constantFrom(0, 1, 1000, 70_000, 300_000) }),
  fc.record({
    do: fc.constant('trailers' as const),
    pairs: fc.array(fc.tuple(usually(fc.constantFrom('X-Sum', 'x-sum', 'X-T'), badName), usually(value, badValue)), {
      maxLength: 3,
    }),
    asList: fc.boolean(),
  }),
  fc.record({ do: fc.constant('end' as const), text: fc.option(text, { nil: undefined }) }),
  fc.record({
    do: fc.constantFrom(
      'flushHeaders' as const,
      'cork' as const,
      'wait' as const,
      'tick' as const,
      'readBody' as const,
      'resume' as const,
      'observe' as const,
      'continue' as const,
    ),
  }),
);

export const program: fc.Arbitrary<Program> = fc.array(step, { maxLength: 10 });

/** What one run saw, line by line: of the program and its response, and of its request, whose body may come any time. */
export interface Trace {
  readonly response: string[];
  readonly request: string[];
  /** The tick they come in depends on when the body's rest does. */
  readonly errors: string[];
}

/** Runs the program, ends the response if the program did not, and resolves when the response is closed. */
export async function runProgram(
  steps: Program,
  req: IncomingMessage,
  res: ServerResponse,
  trace: Trace,
): Promise<void> {
  const closed = [res, req].map((stream) => new Promise((resolve) => stream.on('close', resolve)));
  for (const event of ['prefinish', 'finish', 'close'] as const)
    res.on(event, () => trace.response.push(`res ${event} ${stateOf(res)}`));
  res.on('error', (error: NodeJS.ErrnoException) => trace.errors.push(`${error.code}`));
  for (const event of ['end', 'close', 'aborted'] as const)
    req.on(event, () => trace.request.push(`req ${event} ${trailersOf(req)}`));
  trace.request.push(requestOf(req));
  for (const one of steps) {
    try {
      const result = perform(one, req, res, trace);
      // Without a turn in between where the step has none: what a tick comes before is the caller's, not the response's.
      const said = result instanceof Promise ? await result : result;
      if (said !== undefined) trace.response.push(`${one.do}: ${said}`);
    } catch (error) {
      trace.response.push(`${one.do} throws ${(error as NodeJS.ErrnoException).code ?? error}`);
    }
  }
  if (!res.writableEnded) {
    try {
      res.end();
    } catch (error) {
      trace.response.push(`the last end throws ${(error as NodeJS.ErrnoException).code ?? error}`);
      res.statusMessage = '';
      res.statusCode = 200;
      res.end();
    }
  }
  await Promise.all(closed);
  trace.response.push(`after all ${stateOf(res)} ${req.complete} ${req.readableEnded} ${req.destroyed}`);
}

function perform(one: Step, req: IncomingMessage, res: ServerResponse, trace: Trace): unknown {
  switch (one.do) {
    case 'setHeader':
      // appendHeader adds to the array it was given.
      return res.setHeader(one.name, Array.isArray(one.value) ? [...one.value] : one.value) === res;
    case 'appendHeader':
      return res.appendHeader(one.name, String(one.value)) === res;
    case 'removeHeader':
      return res.removeHeader(one.name);
    case 'status':
      res.statusCode = one.code;
      return undefined;
    case 'statusMessage':
      res.statusMessage = one.text;
      return undefined;
    case 'writeHead':
      if (one.reason === undefined) return res.writeHead(one.code, one.headers as string[]) === res;
      return res.writeHead(one.code, one.reason, one.headers as string[]) === res;
    case 'write':
      // Node dies of hexadecimal text that is none, and miscounts such base64.
      if (one.encoding !== 'hex' && one.encoding !== 'base64') res.write(one.text, one.encoding ?? 'utf8', () => {});
      else res.write(Buffer.from(one.text).toString(one.encoding), one.encoding, () => {});
      return undefined;
    case 'writeBytes':
      return res.write(Buffer.alloc(one.count, 'abcdefghij')) ? undefined : drained(res);
    case 'trailers':
      res.addTrailers(
        one.asList ? one.pairs.map(([name, value]): [string, string] => [name, value]) : Object.fromEntries(one.pairs),
      );
      return undefined;
    case 'end':
      return one.text === undefined ? res.end() === res : res.end(one.text) === res;
    case 'flushHeaders':
      return res.flushHeaders();
    case 'cork':
      res.cork();
      res.write('corked ');
      res.write('and not');
      res.uncork();
      return undefined;
    case 'wait':
      return sleep(3);
    case 'tick':
      return new Promise((resolve) => setImmediate(resolve));
    case 'readBody':
      return readBody(req);
    case 'resume':
      req.resume();
      return undefined;
    case 'continue':
      return res.headersSent ? undefined : res.writeContinue();
    case 'observe':
      trace.response.push(
        `observed ${stateOf(res)} ${res.statusCode} ${JSON.stringify([res.getHeaders(), res.getHeaderNames()])}`,
      );
      trace.response.push(JSON.stringify([res.hasHeader('X-A'), res.getHeader('x-b'), namesOf(req).sort()]));
      return undefined;
    default:
      return one satisfies never;
  }
}

/** A write that failed is never followed by 'drain'. */
function drained(res: ServerResponse): Promise<void> | undefined {
  if (!res.writableNeedDrain) return undefined;
  return new Promise((resolve) => {
    res.once('drain', resolve);
    res.once('close', resolve);
  });
}

function readBody(req: IncomingMessage): string | Promise<string> {
  if (req.readableEnded || req.destroyed) return 'flows, or did';
  if (req.readableFlowing === true) return 'flows, or did';
  return readAll(req);
}

async function readAll(req: IncomingMessage): Promise<string> {
  let bytes = 0;
  let sum = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    for (const byte of chunk) sum = (sum * 31 + byte) >>> 0;
  }
  return `${bytes} bytes, ${sum}`;
}

function stateOf(res: ServerResponse): string {
  const { headersSent, writableEnded, finished, destroyed, closed, statusCode } = res;
  return JSON.stringify([headersSent, writableEnded, finished, destroyed, closed, statusCode, res.socket !== null]);
}

/** Without those of a body that nobody read: node:http may not have come to them. */
function trailersOf(req: IncomingMessage): string {
  return req.readableEnded ? JSON.stringify([req.rawTrailers, req.trailers, req.trailersDistinct]) : '';
}

/** Without those that frame the body: what came in chunks has a length here. */
function namesOf(req: IncomingMessage): string[] {
  return Object.keys(req.headers).filter((name) => !['transfer-encoding', 'content-length'].includes(name));
}

function requestOf(req: IncomingMessage): string {
  const { method, url, httpVersion, complete, readableEnded, destroyed, aborted } = req;
  const headers = namesOf(req).map((name) => [name, req.headers[name]]);
  headers.sort();
  return JSON.stringify([
    method,
    url,
    httpVersion,
    complete,
    readableEnded,
    destroyed,
    aborted,
    headers,
    req.rawHeaders.length,
  ]);
}
