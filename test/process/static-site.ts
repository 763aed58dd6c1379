// A folder of files, a server that serves it on both kinds of socket, and requests for them whose paths are sent as they are.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { request as httpRequest } from '../helpers/http-client.js';
import { pattern } from '../helpers/http-front.js';
import type { RunningServer } from '../helpers/server.js';
import { packet, parseResponse, requestVars, UwsgiClient } from '../helpers/uwsgi-client.js';
import { type DisposableServer, disposable, type SocketKind, type Twin } from './threads-client.js';

/** What no client may ever see. */
export const SECRET = 'top secret: not for clients';
export const LARGE_BYTES = 3_000_000;

const APP = `import { existsSync } from 'node:fs';
export async function application(environ, startResponse) {
  if (environ.QUERY_STRING.startsWith('block=')) while (!existsSync(environ.QUERY_STRING.slice(6)));
  startResponse('404 Not Found', [['Content-Type', 'text/plain'], ['X-Application', 'yes']]);
  return ['the application has ' + environ.REQUEST_METHOD + '\\n'];
}
`;

/** The folder: `www` is to be served; `secret.txt`, `www-private` and what links lead to are not. */
export class Site implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'fastwsgi-static-'));

  constructor() {
    this.write('site_app.mjs', APP);
    this.write('www/hello.txt', 'hello\n');
    this.write('www/empty.txt', '');
    this.write('www/sub/index.html', '<p>sub\n');
    this.write('www/index.html', '<p>index\n');
    this.write('www/umlaut-ä.txt', 'ä\n');
    this.write('www/large.bin', pattern(0, LARGE_BYTES));
    this.write('secret.txt', SECRET);
    this.write('www-private/secret.txt', SECRET);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string | Buffer): void {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  link(target: string, name: string): void {
    symlinkSync(target, this.path(name));
  }

  /** Serves the site: `args` are options on top of the sockets and the application. */
  serve(twin: Twin, args: readonly string[]): Promise<DisposableServer> {
    const common = ['--chdir', this.folder, '--module', 'site_app:application'];
    const sockets = ['--http', '127.0.0.1:0', '--socket', '127.0.0.1:0'];
    return disposable({ args: [...common, ...sockets, ...twin.args, ...args], env: twin.env });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface SiteRequest {
  /** Sent byte for byte, latin-1. */
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SiteAnswer {
  readonly status: number;
  /** Lower-cased names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** One request on a connection of its own; undefined when there was no whole answer. */
export function get(
  server: RunningServer,
  kind: SocketKind,
  what: SiteRequest | string,
): Promise<SiteAnswer | undefined> {
  const request = typeof what === 'string' ? { path: what } : what;
  return kind === 'http' ? getHttp(server, request) : getUwsgi(server, request);
}

function getHttp(server: RunningServer, what: SiteRequest): Promise<SiteAnswer | undefined> {
  return httpRequest(server.http(), httpBytes(what));
}

export function httpBytes({ path, method = 'GET', headers = {} }: SiteRequest): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: a\r\n${lines.join('')}\r\n`, 'latin1');
}

/** As a web server would pass it on: the path decoded. */
export function uwsgiBytes({ path, method = 'GET', headers = {} }: SiteRequest): Buffer {
  const vars = Object.entries(headers).map(([name, value]) => {
    return [`HTTP_${name.toUpperCase().replaceAll('-', '_')}`, value] as const;
  });
  const [pathInfo = ''] = path.split('?', 1);
  const decoded = pathInfo.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const all = requestVars({ method, uri: path, vars }).map(
    ([key, value]) => [key, key === 'PATH_INFO' ? decoded : value] as const,
  );
  return packet(all);
}

async function getUwsgi(server: RunningServer, what: SiteRequest): Promise<SiteAnswer | undefined> {
  const client = new UwsgiClient(server.uwsgi());
  await client.send(uwsgiBytes(what));
  const { bytes, error } = await client.outcome;
  if (bytes.length === 0 || error !== undefined) return undefined;
  const { status, headers, body } = parseResponse(bytes);
  return { status, headers: new Map(headers.map(([name, value]) => [name.toLowerCase(), value])), body };
}
