// The contestants of the load benchmark: each is a process that says where it listens.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const HERE = import.meta.dirname;
const CLI = join(HERE, '..', '..', 'dist', 'cli.js');
/** What tells the port: ours in its log, the others by `announce`. */
const LISTENING = /(?:http socket bound to|listening on) 127\.0\.0\.1:(\d+)(?: \((\w+)\))?/;
const OURS_IS_READY = /^\*\*\* fastwsgi-ts is running/m;

/** For the contestants that are no fastwsgi-ts: says where they listen. */
export function announce(address: AddressInfo | string | null): void {
  if (address !== null && typeof address === 'object') console.log(`listening on 127.0.0.1:${address.port}`);
}

export interface ContestOptions {
  readonly workers: number;
  /** With native parts, where they load. */
  readonly native: boolean;
  readonly httpEngine: string;
}

export interface Contestant {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** The most memory that was resident, in bytes; undefined where the system does not say. */
  peakBytes(): number | undefined;
  stop(): Promise<void>;
}

/** Starts all of them; ours is the first. */
export async function startContestants(options: ContestOptions): Promise<readonly Contestant[]> {
  const { workers } = options;
  return [
    await startOurs('fastwsgi-ts', options, ['--disable-logging']),
    await start('node:http, one thread', [join(HERE, 'node-http.js')], {}, LISTENING),
    await start('piscina.run() per request', [join(HERE, 'piscina-http.js'), String(workers)], {}, LISTENING),
  ];
}

/** One of ours alone, with more options. */
export function startOurs(
  name: string,
  { workers, native, httpEngine }: ContestOptions,
  args: readonly string[],
): Promise<Contestant> {
  const sockets = ['--http', '127.0.0.1:0', '--http-engine', httpEngine];
  const all = [
    CLI,
    '--chdir',
    HERE,
    '--module',
    'hello:application',
    '--processes',
    String(workers),
    ...sockets,
    ...args,
  ];
  return start(name, all, native ? {} : { FASTWSGI_NATIVE: '0' }, OURS_IS_READY);
}

async function start(
  name: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  isReady: RegExp,
): Promise<Contestant> {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const log = await readUntil(child, isReady);
  const [, port = '', engine] = LISTENING.exec(log) ?? [];
  return {
    name: engine === undefined ? name : `${name} (${engine})`,
    url: `http://127.0.0.1:${port}/`,
    pid: child.pid ?? 0,
    peakBytes: () => peakBytes(child.pid ?? 0),
    stop: () => stop(child),
  };
}

function readUntil(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        if (pattern.test(log)) resolve(log);
      });
    }
    child.once('exit', () => reject(new Error(`A contestant ended instead of listening:\n${log}`)));
  });
}

function peakBytes(pid: number): number | undefined {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    // No such file outside Linux.
    return undefined;
  }
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill();
  });
}
