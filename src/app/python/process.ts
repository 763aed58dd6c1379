// The Python process of one worker: started by its thread, spoken to over two sockets, gone with it. Its standard output and
// error go to the log, line by line.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { errorCode, FastwsgiError, systemErrorText } from '../../base/errors.js';
import { type Libc, SYS } from '../../system/libc.js';
import { WsgiErrors } from '../wsgi/errors.js';
import { type FrameHandler, FrameReader } from './frames.js';
import { type RequestState, RequestStates } from './states.js';

const READ_BYTES = 131_072;
const PROGRAM = fileURLToPath(new URL('../../../python/main.py', import.meta.url));
/** How long the last output of a process that has ended is waited for: somebody else may have its end of the pipe. */
const OUTPUT_MS = 200;

export interface ProcessOptions {
  readonly interpreter: string;
  readonly folder: string;
  /** Without it no descriptors are sent. */
  readonly libc: Libc | undefined;
  /** How many requests it has at a time. */
  readonly tokens: number;
  log(text: string): void;
  onFrame: FrameHandler;
  /** It has ended, and its number may be another process's soon. */
  onExit(): void;
}

/** What `/proc` says of a process, in bytes. */
export interface ProcessMemory {
  readonly addressSpace: number;
  readonly resident: number;
}

/** From `start` to its end. */
export class PythonProcess {
  readonly pid: number;
  /** Resolves when it has ended: how. */
  readonly ended: Promise<string>;
  /** The descriptor of the channel of requests, on which descriptors may be sent; -1 where that cannot be. */
  readonly channel: number;
  private readonly requests: Socket;
  private readonly control: Socket;
  /** Only read: an error of writing would have node:net throw away what was not read yet. */
  private readonly answers: Socket;
  private readonly child: ChildProcess;
  private readonly states: RequestStates;
  private hasEnded = false;
  private killedBy = '';

  /** Throws ERR_APPLICATION_LOAD when it cannot be started. */
  static async start(options: ProcessOptions): Promise<PythonProcess> {
    const states = RequestStates.open(options.tokens);
    if (typeof states === 'string') throw cannotStart(options.interpreter, states);
    const { libc } = options;
    const pairs = libc === undefined ? undefined : { requests: socketPair(libc), answers: socketPair(libc) };
    const outputs = ['ignore', 'pipe', 'pipe'] as const;
    const channels = [pairs?.requests.theirs ?? 'pipe', 'pipe', states.fd, pairs?.answers.theirs ?? 'pipe'] as const;
    const child = spawn(options.interpreter, [PROGRAM], {
      cwd: options.folder,
      stdio: [...outputs, ...channels],
    });
    for (const { theirs } of Object.values(pairs ?? {})) libc?.close(theirs);
    const failure = await new Promise<unknown>((resolve) => {
      child.once('spawn', () => resolve(undefined));
      child.once('error', resolve);
    });
    if (failure === undefined) {
      return new PythonProcess(child, states, pairs?.requests.ours ?? -1, pairs?.answers.ours ?? -1, options);
    }
    states.close();
    for (const { ours } of Object.values(pairs ?? {})) libc?.close(ours);
    // ENOENT may also be the folder.
    const hint = errorCode(failure) === 'ENOENT' ? `, or no directory ${options.folder}` : '';
    throw cannotStart(options.interpreter, `${systemErrorText(failure)}${hint}`);
  }

