// `master-fifo`: a named pipe that takes commands of one letter, as in `echo r > server.fifo`. Main thread.
import { spawnSync } from 'node:child_process';
import { close, constants, fstatSync, lstatSync, openSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { getSystemErrorMap } from 'node:util';
import { FastwsgiError, systemErrorText } from '../base/errors.js';
import { loadLibc } from './libc.js';

/** uWSGI's letters that have a meaning here: https://uwsgi-docs.readthedocs.io/en/latest/MasterFIFO.html */
export const FIFO_COMMANDS = {
  r: 'graceful reload',
  R: 'brutal reload',
  c: 'chain reload',
  q: 'graceful stop',
  Q: 'brutal stop',
  p: 'pause or resume',
  l: 'open the log again',
  L: 'rotate the log',
  s: 'statistics to the log',
  '+': 'one worker more',
  '-': 'one worker less',
} as const;

export type FifoCommand = keyof typeof FIFO_COMMANDS;

/** Its owner alone may give commands. */
const MODE = 0o600;
/** Letters of a wrong command that the log shows. */
const SHOWN = 40;

/** Reads commands from a FIFO that exists from `open` to `close`. */
export class MasterFifo {
  private readonly path: string;
  private readonly onCommand: (command: FifoCommand) => void;
  private readonly log: (line: string) => void;
  private socket: Socket | undefined;
  private identity = '';

  /** `path`: absolute. `onCommand` is called for each letter in the order in which they were written. */
  constructor(path: string, onCommand: (command: FifoCommand) => void, log: (line: string) => void) {
    this.path = path;
    this.onCommand = onCommand;
    this.log = log;
  }

  /** Makes the FIFO, in the place of an earlier one. Throws a FastwsgiError (ERR_FILE) when that cannot be, or something else is there. */
  open(): void {
    const descriptor = this.makeAndOpen();
    const stat = fstatSync(descriptor);
    if (!stat.isFIFO()) {
      close(descriptor, () => {});
      throw this.failure('somebody has put something else there');
    }
    this.identity = `${stat.dev}:${stat.ino}`;
    const socket = new Socket({ fd: descriptor, readable: true, writable: false });
    socket.on('data', (bytes: Buffer) => this.read(bytes.toString('latin1')));
    socket.on('error', (error) => this.log(`master fifo ${this.path}: ${systemErrorText(error)}`));
    socket.unref();
    this.socket = socket;
  }

  /** Reads no more, and removes the FIFO if it is still ours. */
  close(): void {
    if (this.socket === undefined) return;
    this.socket.destroy();
    this.socket = undefined;
    const stat = lstatSync(this.path, { throwIfNoEntry: false });
    if (stat === undefined || `${stat.dev}:${stat.ino}` !== this.identity) return;
    try {
      unlinkSync(this.path);
    } catch (error) {
      this.log(`Cannot remove the master fifo ${this.path}: ${systemErrorText(error)}`);
    }
  }

  private makeAndOpen(): number {
    try {
      const stat = lstatSync(this.path, { throwIfNoEntry: false });
      if (stat !== undefined && !stat.isFIFO()) throw this.failure('there is something else of that name');
      if (stat !== undefined) unlinkSync(this.path);
      makeFifo(this.path);
      // For writing too: with a writer that never leaves, the end of the others is no end of the stream.
      return openSync(this.path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    } catch (cause) {
      throw cause instanceof FastwsgiError ? cause : this.failure(systemErrorText(cause), cause);
    }
  }

  private failure(why: string, cause?: unknown): FastwsgiError {
    return new FastwsgiError('ERR_FILE', `Cannot make the master fifo ${this.path}: ${why}`, {
      option: 'master-fifo',
      cause,
    });
  }

  private read(text: string): void {
    let unknown = '';
    for (const letter of text) {
      // A command may end the server.
      if (this.socket === undefined) return;
      if (isCommand(letter)) this.onCommand(letter);
      else if (letter.trim() !== '' && unknown.length < SHOWN) unknown += letter;
    }
    if (unknown !== '') this.log(`master fifo: no such command: ${JSON.stringify(unknown)}`);
  }
}

function isCommand(letter: string): letter is FifoCommand {
  return Object.hasOwn(FIFO_COMMANDS, letter);
}

/** mkfifo(3), or the program of that name where libc cannot be called. Throws an error that says why it failed. */
function makeFifo(path: string): void {
  const loaded = loadLibc();
  if (!('libc' in loaded)) {
    const { status, stderr, error } = spawnSync('mkfifo', ['-m', MODE.toString(8), path], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    });
    if (error !== undefined) throw error;
    // `mkfifo: cannot create fifo 'x': No such file or directory`
    if (status !== 0) throw new Error(stderr.trim().replace(/^.*: /s, '').toLowerCase());
    return;
  }
  if (loaded.libc.mkfifo(path, MODE) === 0) return;
  const [, text] = getSystemErrorMap().get(-loaded.libc.errno()) ?? [];
  throw new Error(text);
}
