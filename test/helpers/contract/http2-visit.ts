// One request over HTTP/2 on a connection of its own, by node's client; what comes back is written down as HTTP/1.1 would
// have it, so that the contract reads both alike.
import { STATUS_CODES } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import type { HostPort } from '../server.js';
import type { Ask, Visit } from './client.js';

/** Certificates are taken as they are. */
export function connectHttp2({ host, port }: HostPort): ClientHttp2Session {
  return connect(`https://localhost:${port}`, { host, rejectUnauthorized: false });
}

export class Http2Visit implements Visit {
  readonly ended: Promise<{ readonly bytes: Buffer; readonly error: boolean }>;
  private readonly session: ClientHttp2Session;
  private readonly stream: ClientHttp2Stream;
  private readonly chunks: Buffer[] = [];
  private closed = false;
  private onNews = () => {};

  constructor(target: HostPort, ask: Ask, missing: number) {
    const session = connectHttp2(target);
    const body = ask.body === undefined ? undefined : Buffer.from(ask.body);
    const stream = session.request(headersOf(ask, body?.length), { endStream: body === undefined });
    let error = false;
    for (const emitter of [session, stream]) {
      emitter.on('error', () => {
        error = true;
      });
    }
    stream.on('response', (_headers, _flags, rawHeaders: string[] = []) => this.take(headText(rawHeaders)));
    stream.on('data', (chunk: Buffer) => this.take(chunk));
    this.ended = new Promise((resolve) => {
      stream.on('close', () => {
        this.closed = true;
        session.destroy();
        this.onNews();
        resolve({ bytes: this.received, error });
      });
    });
    if (body !== undefined && missing === 0) stream.end(body);
    else if (body !== undefined) stream.write(body.subarray(0, body.length - missing));
    this.session = session;
    this.stream = stream;
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  async until(matches: (bytes: Buffer) => boolean): Promise<void> {
    while (!matches(this.received) && !this.closed) {
      await new Promise<void>((resolve) => {
        this.onNews = resolve;
      });
    }
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  leave(): void {
    this.session.destroy();
  }

  private take(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.onNews();
  }
}

function headersOf({ method = 'GET', target = '/', headers = [] }: Ask, bodyBytes?: number): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = { ':method': method, ':path': target, ':authority': 'contract' };
  if (bodyBytes !== undefined) fields['content-length'] = String(bodyBytes);
  for (const [name, value] of headers) {
    const field = name.toLowerCase() === 'host' ? ':authority' : name.toLowerCase();
    const before = field === ':authority' ? undefined : fields[field];
    fields[field] = before === undefined ? value : [before, value].flat();
  }
  return fields;
}

/** `rawHeaders`: name, value, name, value… */
function headText(rawHeaders: readonly string[]): Buffer {
  let lines = '';
  let status = '';
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i] === ':status') status = rawHeaders[i + 1] as string;
    else lines += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  }
  return Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n${lines}\r\n`, 'latin1');
}
