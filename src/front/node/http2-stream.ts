// One stream of HTTP/2: one request and its response, in the shape in which an exchange knows them of node:http.
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { REFUSAL, RETRY_AFTER_SECONDS, type Refusal, refusalBody } from '../http/refusal.js';
import { isConnectionHeader } from '../http/reply-head.js';
import type { LocalReply } from '../local/reply.js';
import type { Carrier, ReplyTarget, RequestSource } from './carrier.js';
import type { NodeTools } from './connection.js';
import { NodeExchange } from './exchange.js';

/** What a stream says of its request. Pseudo-headers (RFC 9113 section 8.3.1) are told apart, `:authority` is Host. */
export class Http2Request implements RequestSource {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  rawTrailers: readonly string[] = [];
  readonly httpVersionMajor = 2;
  readonly httpVersionMinor = 0;
  private readonly stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream, rawHeaders: readonly string[]) {
    this.stream = stream;
    const headers: string[] = [];
    let method = '';
    let path = '';
    let authority: string | undefined;
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] as string;
      const value = rawHeaders[i + 1] as string;
      if (name === ':method') method = value;
      else if (name === ':path') path = value;
      else if (name === ':authority') authority = value;
      // One that says the same is no second host.
      else if (!name.startsWith(':') && !(name === 'host' && value === authority)) headers.push(name, value);
    }
    if (authority !== undefined) headers.push('host', authority);
    this.rawHeaders = headers;
    // Nobody else tells of them; they come before 'end'.
    stream.on('trailers', (_fields, _flags, rawTrailers: string[] = []) => {
      this.rawTrailers = rawTrailers;
    });
    this.method = method;
    // What names another host than `:authority` is no path.
    this.url = method === 'CONNECT' ? (authority ?? '') : /^[/*]/.test(path) ? path : '';
  }

  on(event: 'data' | 'end', listener: ((chunk: Buffer) => void) & (() => void)): void {
    this.stream.on(event, listener);
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }
}

/** The response's direction of a stream. What is said when the client has reset it is dropped; 'close' follows. */
class Http2Reply implements ReplyTarget {
  shouldKeepAlive = true;
  private trailers: OutgoingHttpHeaders = {};
  private readonly stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream) {
    this.stream = stream;
    // Without trailers it is the end of the stream.
    stream.on('wantTrailers', () => stream.sendTrailers(this.trailers));
  }

  private get isGone(): boolean {
    return this.stream.closed || this.stream.destroyed;
  }

  get writableFinished(): boolean {
    return this.stream.writableFinished;
  }

  writeContinue(): void {
    if (!this.isGone) this.stream.additionalHeaders({ ':status': 100 });
  }

  writeHead(status: number, _reason: string, headers: readonly string[]): void {
    if (this.isGone) return;
    const fields = fieldsOf(headers);
    this.stream.respond({ ':status': status, ...fields }, { waitForTrailers: fields['content-length'] === undefined });
  }

  addTrailers(trailers: [string, string][]): void {
    this.trailers = fieldsOf(trailers.flat());
  }

  write(chunk: Buffer): boolean {
    return this.isGone || this.stream.write(chunk);
  }

  end(chunk?: string | Uint8Array, encoding: BufferEncoding = 'utf8'): void {
    if (this.isGone) return;
    // A head without a body has ended it.
    if (chunk !== undefined && chunk.length > 0 && !this.stream.writableEnded) this.stream.write(chunk, encoding);
    this.stream.end();
  }

  on(event: 'drain', listener: () => void): void {
    this.stream.on(event, listener);
  }

  once(event: 'finish', listener: () => void): void {
    this.stream.once(event, listener);
  }
}

/** RFC 9113 section 8.2.2: beside what no front passes on. */
const NOT_IN_HTTP_2: ReadonlySet<string> = new Set(['upgrade', 'http2-settings', 'te']);

/** Fields as node:http2 takes them; lines of one name are joined (RFC 9110 section 5.3), but those of Set-Cookie. */
function fieldsOf(headers: readonly string[]): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = {};
  const cookies: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    const value = headers[i + 1] as string;
    if (name === 'set-cookie') cookies.push(value);
    else if (name === 'content-length' || !(isConnectionHeader(name) || NOT_IN_HTTP_2.has(name))) {
      const before = fields[name];
      fields[name] = before === undefined ? value : `${before}, ${value}`;
    }
  }
  if (cookies.length > 0) fields['set-cookie'] = cookies;
  return fields;
}

/** node:http2 makes INTERNAL_ERROR of it, for the client. */
const CUT = new Error('The response is broken off');

/** A stream from its head to its end. */
export class Http2Carrier implements Carrier {
  readonly isHttp2 = true;
  readonly peer: Uint8Array;
  readonly hasBody: boolean;
  private readonly tools: NodeTools;
  private readonly stream: ServerHttp2Stream;
  private readonly response: Http2Reply;
  private exchange: NodeExchange | null = null;

  constructor(tools: NodeTools, stream: ServerHttp2Stream, peer: Uint8Array) {
    this.tools = tools;
    this.stream = stream;
    this.peer = peer;
    this.hasBody = !stream.endAfterHeaders;
    this.response = new Http2Reply(stream);
    // 'close' follows.
    stream.on('error', () => {});
    stream.on('close', this.onClose);
  }

  open(rawHeaders: readonly string[]): void {
    const request = new Http2Request(this.stream, rawHeaders);
    const exchange = new NodeExchange(this.tools, this, request, this.response, null);
    this.exchange = exchange;
    exchange.open();
  }

  refuse(refusal: Refusal, isHead: boolean): void {
    const body = refusalBody(refusal);
    const headers = ['Content-Type', 'text/plain', 'Content-Length', String(body.length)];
    if (refusal.status === REFUSAL.BUSY.status) headers.push('Retry-After', String(RETRY_AFTER_SECONDS));
    this.response.writeHead(refusal.status, '', headers);
    this.response.end(isHead ? '' : body);
    this.next();
  }

  sayLocal(reply: LocalReply): void {
    this.response.writeHead(reply.status, '', reply.headers.flat());
    this.response.end(reply.body);
    this.next();
  }

  /** The client still has to take the end of the response; what it sends of the request is of no use (RFC 9113 section 8.1). */
  next(): void {
    this.exchange = null;
    const { stream, tools } = this;
    if (stream.closed || stream.destroyed) return;
    if (!stream.readableEnded && this.hasBody) stream.close(constants.NGHTTP2_NO_ERROR);
    tools.watch(this, tools.options.httpTimeoutMs);
  }

  /** Not by `close`: it would end the response first, as if it were whole. */
  cut(): void {
    this.stream.destroy(CUT);
  }

  private readonly onClose = (): void => {
    this.tools.unwatch(this);
    const { exchange } = this;
    this.exchange = null;
    exchange?.abandon();
  };
}
