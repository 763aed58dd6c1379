// A real nginx in front of the server: its configuration, temporary files and sockets in a folder of its own. It listens on
// unix sockets, so that no port has to be found, and runs in the foreground as a child of the test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SocketTarget } from './server.js';

const START_MS = 10_000;

/** Why the tests of nginx cannot run here, or undefined. Where CI says so (CI=true) a missing nginx is a failure, not a reason. */
export function nginxMissing(): string | undefined {
  if (process.env.CI === 'true') return undefined;
  const { error } = spawnSync('nginx', ['-v']);
  return error === undefined ? undefined : `nginx cannot be run: ${error.message}`;
}

export interface NginxSite {
  /** What `uwsgi_pass` is given. */
  readonly upstream: SocketTarget;
  /** Further lines for its location. */
  readonly settings?: readonly string[];
}

export interface Nginx {
  /** The socket each site is served on. */
  readonly sockets: Readonly<Record<string, string>>;
  /** Standard error, its error log. */
  log(): string;
  /** Ends it; its exit status. */
  stop(): Promise<number | null>;
}

/** Starts nginx with one server for each site, which passes everything on by `uwsgi_pass` and stock uwsgi_params. */
export async function startNginx(sites: Readonly<Record<string, NginxSite>>): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-nginx-'));
  const sockets = Object.fromEntries(Object.keys(sites).map((name) => [name, join(folder, `${name}.sock`)]));
  const servers = Object.entries(sites).map(([name, site]) => siteConfiguration(sockets[name] as string, site));
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, mainConfiguration(folder, servers.join('\n')));
  return runNginx(folder, ['-p', folder, '-c', file], sockets);
}

/** Starts nginx with a configuration of its own; `folder` is removed when it has ended. It serves once every socket answers. */
export async function runNginx(
  folder: string,
  args: readonly string[],
  sockets: Readonly<Record<string, string | number>>,
): Promise<Nginx> {
  const nginx = new NginxProcess(folder, args, sockets as Readonly<Record<string, string>>);
  try {
    for (const socket of Object.values(sockets)) await nginx.answersAt(socket);
  } catch (error) {
    await nginx.stop();
    throw error;
  }
  return nginx;
}

/** `user`, when the test runs as root: its folders are closed to nginx's own user. */
export function userDirective(): string {
  return process.getuid?.() === 0 ? 'user root;' : '';
}

/** Everything nginx writes to, inside `folder`. */
export function temporaryPaths(folder: string): string {
  return ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(folder, `${name}-temp`)};`)
    .join('\n');
}

function mainConfiguration(folder: string, servers: string): string {
  mkdirSync(join(folder, 'logs'), { recursive: true });
  return `
    ${userDirective()}
    daemon off;
    worker_processes 1;
    pid ${join(folder, 'nginx.pid')};
    error_log stderr warn;
    events { worker_connections 256; }
    http {
      access_log off;
      ${temporaryPaths(folder)}
      client_max_body_size 0;
      large_client_header_buffers 4 32k;
      ${servers}
    }
  `;
}

function siteConfiguration(socket: string, { upstream, settings = [] }: NginxSite): string {
  const address = 'path' in upstream ? `unix:${upstream.path}` : `${upstream.host}:${upstream.port}`;
  return `server {
    listen unix:${socket};
    location / {
      include /etc/nginx/uwsgi_params;
      uwsgi_pass ${address};
      ${settings.join('\n')}
    }
  }`;
}

const alive = new Map<ChildProcess, string>();
process.on('exit', () => {
  for (const [child, folder] of alive) {
    // SIGTERM: a master that is killed would leave its workers.
    child.kill('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  }
});

class NginxProcess implements Nginx {
  readonly sockets: Readonly<Record<string, string>>;
  private readonly child: ChildProcess;
  private readonly exited: Promise<number | null>;
  private ended = false;
  private text = '';

  constructor(folder: string, args: readonly string[], sockets: Readonly<Record<string, string>>) {
    this.sockets = sockets;
    this.child = spawn('nginx', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    alive.set(this.child, folder);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.text += text;
      });
    }
    this.exited = new Promise((resolve) => {
      const done = (code: number | null) => {
        alive.delete(this.child);
        this.ended = true;
        rmSync(folder, { recursive: true, force: true });
        resolve(code);
      };
      this.child.once('error', (error) => {
        this.text += error.message;
        done(null);
      });
      this.child.once('close', done);
    });
  }

  log(): string {
    return this.text;
  }

  stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.exited;
  }

  async answersAt(socket: string | number): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (!(await connects(socket))) {
      if (this.ended || performance.now() > deadline) throw new Error(`nginx does not serve ${socket}:\n${this.text}`);
      await sleep(10);
    }
  }
}

export function connects(where: string | number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = typeof where === 'number' ? connect(where, '127.0.0.1') : connect(where);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
