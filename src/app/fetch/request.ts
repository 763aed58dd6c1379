// The Request of kind `fetch`. A native one costs 7 µs on Node 20 before anybody has looked at it; this one looks the same,
// builds each part when it is read, and a native one behind itself only for what is rarely asked for: clone(), body, mode…
import { TextDecoder } from 'node:util';
import type { Exchange } from '../exchange.js';
import type { Vars } from '../vars.js';
import { ownBytes, RequestContent } from './content.js';
import { requestHeaders } from './request-headers.js';
import { requestUrl } from './request-url.js';

/** What the constructor of a native Request refuses to make (fetch standard, forbidden methods). */
const FORBIDDEN_METHOD = /^(?:CONNECT|TRACE|TRACK)$/i;

/** Stands for a Request; its prototype is below that of Request, once `installRequests` has run. */
export class LazyRequest {
  readonly #exchange: Exchange;
  readonly #vars: Vars;
  readonly #content: RequestContent;
  #url: string | undefined;
  #headers: Headers | undefined;
  #native: Request | undefined;
  /** The body was read, without a native Request. */
  #used = false;

  constructor(exchange: Exchange, vars: Vars) {
    this.#exchange = exchange;
    this.#vars = vars;
    this.#content = new RequestContent(exchange.body);
  }

  /** The native Request behind `value` if that is one of ours, else `value` itself. */
  static unwrap(value: unknown): unknown {
    return typeof value === 'object' && value !== null && #native in value ? value.#toNative() : value;
  }

  /** The request is over: what has not been read of the body is gone. */
  static release(request: LazyRequest): void {
    request.#content.release();
  }

  get method(): string {
    return this.#vars.REQUEST_METHOD ?? 'GET';
  }

  get url(): string {
    this.#url ??= requestUrl(this.#vars, this.#exchange.mountPoint);
    return this.#url;
  }

  get headers(): Headers {
    this.#headers ??= requestHeaders(this.#vars);
    return this.#headers;
  }

  get signal(): AbortSignal {
    return this.#exchange.signal;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#hasBody ? this.#toNative().body : null;
  }

  get bodyUsed(): boolean {
    return this.#native?.bodyUsed ?? this.#used;
  }

  async text(): Promise<string> {
    return this.#native?.text() ?? utf8(await this.#bytes());
  }

  async json(): Promise<unknown> {
    return this.#native?.json() ?? JSON.parse(utf8(await this.#bytes()));
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#native?.arrayBuffer() ?? ownBytes(await this.#bytes()).buffer;
  }

  async bytes(): Promise<Uint8Array> {
    return new Uint8Array(await this.arrayBuffer());
  }

  async blob(): Promise<Blob> {
    return this.#native?.blob() ?? (await this.#asResponse()).blob();
  }

  async formData(): Promise<FormData> {
    return this.#native?.formData() ?? (await this.#asResponse()).formData();
  }

  /** A GET or HEAD request has no body (fetch standard), whatever came with it. */
  get #hasBody(): boolean {
    const { method } = this;
    return this.#content.length > 0 && method !== 'GET' && method !== 'HEAD';
  }

  async #bytes(): Promise<Buffer> {
    if (this.#used) throw new TypeError('Body is unusable: Body has already been read');
    if (!this.#hasBody) return Buffer.alloc(0);
    this.#used = true;
    return await this.#content.bytes();
  }

  /** The native parser of forms and maker of Blobs, given the whole body at once. */
  async #asResponse(): Promise<Response> {
    const type = this.headers.get('content-type');
    return new Response(await this.#bytes(), type === null ? {} : { headers: { 'content-type': type } });
  }

  /** For delegates too, which `installRequests` makes: the native Request with all that is known of this one. */
  #toNative(): Request {
    if (this.#native !== undefined) return this.#native;
    const { method, headers, signal } = this;
    const body = this.#hasBody ? (this.#used ? new ReadableStream() : this.#content.stream()) : null;
    const init: RequestInit = {
      method: FORBIDDEN_METHOD.test(method) ? 'POST' : method,
      headers,
      signal,
      body,
      duplex: 'half',
    };
    const native = new Request(this.url, init);
    // What was read without it is used in it.
    if (this.#used) void native.body?.cancel();
    this.#native = native;
    return native;
  }
}

function utf8(bytes: Buffer): string {
  return decoder.decode(bytes);
}

/** A byte order mark is no part of the text (fetch standard, `text()`). */
const decoder = new TextDecoder();
