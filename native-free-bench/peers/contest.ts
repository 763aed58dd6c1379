// What the benchmarks behind nginx share: servers as child processes, one nginx in front of them, rounds of wrk in turn, the CPU
// time of whole process trees, and a report.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds } from '../load/processes.js';
import { median } from '../load/rounds.js';

const CONNECTIONS = 32;
export const WORKERS = 2;
const STOP_MS = 1500;
/** This checkout. */
export const root = resolve(import.meta.dirname, '../..');

export interface Contestant {
  readonly name: string;
  readonly url: string;
  /** The process whose CPU time, with its children's, is the contestant's. */
  readonly process: ChildProcess;
}

interface Round {
  readonly requestsPerSecond: number;
  readonly cpuMicroseconds: number;
}

/** What `rounds` gives of each contestant: medians. */
export interface Figures {
  readonly name: string;
  readonly rate: number;
  readonly cpu: number;
}

/** A temporary folder, and processes that end with it. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'fastwsgi-bench-'));
  private readonly children: ChildProcess[] = [];

  constructor() {
    // nginx' workers run as another user and have to reach the sockets.
    chmodSync(this.folder, 0o755);
  }

  file(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  /** Starts a server; what it says is shown when BENCH_VERBOSE is set. */
  start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const output = process.env.BENCH_VERBOSE ? 'inherit' : 'ignore';
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', output, output] });
    this.children.push(child);
    return child;
  }

  /** Starts nginx with these directives in `http`. */
  startNginx(directives: readonly string[]): void {
    const { folder } = this;
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    );
    this.file(
      'nginx.conf',
      `worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log; daemon off;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; ${temporary.join(' ')}
  ${directives.join('\n  ')}
}
`,
    );
    this.start('nginx', ['-e', `${folder}/nginx.log`, '-c', join(folder, 'nginx.conf')]);
  }

  async end(): Promise<void> {
    for (const child of this.children) child.kill('SIGTERM');
    await sleep(STOP_MS);
    for (const child of this.children) if (child.exitCode === null) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What one server answers, once it answers 200. */
export async function answerOf({ url, name }: Contestant): Promise<Response> {
  for (let tries = 0; tries < 150; tries++) {
    try {
      const response = await fetch(url);
      if (response.status === 200) return response;
      await response.arrayBuffer();
    } catch {
      // Not up yet.
    }
    await sleep(100);
  }
  throw new Error(`${name} does not answer ${url}`);
}

/** Loads every contestant `count` times, in an order that turns from round to round, after one round that only warms up. */
export function rounds(contestants: readonly Contestant[], count: number, seconds: number): readonly Figures[] {
  const results = new Map<Contestant, Round[]>(contestants.map((contestant) => [contestant, []]));
  for (let round = 0; round <= count; round++) {
    const turn = round % contestants.length;
    for (const contestant of [...contestants.slice(turn), ...contestants.slice(0, turn)]) {
      const result = measure(contestant, seconds);
      if (round > 0) results.get(contestant)?.push(result);
    }
  }
  return [...results].map(([{ name }, measured]) => ({
    name,
    rate: median(measured.map((result) => result.requestsPerSecond)),
    cpu: median(measured.map((result) => result.cpuMicroseconds)),
  }));
}

function measure({ name, url, process }: Contestant, seconds: number): Round {
  const pid = process.pid as number;
  const before = cpuSeconds(pid);
  const output = execFileSync('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, url], { encoding: 'utf8' });
  const cpu = cpuSeconds(pid) - before;
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`${name}: wrk saw errors\n${output}`);
  const requests = Number(/(\d+) requests in/.exec(output)?.[1]);
  const requestsPerSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  return { requestsPerSecond, cpuMicroseconds: (cpu / requests) * 1e6 };
}

/** Prints a line for each, and how each compares with `yardstick`. */
export function report(figures: readonly Figures[], yardstick: Figures): void {
  for (const { name, rate, cpu } of figures) {
    const compared = `${(rate / yardstick.rate).toFixed(2)} x the rate, ${(cpu / yardstick.cpu).toFixed(2)} x the CPU`;
    console.log(
      `${name.padEnd(20)} ${rate.toFixed(0).padStart(7)} requests/s  ${cpu.toFixed(1).padStart(7)} us CPU per request` +
        (name === yardstick.name ? '' : `  ${compared} of ${yardstick.name}`),
    );
  }
}
