// What the tests of kind python share: the server with an application of test/helpers/python, and requests with bodies.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import type { RunningServer, ServerStart } from '../helpers/server.js';
import { exchange, parseResponse, requestBytes } from '../helpers/uwsgi-client.js';
import { type DisposableServer, disposable, type SocketKind, type Twin } from './threads-client.js';

export const PYTHON_APPS = join(import.meta.dirname, '..', '..', 'test', 'helpers', 'python');

/** Why the tests cannot run here, or undefined; where CI says so (CI=true), that is a failure. */
export function pythonMissing(): string | undefined {
  if (process.env.CI === 'true') return undefined;
  const { error } = spawnSync('python3', ['--version']);
  return error === undefined ? undefined : `python3 cannot be run: ${error.message}`;
}

/** Whether a process is there, and is more than a name that nobody has asked for. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

/** Starts an application, contract:application unless `args` name one, on a free HTTP and a free uwsgi port. */
export function startPython(
  twin: Twin,
  args: readonly string[] = [],
  start: ServerStart = {},
): Promise<DisposableServer> {
  const application =
    args.includes('--module') || args.includes('--wsgi-file') ? [] : ['--module', 'contract:application'];
  const sockets = ['--http', '127.0.0.1:0', '--socket', '127.0.0.1:0'];
  return disposable({
    ...start,
    args: ['--chdir', PYTHON_APPS, ...application, ...sockets, ...twin.args, ...args],
    env: { PYTHONDONTWRITEBYTECODE: '1', ...twin.env, ...start.env },
  });
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Question {
  readonly uri: string;
  readonly method?: string;
  readonly body?: Buffer;
}

/** One request and its whole response. Rejects when the connection breaks off. */
export async function call(server: RunningServer, kind: SocketKind, question: Question): Promise<Reply> {
  if (kind === 'http') return callHttp(server, question);
  const { bytes, error } = await exchange(server.uwsgi(), requestBytes(question));
  if (error !== undefined) throw new Error(`${question.uri}: ${error} after ${bytes.length} bytes`);
  const { status, headers, body } = parseResponse(bytes);
  const names = Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]));
  return { status, headers: names, body: body.toString('latin1') };
}

function callHttp(server: RunningServer, { uri, method = 'GET', body }: Question): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Length': String(body.length) };
    const request = httpRequest({ ...server.http(), path: uri, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('latin1'),
        }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}
