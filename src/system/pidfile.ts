// Files that hold the id of a running server. One that was left behind is taken over, one of a live server is an error; and
// a process is signalled only when it is a fastwsgi-ts.
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { FastwsgiError, systemErrorText } from '../base/errors.js';
import { identify } from './process-identity.js';

/** Never waits: a FIFO has nobody at its other end. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;
const WRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NONBLOCK;
/** More than a process id takes. */
const PID_BYTES_MAX = 64;

export type PidfileOption = 'pidfile' | 'pidfile2' | 'safe-pidfile';

/** One pidfile of this process. */
export class Pidfile {
  readonly file: string;
  private readonly option: PidfileOption;
  private fd = -1;

  constructor(option: PidfileOption, file: string) {
    this.option = option;
    this.file = file;
  }

  /** Throws a FastwsgiError (ERR_FILE) when another fastwsgi-ts that is alive stands in the file. */
  check(): void {
    const pid = parsePid(readQuietly(this.file));
    if (pid === undefined || identify(pid, this.file) !== 'fastwsgi-ts' || pid === process.pid) return;
    throw this.error(`the server in it is running (pid: ${pid})`);
  }

  /** Writes our process id, and keeps the file open: who looks for us by it finds us whatever our name is. Throws ERR_FILE. */
  write(): void {
    try {
      this.fd = openSync(this.file, WRITE, 0o644);
      writeSync(this.fd, `${process.pid}\n`);
    } catch (cause) {
      throw this.error(systemErrorText(cause), cause);
    }
  }

  /** Removes the file, if it still holds our process id. */
  remove(log: (line: string) => void): void {
    if (this.fd === -1) return;
    closeSync(this.fd);
    this.fd = -1;
    if (parsePid(readQuietly(this.file)) !== process.pid) return;
    try {
      unlinkSync(this.file);
      log(`VACUUM: pidfile ${this.file} removed.`);
    } catch (error) {
      log(`VACUUM: cannot remove ${this.file}: ${systemErrorText(error)}`);
    }
  }

  private error(why: string, cause?: unknown): FastwsgiError {
    const { option } = this;
    return new FastwsgiError('ERR_FILE', `Cannot use ${option} ${this.file}: ${why}`, { option, cause });
  }
}

/** Sends a signal to the server whose id is in the file. Throws a FastwsgiError (ERR_FILE) that says why it cannot. */
export function signalPidfile(file: string, signal: NodeJS.Signals): void {
  const fail = (why: string, cause?: unknown): never => {
    throw new FastwsgiError('ERR_FILE', `Cannot send ${signal} by the pidfile ${file}: ${why}`, { cause });
  };
  let text = '';
  try {
    text = readStart(file);
  } catch (cause) {
    fail(systemErrorText(cause), cause);
  }
  if (text.trim() === '') fail('it is empty');
  const pid = parsePid(text) ?? fail('it holds no process id');
  const found = identify(pid, file);
  if (found === 'gone') fail(`no process has the id ${pid}, the file is stale`);
  if (found === 'another program') fail(`process ${pid} is another program, the file is stale`);
  try {
    process.kill(pid, signal);
  } catch (cause) {
    fail(`${systemErrorText(cause)} (pid: ${pid})`, cause);
  }
}

/** A process id, nothing around it but white space; undefined for anything else. */
export function parsePid(text: string): number | undefined {
  const pid = /^\s*\d{1,10}\s*$/.test(text) ? Number(text) : 0;
  return pid > 0 && pid <= 0x7fffffff ? pid : undefined;
}

function readQuietly(file: string): string {
  try {
    return readStart(file);
  } catch {
    // It is not there, or not for us to read; if it cannot be written either, that will be the error.
    return '';
  }
}

/** No more than a process id takes: the file may be anything. */
function readStart(file: string): string {
  const fd = openSync(file, READ);
  try {
    const bytes = Buffer.alloc(PID_BYTES_MAX);
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, PID_BYTES_MAX, null));
  } finally {
    closeSync(fd);
  }
}
