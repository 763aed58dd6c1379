// Going to the background: the process that was called starts itself again, detached from the terminal, waits until that one
// is ready or has failed, and ends with a status that says which.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { constants } from 'node:os';
import { FastwsgiError, systemErrorText } from '../base/errors.js';
import { childEnvironment, isChildMessage } from './parent.js';

/** Of what a daemon that failed has logged, this much is shown at most. */
const SHOWN_BYTES_MAX = 65_536;
/** No exit status: it was told to stop, and did so with status 0, before it was ready. */
const ENDED_EARLY = -1;

/**
 * Starts this command line again as a daemon: a session of its own, standard input from nowhere, output and errors into
 * `file`. Resolves with 0 when it is ready; with the status it ended with when it is not, after showing what it logged to
 * standard error. `showStart`: that is shown also when all goes well. Throws a FastwsgiError (ERR_FILE).
 */
export async function daemonize(option: string, file: string, showStart: boolean): Promise<number> {
  let fd: number;
  try {
    // Also for reading: to show what was logged.
    fd = openSync(file, 'a+', 0o666);
  } catch (cause) {
    throw new FastwsgiError('ERR_FILE', `Cannot open the log ${file}: ${systemErrorText(cause)}`, { option, cause });
  }
  const from = fstatSync(fd).size;
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    env: childEnvironment('daemonizer'),
    stdio: ['ignore', fd, fd, 'ipc'],
  });
  const stop = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) process.on(signal, stop);
  const status = await readyOrStatus(child);
  if (status !== 0 || showStart) process.stderr.write(loggedSince(fd, from));
  closeSync(fd);
  if (status !== ENDED_EARLY) return status;
  process.stderr.write('The server has ended before it was ready\n');
  return 1;
}

function readyOrStatus(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(endStatus(code, signal)));
    child.on('message', (message) => {
      if (!isChildMessage(message) || !('ready' in message)) return;
      child.removeAllListeners('exit');
      if (child.connected) child.disconnect();
      child.unref();
      resolve(0);
    });
  });
}

/** 128 and more is how a shell shows a death by signal. */
function endStatus(code: number | null, signal: NodeJS.Signals | null): number {
  if (signal !== null) return 128 + constants.signals[signal];
  return code === 0 || code === null ? ENDED_EARLY : code;
}

function loggedSince(fd: number, from: number): Buffer {
  // A terminal or a pipe keeps nothing.
  if (!fstatSync(fd).isFile()) return Buffer.alloc(0);
  const bytes = Buffer.alloc(Math.min(Math.max(0, fstatSync(fd).size - from), SHOWN_BYTES_MAX));
  return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
}
