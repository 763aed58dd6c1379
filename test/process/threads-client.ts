// What the tests on threads share: the server on both twins, requests on both kinds of socket, and signs to the application.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadUws } from '../../dist/front/uws/load.js';
import { loadLibc } from '../../dist/system/libc.js';
import { type RunningServer, type ServerStart, startServer } from '../helpers/server.js';
import { requestBytes, UwsgiClient } from '../helpers/uwsgi-client.js';

export const APPS = join(import.meta.dirname, '..', 'helpers', 'apps');

/** The same server with its native parts and without them. */
export interface Twin {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

const portable: Twin = { name: 'portable', args: [], env: { FASTWSGI_NATIVE: '0' } };
const native: Twin = { name: 'native', args: ['--uwsgi-engine', 'epoll', '--http-engine', 'epoll'], env: {} };
const uws: Twin = { name: 'native (uws)', args: ['--uwsgi-engine', 'epoll', '--http-engine', 'uws'], env: {} };

/** Both, where native parts are allowed and load. */
export const TWINS: readonly Twin[] = 'libc' in loadLibc() ? [native, portable] : [portable];

/** And uWebSockets.js where it loads, for what an HTTP engine has a part in. It starts a second later. */
export const ENGINES: readonly Twin[] = 'libc' in loadLibc() && 'uws' in loadUws() ? [...TWINS, uws] : TWINS;

export type SocketKind = 'http' | 'uwsgi';
export const SOCKET_KINDS: readonly SocketKind[] = ['http', 'uwsgi'];

/** Starts test/helpers/apps/threads.ts, or another one of that folder, on a free HTTP and a free uwsgi port. */
export function startApp(twin: Twin, args: readonly string[] = [], start: ServerStart = {}): Promise<DisposableServer> {
  const application = args.includes('--module') ? [] : ['--module', 'threads:application'];
  const all = [
    '--chdir',
    APPS,
    ...application,
    '--http',
    '127.0.0.1:0',
    '--socket',
    '127.0.0.1:0',
    ...twin.args,
    ...args,
  ];
  return disposable({ ...start, args: all, env: { ...twin.env, ...start.env } });
}

/** A server that does not outlive a test that fails before it is stopped. */
export type DisposableServer = RunningServer & AsyncDisposable;

export async function disposable(start: ServerStart): Promise<DisposableServer> {
  const server = await startServer(start);
  return Object.assign(server, {
    [Symbol.asyncDispose]: async () => {
      server.kill('SIGKILL');
      await server.exited;
    },
  });
}

export interface Answer {
  /** 0: the connection was closed without an answer. */
  readonly status: number;
  readonly body: string;
  /** False: the connection broke off in the middle. */
  readonly complete: boolean;
}

const NO_ANSWER: Answer = { status: 0, body: '', complete: false };

/** One GET on a connection of its own. Never rejects: what came back is the answer. `onBegun`: the first bytes of a body are there. */
export function ask(server: RunningServer, kind: SocketKind, uri: string, onBegun = () => {}): Promise<Answer> {
  return kind === 'http' ? askHttp(server, uri, onBegun) : askUwsgi(server, uri, onBegun);
}

function askHttp(server: RunningServer, path: string, onBegun: () => void): Promise<Answer> {
  return new Promise((resolve) => {
    let hasResponse = false;
    const request = httpRequest({ ...server.http(), path, agent: false }, (response) => {
      let body = '';
      hasResponse = true;
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
        onBegun();
      });
      // A response that is cut ends with an error, and 'close' follows.
      response.on('error', () => {});
      response.on('close', () => resolve({ status: response.statusCode ?? 0, body, complete: response.complete }));
    });
    request.on('error', () => {
      if (!hasResponse) resolve(NO_ANSWER);
    });
    request.end();
  });
}

async function askUwsgi(server: RunningServer, uri: string, onBegun: () => void): Promise<Answer> {
  const client = new UwsgiClient(server.uwsgi());
  client.socket.once('data', onBegun);
  await client.send(requestBytes({ uri }));
  const { bytes, error } = await client.outcome;
  const [head = '', body = ''] = bytes.toString('latin1').split('\r\n\r\n', 2);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
  // The end of the connection is the end of the response; one that is cut ends with a reset.
  return status === 0 ? NO_ANSWER : { status, body, complete: error === undefined };
}

/** Signs to the application: files that a test makes appear. */
export class Signs implements Disposable {
  private readonly folder = mkdtempSync(join(tmpdir(), 'fastwsgi-signs-'));

  path(name: string): string {
    return join(this.folder, name);
  }

  give(name: string, content = ''): void {
    writeFileSync(this.path(name), content);
  }

  remove(name: string): void {
    rmSync(this.path(name));
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** How many there are that begin with `prefix`, whoever gave them. */
  count(prefix: string): number {
    return readdirSync(this.folder).filter((name) => name.startsWith(prefix)).length;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits until `done` answers true; throws with `what` after `waitMs`. */
export async function until(what: string, done: () => boolean | Promise<boolean>, waitMs = 30_000): Promise<void> {
  const deadline = performance.now() + waitMs;
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** How often `pattern` is found in the log, `from` characters skipped. */
export function countInLog(server: RunningServer, pattern: RegExp, from = 0): number {
  return [...server.log().slice(from).matchAll(new RegExp(pattern, 'gm'))].length;
}
