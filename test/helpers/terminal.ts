// A program in a terminal of its own: python3's pty, because Node has none. Keys go in, what is drawn comes out.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const WAIT_MS = 15_000;

/** Reads lines of commands: `k HEX` types, `r ROWS COLUMNS` resizes, `s SIGNAL` signals. Exits as the program does. */
const RELAY = `
import fcntl, os, pty, select, signal, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
def resize(rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
resize(24, 100)
pending = b''
while True:
    ready = select.select([fd, 0], [], [])[0]
    if fd in ready:
        try:
            data = os.read(fd, 65536)
        except OSError:
            data = b''
        if not data:
            break
        os.write(1, data)
    if 0 in ready:
        data = os.read(0, 65536)
        if not data:
            os.kill(pid, signal.SIGKILL)
            break
        pending += data
        while b'\\n' in pending:
            line, pending = pending.split(b'\\n', 1)
            words = line.decode().split()
            if words[0] == 'k':
                os.write(fd, bytes.fromhex(words[1]))
            elif words[0] == 'r':
                resize(int(words[1]), int(words[2]))
                os.kill(pid, signal.SIGWINCH)
            else:
                os.kill(pid, int(words[1]))
status = os.waitpid(pid, 0)[1]
sys.exit(os.waitstatus_to_exitcode(status) & 255)
`;

/** Why the tests of the terminal cannot run here, or undefined. Where CI says so (CI=true) a missing python3 is a failure, not a reason. */
export function pythonMissing(): string | undefined {
  if (process.env.CI === 'true') return undefined;
  const { error } = spawnSync('python3', ['--version']);
  return error === undefined ? undefined : `python3 cannot be run: ${error.message}`;
}

export class Terminal implements Disposable {
  /** Everything that was drawn. */
  output = '';
  /** The program's exit status. */
  readonly exited: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(command: readonly string[]) {
    this.child = spawn('python3', ['-c', RELAY, ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
    this.child.stdin?.on('error', () => {});
    this.exited = new Promise((resolve) => this.child.once('close', resolve));
  }

  type(keys: string): void {
    this.command(`k ${Buffer.from(keys).toString('hex')}`);
  }

  resize(rows: number, columns: number): void {
    this.command(`r ${rows} ${columns}`);
  }

  signal(signal: number): void {
    this.command(`s ${signal}`);
  }

  /** Waits until what is drawn from now on, or was from the character `from` on, matches. */
  async shows(pattern: RegExp, from = this.output.length): Promise<void> {
    const deadlineMs = performance.now() + WAIT_MS;
    while (!pattern.test(this.output.slice(from))) {
      if (performance.now() > deadlineMs)
        throw new Error(`The terminal never showed ${pattern}:\n${this.output.slice(-3000)}`);
      await sleep(20);
    }
  }

  private command(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  [Symbol.dispose](): void {
    this.child.stdin?.end();
  }
}
