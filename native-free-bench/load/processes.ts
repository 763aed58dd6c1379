// What the system says of a process and all below it, by /proc; and how children are started and ended, whatever happens.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Clock ticks per second of /proc: USER_HZ, 100 on every Linux. */
const TICKS_PER_SECOND = 100;
/** How long a child may take to end before it is killed. */
const STOP_MS = 3000;

const children = new Set<ChildProcess>();
// Also when the bench fails or is interrupted: nothing outlives it.
process.on('exit', () => {
  for (const child of children) for (const pid of family(child.pid as number).reverse()) kill(pid, 'SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

/** The fields of /proc/PID/stat from the third on; undefined when the process has ended. */
function statFields(pid: number | string): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Every process below and including `pid`, parents first. */
export function family(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = statFields(entry)?.[1];
    if (parent !== undefined) parents.set(Number(entry), Number(parent));
  }
  const members = [pid];
  for (const member of members) for (const [child, parent] of parents) if (parent === member) members.push(child);
  return members;
}

/** CPU time of a process and of all below it, in seconds. */
export function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const member of family(pid)) {
    const fields = statFields(member);
    if (fields !== undefined) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

/**
 * Memory of a process and of all below it, in bytes: anonymous and shared memory, pages that several share counted once. Mapped
 * files are left out: the more processes run the same binary, the less of it is each one's.
 */
export function memoryBytes(pid: number): number {
  let kilobytes = 0;
  for (const member of family(pid)) {
    try {
      const rollup = readFileSync(`/proc/${member}/smaps_rollup`, 'latin1');
      for (const [, pss] of rollup.matchAll(/^Pss_(?:Anon|Shmem):\s+(\d+) kB/gm)) kilobytes += Number(pss);
    } catch {
      // It has ended meanwhile.
    }
  }
  return kilobytes * 1024;
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export interface Started {
  readonly pid: number;
  /** The last of what it wrote, for an error message. */
  log(): string;
  hasEnded(): boolean;
}

/** Starts a child whose whole family is ended with the bench. */
export function startChild(command: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Started {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { env: { ...process.env, ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4000);
    });
  }
  child.on('error', (error) => {
    log += error.message;
  });
  if (child.pid === undefined) throw new Error(`Cannot start ${file}`);
  children.add(child);
  return { pid: child.pid, log: () => log, hasEnded: () => child.exitCode !== null || child.signalCode !== null };
}

/** Ends a child and all below it: asks first, and kills what is left after STOP_MS. */
export async function stopChild({ pid, hasEnded }: Started): Promise<void> {
  const members = family(pid);
  if (!hasEnded()) kill(pid, 'SIGTERM');
  const until = performance.now() + STOP_MS;
  while (members.some(isAlive) && performance.now() < until) await sleep(20);
  for (const member of members.filter(isAlive)) kill(member, 'SIGKILL');
  for (const child of children) if (child.pid === pid) children.delete(child);
}

function isAlive(pid: number): boolean {
  const state = statFields(pid)?.[0];
  return state !== undefined && state !== 'Z';
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}
