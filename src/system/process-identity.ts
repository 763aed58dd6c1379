// Whether a process id belongs to a fastwsgi-ts: a number in a file says little, process ids are used again.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { errorCode } from '../base/errors.js';

export type ProcessIdentity = 'fastwsgi-ts' | 'another program' | 'gone';

/** The script that this process runs, whatever the folder it is in is called: another one that runs it is one of us. */
const OWN_SCRIPT = process.argv[1] ?? '';

/**
 * Whether the process is the fastwsgi-ts of this pidfile: it holds the file open, whatever it is called. Where we may not look,
 * whether its command line is a fastwsgi-ts's.
 */
export function identify(pid: number, pidfile: string): ProcessIdentity {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if (errorCode(error) !== 'EPERM') return 'gone';
  }
  const words = commandLine(pid);
  if (words.length === 0) return isZombie(pid) ? 'gone' : 'another program';
  return (holdsOpen(pid, pidfile) ?? words.some((word) => isOurs(word, pid))) ? 'fastwsgi-ts' : 'another program';
}

/** `.../node_modules/fastwsgi-ts/dist/cli.js`, `.../bin/fastwsgi-ts`, or our own script; no file of an application of that name. */
function isOurs(word: string, pid: number): boolean {
  if (/(^|\/)(\.?bin\/fastwsgi-ts|fastwsgi-ts\/dist\/cli\.js)$/.test(word)) return true;
  if (OWN_SCRIPT === '' || basename(word) !== basename(OWN_SCRIPT)) return false;
  try {
    return realpathSync(resolve(`/proc/${pid}/cwd`, word)) === realpathSync(OWN_SCRIPT);
  } catch {
    return false;
  }
}

function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || process.platform === 'linux') return [];
    // No /proc.
    const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    return (stdout ?? '').split(/\s+/).filter(Boolean);
  }
}

/** An ended process whose parent has not asked for its status keeps its number, and runs nothing. */
function isZombie(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch (error) {
    return errorCode(error) === 'ENOENT';
  }
}

/** Whether one of the process's descriptors is the file; undefined where we may not look. */
function holdsOpen(pid: number, file: string): boolean | undefined {
  try {
    const wanted = statSync(file);
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const stat = statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false });
      return stat?.ino === wanted.ino && stat.dev === wanted.dev;
    });
  } catch {
    return undefined;
  }
}
