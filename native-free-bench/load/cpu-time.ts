// CPU time of a server and of the processes that it has forked, as Linux tells it.
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second of /proc: USER_HZ, 100 on every Linux. */
const TICKS_PER_SECOND = 100;

interface Process {
  readonly parent: number;
  readonly seconds: number;
}

/** Seconds of CPU time that process `pid` and its descendants have used since they began. */
export function cpuSecondsOfTree(pid: number): number {
  const processes = new Map<number, Process>();
  for (const name of readdirSync('/proc')) {
    const entry = /^\d+$/.test(name) ? readProcess(name) : undefined;
    if (entry !== undefined) processes.set(Number(name), entry);
  }
  let seconds = 0;
  for (const [candidate, entry] of processes) if (descends(candidate, pid, processes)) seconds += entry.seconds;
  return seconds;
}

function descends(candidate: number, ancestor: number, processes: ReadonlyMap<number, Process>): boolean {
  for (let pid = candidate; pid > 0; pid = processes.get(pid)?.parent ?? 0) if (pid === ancestor) return true;
  return false;
}

/** proc_pid_stat(5): the name, in brackets, may hold spaces; behind it state, ppid, …, utime and stime. */
function readProcess(pid: string): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), seconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND };
  } catch {
    // It has ended since the folder was read.
    return undefined;
  }
}
