// Raw bytes to an HTTP server and back, and responses taken apart without the help of the code under test.
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Target {
  /** 127.0.0.1 unless given. */
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
}

export interface RawResponse {
  readonly statusLine: string;
  readonly status: number;
  /** Lower-cased names; repeated headers joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** Bytes of chunked bodies before they were decoded. */
  readonly isChunked: boolean;
}

export interface Talk {
  /** Everything that came back. */
  readonly bytes: Buffer;
  /** The server closed the connection. */
  readonly closed: boolean;
}

/** A connection whose received bytes are kept. */
export class RawClient {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  closed = false;
  private readonly changed = new Set<() => void>();
  private readonly parsed: RawResponse[] = [];
  private parsedTo = 0;

  constructor(target: Target) {
    this.socket =
      target.path === undefined ? connect(target.port ?? 0, target.host ?? '127.0.0.1') : connect(target.path);
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
      this.wake();
    });
  }

  /** Sends each piece as a segment of its own. */
  async send(...pieces: readonly (string | Buffer)[]): Promise<void> {
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await sleep(3);
      this.socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
    }
  }

  /** Waits until `done` answers true, or the connection is closed, or `waitMs` has passed. */
  async until(done: () => boolean, waitMs = 20_000): Promise<void> {
    const deadline = performance.now() + waitMs;
    while (!done() && !this.closed) {
      const left = deadline - performance.now();
      if (left <= 0) return;
      await Promise.race([
        new Promise<void>((resolve) => this.changed.add(resolve)),
        sleep(left, undefined, { ref: false }),
      ]);
    }
  }

  /** Waits for `count` complete responses; all that have come. `methods` tells which answer HEAD. */
  async responses(count: number, methods: readonly string[] = []): Promise<RawResponse[]> {
    await this.until(() => this.parse(methods) >= count);
    this.parse(methods);
    return this.parsed;
  }

  private parse(methods: readonly string[]): number {
    for (;;) {
      const next = parseResponse(this.received, this.parsedTo, this.closed, methods[this.parsed.length] === 'HEAD');
      if (next === undefined) return this.parsed.length;
      this.parsed.push(next.response);
      this.parsedTo = next.end;
    }
  }

  destroy(): void {
    this.socket.destroy();
  }

  private wake(): void {
    for (const resolve of this.changed) resolve();
    this.changed.clear();
  }
}

/** Sends pieces, waits for the close or for `waitMs`, and gives everything that came back. */
export async function talk(target: Target, pieces: readonly (string | Buffer)[], waitMs: number): Promise<Talk> {
  const client = new RawClient(target);
  await client.send(...pieces);
  await client.until(() => false, waitMs);
  const { received, closed } = client;
  client.destroy();
  return { bytes: received, closed };
}

/** One request on a connection of its own, answered or not. */
export async function request(target: Target, bytes: string | Buffer): Promise<RawResponse | undefined> {
  const client = new RawClient(target);
  await client.send(bytes);
  const method = bytes.toString('latin1').split(' ', 1)[0] ?? '';
  const [response] = await client.responses(1, [method]);
  client.destroy();
  return response;
}

/** The complete responses that `bytes` hold, 100 Continue left out. Throws when the bytes are no HTTP. */
export function parseResponses(bytes: Buffer, closed: boolean): RawResponse[] {
  const responses: RawResponse[] = [];
  for (let at = 0; ; ) {
    const next = parseResponse(bytes, at, closed, false);
    if (next === undefined) return responses;
    responses.push(next.response);
    at = next.end;
  }
}

function parseResponse(
  bytes: Buffer,
  start: number,
  closed: boolean,
  isHead: boolean,
): { response: RawResponse; end: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n', start, 'latin1');
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = bytes.toString('latin1', start, headEnd).split('\r\n');
  const match = /^HTTP\/1\.1 (\d{3}) ./.exec(statusLine);
  if (match === null) throw new Error(`No status line: ${JSON.stringify(statusLine)}`);
  const status = Number(match[1]);
  const headers = parseHeaders(lines);
  if (status === 100) return parseResponse(bytes, headEnd + 4, closed, isHead);
  const body = parseBody(bytes, headEnd + 4, headers, isHead || status === 204 || status === 304, closed);
  if (body === undefined) return undefined;
  const isChunked = headers.has('transfer-encoding');
  return { response: { statusLine, status, headers, body: body.bytes, isChunked }, end: body.end };
}

function parseHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new Error(`No header: ${JSON.stringify(line)}`);
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

function parseBody(
  bytes: Buffer,
  start: number,
  headers: ReadonlyMap<string, string>,
  isEmpty: boolean,
  closed: boolean,
): { bytes: Buffer; end: number } | undefined {
  if (isEmpty) return { bytes: Buffer.alloc(0), end: start };
  if (headers.get('transfer-encoding') === 'chunked') return parseChunks(bytes, start);
  const length = headers.get('content-length');
  if (length === undefined) return closed ? { bytes: bytes.subarray(start), end: bytes.length } : undefined;
  const end = start + Number(length);
  return end <= bytes.length ? { bytes: bytes.subarray(start, end), end } : undefined;
}

function parseChunks(bytes: Buffer, start: number): { bytes: Buffer; end: number } | undefined {
  const chunks: Buffer[] = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1');
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const chunkEnd = lineEnd + 2 + size;
    if (chunkEnd + 2 > bytes.length) return undefined;
    if (bytes.toString('latin1', chunkEnd, chunkEnd + 2) !== '\r\n')
      throw new Error('A chunk does not end where it should');
    if (size === 0) return { bytes: Buffer.concat(chunks), end: chunkEnd + 2 };
    chunks.push(bytes.subarray(lineEnd + 2, chunkEnd));
    at = chunkEnd + 2;
  }
}
