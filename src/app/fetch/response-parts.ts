// A Response taken apart, whoever's class it is: ours, Node's, undici's, a polyfill's. Told by what it has.
import { describe, isAsyncIterable, isIterable } from '../values.js';

/** What all Responses have. */
export interface AnyResponse {
  readonly status: number;
  readonly statusText?: unknown;
  readonly type?: unknown;
  readonly headers: object;
  readonly body?: unknown;
  readonly bodyUsed?: unknown;
  arrayBuffer?(): Promise<ArrayBuffer>;
}

/** Throws a TypeError on what is no Response, and on `Response.error()`. */
export function asResponse(value: unknown): AnyResponse {
  if (typeof value !== 'object' || value === null || !('status' in value) || !('headers' in value)) {
    throw new TypeError(`The application's fetch returned ${describe(value)}, expected a Response`);
  }
  const { status, headers } = value;
  if (typeof status !== 'number' || typeof headers !== 'object' || headers === null) {
    throw new TypeError(`The application's fetch returned ${describe(value)}, expected a Response`);
  }
  if (status === 0) throw new Error('The application answered with a network error, as Response.error() makes one');
  const response = value as AnyResponse;
  if (response.bodyUsed === true) throw new TypeError('The body of the Response was used before it was returned');
  return response;
}

/** `404 Not Found`; a bare `404` leaves the reason to us. */
export function statusOf({ status, statusText }: AnyResponse): string {
  return typeof statusText === 'string' && statusText !== '' ? `${status} ${statusText}` : String(status);
}

/** Every header; each cookie is one of its own. */
export function headersOf({ headers }: AnyResponse): readonly (readonly [string, string])[] {
  if (!isIterable(headers)) throw new TypeError(`The headers of the Response are ${describe(headers)}`);
  const pairs: [string, string][] = [];
  for (const [name, value] of headers as Iterable<[string, string]>) {
    if (name.toLowerCase() !== 'set-cookie') pairs.push([name, value]);
  }
  for (const cookie of cookiesOf(headers)) pairs.push(['set-cookie', cookie]);
  return pairs;
}

function cookiesOf(headers: object): readonly string[] {
  if ('getSetCookie' in headers && typeof headers.getSetCookie === 'function') return headers.getSetCookie();
  // node-fetch has no getSetCookie, and joins cookies everywhere else.
  if ('raw' in headers && typeof headers.raw === 'function') return headers.raw()['set-cookie'] ?? [];
  return [...(headers as Iterable<[string, string]>)].filter(([name]) => /^set-cookie$/i.test(name)).map(([, v]) => v);
}

/** The body as a reader; null where there is none. `whole` stands for a class that has its body in no other form. */
export function bodyReader(response: AnyResponse): ReadableStreamDefaultReader<unknown> | null {
  const { body } = response;
  if (body === null) return null;
  if (body === undefined) return response.arrayBuffer === undefined ? null : iterate(whole(response)).getReader();
  if (typeof body === 'object') {
    if ('getReader' in body) return (body as ReadableStream<unknown>).getReader();
    if (isAsyncIterable(body)) return iterate(body).getReader();
  }
  throw new TypeError(`The body of the Response is ${describe(body)}, expected a ReadableStream`);
}

async function* whole(response: AnyResponse): AsyncGenerator<Uint8Array> {
  if (response.arrayBuffer !== undefined) yield new Uint8Array(await response.arrayBuffer());
}

/** Cancelling the stream ends the iteration, also one whose next step is awaited. */
function iterate(iterable: AsyncIterable<unknown>): ReadableStream<unknown> {
  return ReadableStream.from(iterable);
}

/** What a stream gave, as bytes or text that is sent as UTF-8. */
export function chunkOf(value: unknown): Uint8Array | string {
  if (value instanceof Uint8Array || typeof value === 'string') return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError(`The body of the Response gave ${describe(value)}, expected bytes`);
}
