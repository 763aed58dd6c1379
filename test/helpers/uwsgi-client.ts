// A raw uwsgi client: packets and what comes back as bytes, written without the help of the code under test.
import { connect, type Socket } from 'node:net';
import type { SocketTarget } from './server.js';

export interface UwsgiRequest {
  readonly method?: string;
  /** Path and query as the client sent them. */
  readonly uri?: string;
  /** CONTENT_LENGTH; the length of `body` unless given. */
  readonly contentLength?: string;
  readonly body?: Buffer;
  /** Further vars, in order, repeats allowed. */
  readonly vars?: readonly (readonly [string, string])[];
}

export interface UwsgiResponse {
  readonly statusLine: string;
  readonly status: number;
  /** Names and values as they came. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

/** Everything that came back on one connection. */
export interface Outcome {
  readonly bytes: Buffer;
  /** The connection ended with an error, a reset for one, and not with an end of file. */
  readonly error: string | undefined;
}

/** `u8 modifier1 · u16le datasize · u8 modifier2 · vars`; keys and values are latin-1. */
export function packet(vars: readonly (readonly [string, string])[], modifier1 = 0, modifier2 = 0): Buffer {
  const parts = vars.flatMap(([key, value]) => [sized(key), sized(value)]);
  const block = Buffer.concat(parts);
  return Buffer.concat([header(modifier1, block.length, modifier2), block]);
}

export function header(modifier1: number, datasize: number, modifier2 = 0): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt8(modifier1, 0);
  bytes.writeUInt16LE(datasize, 1);
  bytes.writeUInt8(modifier2, 3);
  return bytes;
}

export function sized(text: string): Buffer {
  const bytes = Buffer.alloc(2 + text.length);
  bytes.writeUInt16LE(text.length, 0);
  bytes.write(text, 2, 'latin1');
  return bytes;
}

/** The vars nginx's uwsgi_params would send. */
export function requestVars({ method = 'GET', uri = '/', contentLength, body, vars = [] }: UwsgiRequest) {
  const [path = '', query = ''] = uri.split(/\?(.*)/s);
  const length = contentLength ?? (body === undefined ? '' : String(body.length));
  return [
    ['QUERY_STRING', query],
    ['REQUEST_METHOD', method],
    ['CONTENT_TYPE', ''],
    ['CONTENT_LENGTH', length],
    ['REQUEST_URI', uri],
    ['PATH_INFO', path],
    ['DOCUMENT_ROOT', '/var/www'],
    ['SERVER_PROTOCOL', 'HTTP/1.1'],
    ['REQUEST_SCHEME', 'http'],
    ['REMOTE_ADDR', '127.0.0.1'],
    ['REMOTE_PORT', '40000'],
    ['SERVER_PORT', '80'],
    ['SERVER_NAME', 'localhost'],
    ...vars,
    ['HTTP_HOST', 'localhost'],
  ] as const satisfies readonly (readonly [string, string])[];
}

/** A whole request. */
export function requestBytes(request: UwsgiRequest): Buffer {
  const head = packet(requestVars(request));
  return request.body === undefined ? head : Buffer.concat([head, request.body]);
}

/** One connection to a uwsgi socket. */
export class UwsgiClient {
  readonly socket: Socket;
  /** Everything that came back, once the server has closed. */
  readonly outcome: Promise<Outcome>;
  /** Bytes that have come back so far. */
  receivedBytes = 0;
  private readonly chunks: Buffer[] = [];
  private error: string | undefined;

  constructor(target: SocketTarget) {
    const where = 'path' in target ? { path: target.path } : { host: target.host, port: target.port };
    this.socket = connect({ ...where, noDelay: true, allowHalfOpen: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.receivedBytes += chunk.length;
      this.chunks.push(chunk);
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error ??= error.code ?? error.message;
    });
    // The server has closed its side: so do we.
    this.socket.on('end', () => this.socket.end());
    this.outcome = new Promise((resolve) => {
      this.socket.on('close', () => resolve({ bytes: Buffer.concat(this.chunks), error: this.error }));
    });
  }

  /** Resolves when the kernel has taken the bytes, or the connection is gone. */
  send(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.socket.write(bytes, () => resolve());
    });
  }

  /** Closes the sending side only. */
  halfClose(): void {
    this.socket.end();
  }

  /** Leaves; what has not been read turns it into a reset. */
  leave(): void {
    this.socket.destroy();
  }

  /** Waits until at least `count` bytes have come, or the connection is closed. */
  async received(count: number): Promise<void> {
    while (this.receivedBytes < count && !this.socket.destroyed) {
      await new Promise<void>((resolve) => {
        const done = () => {
          this.socket.off('data', done).off('close', done);
          resolve();
        };
        this.socket.on('data', done).on('close', done);
      });
    }
  }
}

/** Sends pieces, each as a segment of its own, and gives what came back until the server closed. */
export async function exchange(target: SocketTarget, ...pieces: readonly Buffer[]): Promise<Outcome> {
  const client = new UwsgiClient(target);
  for (const piece of pieces) {
    await client.send(piece);
    if (pieces.length > 1) await new Promise(setImmediate);
  }
  return client.outcome;
}

/** One request and its response. Throws when what comes back is no whole response. */
export async function request(target: SocketTarget, what: UwsgiRequest = {}): Promise<UwsgiResponse> {
  const { bytes, error } = await exchange(target, requestBytes(what));
  if (error !== undefined) throw new Error(`${what.uri ?? '/'}: ${error} after ${bytes.length} bytes`);
  return parseResponse(bytes);
}

/** Takes a response apart. Throws when it has no head, or is shorter than its Content-Length. */
export function parseResponse(bytes: Buffer): UwsgiResponse {
  const headEnd = bytes.indexOf('\r\n\r\n', 0, 'latin1');
  if (headEnd < 0)
    throw new Error(`No response head in ${bytes.length} bytes: ${JSON.stringify(bytes.toString('latin1', 0, 200))}`);
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const status = Number(/^HTTP\/\d\.\d (\d{3}) \S/.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new Error(`No status line: ${JSON.stringify(statusLine)}`);
  const headers = lines.map((line) => {
    const colon = line.indexOf(': ');
    if (colon <= 0) throw new Error(`No header: ${JSON.stringify(line)}`);
    return [line.slice(0, colon), line.slice(colon + 2)] as const;
  });
  return { statusLine, status, headers, body: bytes.subarray(headEnd + 4) };
}