  private constructor(
    child: ChildProcess,
    states: RequestStates,
    channel: number,
    answers: number,
    options: ProcessOptions,
  ) {
    const { log, onFrame, onExit } = options;
    this.child = child;
    this.states = states;
    this.pid = child.pid as number;
    this.channel = channel;
    this.control = child.stdio[4] as Socket;
    const frames = new FrameReader();
    this.requests = channel >= 0 ? new Socket({ fd: channel }) : (child.stdio[3] as Socket);
    if (answers >= 0) {
      const callback = (count: number, buffer: Uint8Array) => {
        frames.feed(Buffer.from(buffer.buffer, buffer.byteOffset, count), onFrame);
        return true;
      };
      // Read without the machinery of streams. @types/node knows the option with connect() only.
      const onread = { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback };
      this.answers = new Socket({ fd: answers, onread } as SocketConstructorOpts);
    } else {
      this.answers = (child.stdio as readonly unknown[])[6] as Socket;
      this.answers.on('data', (chunk: Buffer) => frames.feed(chunk, onFrame));
    }
    // What cannot be sent any more is the end of the process, which is noticed as such.
    for (const socket of [this.requests, this.control, this.answers]) socket.on('error', () => {});
    const outputs = [child.stdout, child.stderr].map((stream) => {
      const lines = new WsgiErrors(log);
      stream?.setEncoding('utf8').on('data', (text: string) => lines.write(text));
      stream?.on('error', () => {});
      return { lines, closed: new Promise((resolve) => stream?.once('close', resolve)) };
    });
    const answered = new Promise((resolve) => this.answers.once('close', resolve));
    this.ended = new Promise((resolve) => {
      child.once('exit', async (code, signal) => {
        this.hasEnded = true;
        onExit();
        // What it has still said, to the log and to us, comes before its end.
        await Promise.race([Promise.all([...outputs.map(({ closed }) => closed), answered]), sleep(OUTPUT_MS)]);
        for (const { lines } of outputs) lines.flush();
        const how = signal === null ? `ended with status ${code}` : `was killed by ${signal}`;
        resolve(`its Python process (pid: ${this.pid}) ${this.killedBy === '' ? how : `was ${this.killedBy}`}`);
      });
    });
  }

  /** How far it has come with a request, by its own account. Of a process that has ended, the last one. */
  stateOf(token: number, serial: number): RequestState {
    return this.states.of(token, serial);
  }

  /** Whether what is sent on `channel` now comes after all that was sent before. */
  get isDrained(): boolean {
    return this.requests.writableLength === 0 && !this.hasEnded;
  }

  /** Sends bytes on the channel of requests. */
  send(bytes: Buffer): void {
    if (!this.hasEnded) this.requests.write(bytes);
  }

  /** Sends a control frame. */
  tell(frame: Buffer): void {
    if (!this.hasEnded) this.control.write(frame);
  }

  /** What `/proc` knows of its memory; undefined elsewhere, or when it has ended. */
  memory(): ProcessMemory | undefined {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'latin1');
      const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
      return { addressSpace: bytes('VmSize'), resident: bytes('VmRSS') };
    } catch {
      return undefined;
    }
  }

  /** Ends it at once. */
  kill(killedBy: string): void {
    if (this.killedBy === '') this.killedBy = killedBy;
    this.child.kill('SIGKILL');
  }

  /** Has it write the Python stacks of all its threads to the log. */
  dumpStacks(): void {
    this.child.kill('SIGUSR2');
  }

  /** Asks it to end by itself. */
  stop(): void {
    this.requests.end();
  }

  /** Gives everything up that is still open. Once it has ended. */
  release(): void {
    this.requests.destroy();
    this.control.destroy();
    this.answers.destroy();
    this.states.close();
  }
}

function socketPair(libc: Libc): { readonly ours: number; readonly theirs: number } {
  const fds = Buffer.alloc(8);
  if (libc.socketpair(SYS.AF_UNIX, SYS.SOCK_STREAM | SYS.SOCK_CLOEXEC, 0, fds) < 0) {
    throw new FastwsgiError('ERR_APPLICATION_LOAD', `Cannot make a socket for Python: errno ${libc.errno()}`);
  }
  return { ours: fds.readInt32LE(0), theirs: fds.readInt32LE(4) };
}

function cannotStart(interpreter: string, why: string): FastwsgiError {
  return new FastwsgiError('ERR_APPLICATION_LOAD', `Cannot start ${interpreter}: ${why}`, { option: 'home' });
}
