// The contract's client: one request on a connection of its own, over HTTP, HTTP/2 or uwsgi (as nginx would send it), taken
// apart without the help of the code under test.
import { connect, type Socket } from 'node:net';
import type { HostPort } from '../server.js';
import { packet } from '../uwsgi-client.js';
import { Http2Visit } from './http2-visit.js';

export type Protocol = 'http' | 'http2' | 'uwsgi';

export interface Ask {
  readonly method?: string;
  /** Path and query as they are sent. */
  readonly target?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: Buffer | string;
}

export interface Answer {
  readonly status: number;
  readonly reason: string;
  /** Names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** As far as the protocol tells: the response is whole. */
  readonly complete: boolean;
}

/** An open connection with a request on it. */
export interface Visit {
  /** Resolves with everything that came when the connection has ended; `error` when it was reset. */
  readonly ended: Promise<{ readonly bytes: Buffer; readonly error: boolean }>;
  /** Head and body; of HTTP/2 as HTTP/1.1 would have them. */
  readonly received: Buffer;
  /** Resolves when what came matches, or the connection has ended. */
  until(matches: (bytes: Buffer) => boolean): Promise<void>;
  /** Reads nothing until `resume`. */
  pause(): void;
  resume(): void;
  leave(): void;
}

class TcpVisit implements Visit {
  readonly ended: Promise<{ readonly bytes: Buffer; readonly error: boolean }>;
  private readonly socket: Socket;
  private readonly chunks: Buffer[] = [];
  private onData = () => {};

  constructor(target: HostPort, bytes: Buffer) {
    let error = false;
    this.socket = connect({ ...target, noDelay: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.onData();
    });
    this.socket.on('error', () => {
      error = true;
    });
    this.ended = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.onData();
        resolve({ bytes: this.received, error });
      });
    });
    this.socket.write(bytes);
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  async until(matches: (bytes: Buffer) => boolean): Promise<void> {
    while (!matches(this.received) && !this.socket.closed) {
      await new Promise<void>((resolve) => {
        this.onData = resolve;
      });
    }
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  leave(): void {
    this.socket.destroy();
  }
}

/** The addresses of one server, and how to ask it. */
export class Client {
  readonly protocol: Protocol;
  readonly target: HostPort;

  constructor(protocol: Protocol, target: HostPort) {
    this.protocol = protocol;
    this.target = target;
  }

  /** The whole request as bytes; the connection ends after it. */
  private bytes(ask: Ask): Buffer {
    const body = Buffer.from(ask.body ?? '');
    const head = this.protocol === 'http' ? httpHead(ask, body.length) : uwsgiHead(ask, body.length);
    return Buffer.concat([head, body]);
  }

  /** `missing`: bytes of the body that are not sent. */
  visit(ask: Ask, missing = 0): Visit {
    if (this.protocol === 'http2') return new Http2Visit(this.target, ask, missing);
    const bytes = this.bytes(ask);
    return new TcpVisit(this.target, bytes.subarray(0, bytes.length - missing));
  }

  async ask(ask: Ask): Promise<Answer> {
    const { bytes, error } = await this.visit(ask).ended;
    return this.parse(bytes, error, ask.method === 'HEAD');
  }

  parse(bytes: Buffer, error: boolean, isHead = false): Answer {
    const headEnd = bytes.indexOf('\r\n\r\n', 0, 'latin1');
    if (headEnd < 0) throw new Error(`No response head in ${bytes.length} bytes: ${bytes.toString('latin1', 0, 200)}`);
    const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
    const [, status, reason = ''] = /^HTTP\/1\.[01] (\d{3}) (.+)$/.exec(statusLine) ?? [];
    if (status === undefined) throw new Error(`No status line: ${statusLine}`);
    const headers = lines.map((line) => {
      const [, name = '', value = ''] = /^([^:\s]+): ?(.*)$/s.exec(line) ?? [];
      return [name.toLowerCase(), value] as const;
    });
    const rest = bytes.subarray(headEnd + 4);
    const framed =
      this.protocol === 'http' ? unframe(rest, headers, isHead || /^(?:204|304)$/.test(status)) : undefined;
    return {
      status: Number(status),
      reason,
      headers,
      ...(framed ?? { body: rest, complete: true }),
      ...(error ? { complete: false } : {}),
    };
  }
}

/** The body of an HTTP response as its head frames it. */
function unframe(rest: Buffer, headers: Answer['headers'], isEmpty: boolean): Pick<Answer, 'body' | 'complete'> {
  const header = (wanted: string) => headers.find(([name]) => name === wanted)?.[1];
  if (isEmpty) return { body: rest, complete: true };
  if (header('transfer-encoding') === 'chunked') return unchunk(rest);
  const length = header('content-length');
  return length === undefined
    ? { body: rest, complete: true }
    : { body: rest.subarray(0, Number(length)), complete: rest.length === Number(length) };
}

function unchunk(rest: Buffer): Pick<Answer, 'body' | 'complete'> {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf('\r\n', at, 'latin1');
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(rest.toString('latin1', at, lineEnd), 16);
    const from = lineEnd + 2;
    if (Number.isNaN(size) || from + size + 2 > rest.length) return { body: Buffer.concat(chunks), complete: false };
    if (size === 0) return { body: Buffer.concat(chunks), complete: from + 2 === rest.length };
    chunks.push(rest.subarray(from, from + size));
    at = from + size + 2;
  }
}

/** A request's head; `Connection: close` unless a Connection is given. */
export function httpHead({ method = 'GET', target = '/', headers = [], body }: Ask, bodyBytes: number): Buffer {
  const has = (wanted: string) => headers.some(([name]) => name.toLowerCase() === wanted);
  const lines = [`${method} ${target} HTTP/1.1`];
  if (!has('host')) lines.push('Host: contract');
  if (!has('connection')) lines.push('Connection: close');
  if (body !== undefined && !has('content-length')) lines.push(`Content-Length: ${bodyBytes}`);
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** What nginx's uwsgi_params makes of a request: PATH_INFO decoded, repeated headers joined. */
function uwsgiHead({ method = 'GET', target = '/', headers = [], body }: Ask, bodyBytes: number): Buffer {
  const [path = '', query = ''] = target.split(/\?(.*)/s);
  const vars = new Map([
    ['QUERY_STRING', query],
    ['REQUEST_METHOD', method],
    ['CONTENT_TYPE', ''],
    ['CONTENT_LENGTH', body === undefined ? '' : String(bodyBytes)],
    ['REQUEST_URI', target],
    ['PATH_INFO', Buffer.from(decodeURIComponent(path)).toString('latin1')],
    ['DOCUMENT_ROOT', '/var/www'],
    ['SERVER_PROTOCOL', 'HTTP/1.1'],
    ['REQUEST_SCHEME', 'http'],
    ['REMOTE_ADDR', '127.0.0.1'],
    ['REMOTE_PORT', '40000'],
    ['SERVER_PORT', '80'],
    ['SERVER_NAME', 'contract'],
    ['HTTP_HOST', 'contract'],
  ]);
  for (const [name, value] of headers) {
    const variable = name.toUpperCase().replaceAll('-', '_');
    const before = vars.get(`HTTP_${variable}`);
    const joined =
      before === undefined || variable === 'HOST' ? value : before + (variable === 'COOKIE' ? '; ' : ', ') + value;
    vars.set(`HTTP_${variable}`, joined);
    if (variable === 'CONTENT_TYPE') vars.set(variable, value);
  }
  return packet([...vars]);
}
