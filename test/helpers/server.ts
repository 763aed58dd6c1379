// A server in a process of its own, as an operator starts it: `node dist/cli.js` with options or an INI file. Its log is
// kept; it ends with the test's process whatever happens.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = join(import.meta.dirname, '..', '..');
const CLI = join(ROOT, 'dist', 'cli.js');
const START_MS = 20_000;
const STOP_MS = 20_000;
const WAIT_MS = 10_000;
/** Characters of the log that an error shows. */
const LOG_TAIL = 4000;

export interface ServerStart {
  /** Command line options. */
  readonly args?: readonly string[];
  /** The text of an INI file, written to the server's folder as `app.ini` and given with `-c`. `%d` is that folder. */
  readonly ini?: string;
  /** On top of this process's environment; undefined takes a name out of it. */
  readonly env?: NodeJS.ProcessEnv;
  /** Working directory; the server's own temporary folder unless given. */
  readonly cwd?: string;
  /** Options for node itself. */
  readonly nodeArgs?: readonly string[];
  /** The node binary; the one that runs the tests unless given. */
  readonly node?: string;
  /** Where `logto` sends the log, when it is not standard error. */
  readonly logFile?: string;
}

export interface ServerAddress {
  readonly protocol: 'uwsgi' | 'http' | 'https';
  /** `127.0.0.1:45678`, `[::1]:45678`, `/path`, `@name`. */
  readonly address: string;
  readonly engine: string;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export type SocketTarget = HostPort | { readonly path: string };

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningServer {
  readonly pid: number;
  /** A temporary folder of this server, removed when it has ended. */
  readonly folder: string;
  readonly addresses: readonly ServerAddress[];
  readonly exited: Promise<Exit>;
  /** Everything logged so far. */
  log(): string;
  /** The first HTTP address. Throws when there is none. */
  http(): HostPort;
  /** The first HTTPS address. Throws when there is none. */
  https(): HostPort;
  /** The first uwsgi address. Throws when there is none. */
  uwsgi(): SocketTarget;
  /** Resolves with the match in the log, of what was logged before included, `from` characters skipped; rejects after 10 s, or `waitMs`. */
  waitForLog(
    pattern: RegExp,
    options?: { readonly from?: number; readonly waitMs?: number },
  ): Promise<RegExpMatchArray>;
  /** Ends it by SIGTERM; its exit status. Rejects, and kills it, when it has not ended after 20 s. */
  stop(): Promise<number>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a server and waits until it serves. Rejects with its log when it ends instead. */
export async function startServer(start: ServerStart = {}): Promise<RunningServer> {
  const server = new ServerProcess(start);
  await Promise.race([
    server.waitForLog(/^(?:.* - )?\*\*\* fastwsgi-ts is running/m, { waitMs: START_MS }),
    server.exited.then(({ code, signal }) => {
      throw new Error(`The server ended with ${signal ?? code} before it served:\n${server.log()}`);
    }),
  ]).catch(async (error: unknown) => {
    server.kill('SIGKILL');
    await server.exited;
    throw error;
  });
  return server;
}

/** Runs the command line to its end: for what is no server, and for what must not start. */
export async function runCli(start: ServerStart = {}): Promise<Exit & { readonly output: string }> {
  const server = new ServerProcess(start);
  const exit = await server.exited;
  return { ...exit, output: server.log() };
}

/** Servers that have not ended yet: none outlives this process. */
const alive = new Map<ChildProcess, string>();
process.on('exit', () => {
  for (const [child, folder] of alive) {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});

class ServerProcess implements RunningServer {
  readonly pid: number;
  readonly folder: string;
  readonly exited: Promise<Exit>;
  private readonly child: ChildProcess;
  private readonly logFile: string | undefined;
  private text = '';
  private ended = false;
  private readonly changed = new Set<() => void>();

  constructor({ args = [], ini, env, cwd, nodeArgs = [], node = process.execPath, logFile }: ServerStart) {
    this.folder = mkdtempSync(join(tmpdir(), 'fastwsgi-server-'));
    this.logFile = logFile;
    const iniArgs: string[] = [];
    if (ini !== undefined) {
      const file = join(this.folder, 'app.ini');
      writeFileSync(file, ini);
      iniArgs.push('-c', file);
    }
    const child = spawn(node, [...nodeArgs, CLI, ...iniArgs, ...args], {
      cwd: cwd ?? this.folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.pid = child.pid ?? 0;
    alive.set(child, this.folder);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.text += text;
        this.announce();
      });
    }
    this.exited = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        alive.delete(child);
        this.text = this.log();
        this.ended = true;
        rmSync(this.folder, { recursive: true, force: true });
        this.announce();
        resolve({ code, signal });
      });
    });
  }

  get addresses(): readonly ServerAddress[] {
    const lines = this.log().matchAll(/^(?:.* - )?(uwsgi|https?) socket bound to (\S+) \((\w+)\)$/gm);
    return Array.from(lines, ([, protocol, address, engine]) => ({
      protocol: protocol as ServerAddress['protocol'],
      address: address as string,
      engine: engine as string,
    }));
  }

  log(): string {
    if (this.logFile === undefined || this.ended) return this.text;
    try {
      return this.text + readFileSync(this.logFile, 'utf8');
    } catch {
      // Not there yet.
      return this.text;
    }
  }

  http(): HostPort {
    return this.tcp('http');
  }

  https(): HostPort {
    return this.tcp('https');
  }

  uwsgi(): SocketTarget {
    return this.target('uwsgi');
  }

  async waitForLog(
    pattern: RegExp,
    { from = 0, waitMs = WAIT_MS }: { readonly from?: number; readonly waitMs?: number } = {},
  ): Promise<RegExpMatchArray> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const match = this.log().slice(from).match(pattern);
      if (match !== null) return match;
      const left = deadline - performance.now();
      if (this.ended || left <= 0)
        throw new Error(`The log never matched ${pattern}:\n${this.log().slice(from).slice(-LOG_TAIL)}`);
      // A log file announces nothing: it is looked at again and again.
      const waitStepMs = this.logFile === undefined ? left : Math.min(left, 20);
      await this.change(waitStepMs);
    }
  }

  async stop(): Promise<number> {
    this.kill('SIGTERM');
    const timer = new AbortController();
    const late = sleep(STOP_MS, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const);
    const exit = await Promise.race([this.exited, late]);
    timer.abort();
    if (exit === 'late') {
      this.kill('SIGKILL');
      await this.exited;
      throw new Error(`The server did not end within ${STOP_MS} ms of SIGTERM:\n${this.log().slice(-LOG_TAIL)}`);
    }
    if (exit.code === null) throw new Error(`The server was killed by ${exit.signal}:\n${this.log().slice(-LOG_TAIL)}`);
    return exit.code;
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.ended) this.child.kill(signal);
  }

  private tcp(protocol: ServerAddress['protocol']): HostPort {
    const target = this.target(protocol);
    if ('path' in target) throw new Error(`The first ${protocol} address is no TCP one: ${target.path}`);
    return target;
  }

  private target(protocol: ServerAddress['protocol']): SocketTarget {
    const address = this.addresses.find((bound) => bound.protocol === protocol)?.address;
    if (address === undefined) throw new Error(`No ${protocol} address in the log:\n${this.log()}`);
    if (address.startsWith('@')) return { path: `\0${address.slice(1)}` };
    if (address.startsWith('/')) return { path: address };
    const colon = address.lastIndexOf(':');
    const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
    return { host: host === '0.0.0.0' ? '127.0.0.1' : host, port: Number(address.slice(colon + 1)) };
  }

  /** Resolves with the next output, the end of the process, or after `waitMs`. */
  private change(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.changed.delete(done);
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      this.changed.add(done);
    });
  }

  private announce(): void {
    for (const done of [...this.changed]) done();
  }
}
