// HTTP requests by node:http whose bodies are as large as they like: sent from a generator, hashed as they come back.
import { createHash } from 'node:crypto';
import { type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface StreamRequest {
  /** A unix socket, or a port of 127.0.0.1. */
  readonly socket: string | number;
  readonly path: string;
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Sent chunked unless the headers have a Content-Length. */
  readonly body?: Iterable<Buffer>;
}

export interface StreamResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Sends a request; its response, whose body is still to be read. An error of the connection rejects, a status never does. */
export function open({ socket, path, method = 'GET', headers = {}, body }: StreamRequest): Promise<IncomingMessage> {
  const where = typeof socket === 'number' ? { host: '127.0.0.1', port: socket } : { socketPath: socket };
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...where, path, method, headers, agent: false });
    outgoing.on('error', reject).on('response', resolve);
    if (body === undefined) outgoing.end();
    // A server may answer before it has read everything, and close: the response says what it thought of it.
    else pipeline(body, outgoing).catch(reject);
  });
}

/** A request and its response, whole. Rejects when the response is cut off. */
export async function send(what: StreamRequest): Promise<StreamResponse> {
  const response = await open(what);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

export interface Download {
  readonly bytes: number;
  readonly sha256: string;
}

/** Reads a response to its end; after each of `pauses` bytes it does nothing for a while. */
export async function download(what: StreamRequest, pauses: readonly number[], pauseMs: number): Promise<Download> {
  const hash = createHash('sha256');
  const left = [...pauses];
  let bytes = 0;
  for await (const chunk of await open(what)) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes < (left[0] ?? Number.POSITIVE_INFINITY)) continue;
    left.shift();
    await sleep(pauseMs);
  }
  return { bytes, sha256: hash.digest('hex') };
}
