// Single requests to a peer: until it answers at all, and the answers that all of them must give alike.
import { deepStrictEqual } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Started } from '../load/processes.js';

export const HOST = '127.0.0.1';
const START_MS = 20_000;
const ANSWER_MS = 10_000;
/** How long a connection may stay open after an answer that was to be its last. */
const CLOSE_MS = 500;

export interface Address {
  readonly port: number;
  /** What stands before the paths of the scenarios: nginx's location. */
  readonly prefix: string;
}

export interface Ask {
  readonly path: string;
  /** A POST of as many bytes. */
  readonly uploadBytes?: number;
}

export interface Reply {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly length: string | undefined;
  readonly hash: string;
}

/** One request; rejects when there is no whole answer in time. */
export function ask(
  { port, prefix }: Address,
  { path, uploadBytes }: Ask,
  agent: Agent | false = false,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const method = uploadBytes === undefined ? 'GET' : 'POST';
    const headers = uploadBytes === undefined ? {} : { 'Content-Length': uploadBytes };
    const outgoing = request({ host: HOST, port, path: prefix + path, agent, method, headers }, (response) => {
      const hash = createHash('sha256');
      response.on('data', (chunk: Buffer) => hash.update(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { 'content-type': type, 'content-length': length } = response.headers;
        resolve({ status: response.statusCode, type, length, hash: hash.digest('hex') });
      });
    });
    outgoing.setTimeout(ANSWER_MS, () => outgoing.destroy(new Error(`${path}: no answer in ${ANSWER_MS} ms`)));
    outgoing.on('error', reject);
    outgoing.end(uploadBytes === undefined ? undefined : Buffer.alloc(uploadBytes, 'x'));
  });
}

/** Resolves with the milliseconds since `since` at the first 200. Throws when the peer ends or is not up in time. */
export async function untilAnswer(name: string, address: Address, child: Started, since: number): Promise<number> {
  while (performance.now() - since < START_MS) {
    if (child.hasEnded()) break;
    const reply = await ask(address, { path: '/' }).catch(() => undefined);
    if (reply?.status === 200) return performance.now() - since;
    await sleep(2);
  }
  throw new Error(`${name} does not answer:\n${child.log()}`);
}

/** Throws an AssertionError unless the answer is the one that `expected` says. */
export async function proveAnswer(name: string, address: Address, asked: Ask, expected: Reply): Promise<void> {
  deepStrictEqual(await ask(address, asked), expected, `${name} answers ${asked.path} differently`);
}

export function expectedReply(type: string, body: string | Buffer): Reply {
  const hash = createHash('sha256').update(body).digest('hex');
  return { status: 200, type, length: String(Buffer.byteLength(body)), hash };
}

/** Whether a connection is closed after its answer when the request asks for that. */
export function closesWhenAsked({ port, prefix }: Address): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, HOST, () => {
      socket.write(`GET ${prefix}/ HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
    });
    socket
      .resume()
      .once('end', () => resolve(true))
      .once('error', reject);
    socket.setTimeout(CLOSE_MS, () => {
      socket.destroy();
      resolve(false);
    });
  });
}
