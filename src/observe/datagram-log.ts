// A log whose lines are datagrams: to syslog, to a unix socket, or over UDP. What cannot be sent waits, up to a bound, and what
// finds no room is dropped and counted, as with a file. Every thread has its own socket.
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatagramPort, OpenUnixPort } from '../base/datagram-port.js';
import type { DatagramTarget, LeadingLog } from '../base/log-destination.js';
import { lossText } from './line-writer.js';
import { tellStandardError } from './log.js';
import { CTIME_FORMAT, compileDate } from './strftime.js';
import { openUdpPort } from './udp-port.js';

/** Bytes that may wait for whoever receives them, per thread. */
const PENDING_BYTES_MAX = 1024 * 1024;
/** One who is too slow is tried again after this, and after twice as long each time. */
const RETRY_MS = 1;
const RETRY_MS_MAX = 64;
/** One who is not there is tried again after this. */
const TICK_MS = 1000;
const CLOSE_MS = 1000;
/** The system's words for: no room now. */
const FULL: ReadonlySet<string> = new Set(['EAGAIN', 'ENOBUFS', 'ENOMEM']);
/** And for what no later attempt would change. */
const HOPELESS: ReadonlySet<string> = new Set(['EMSGSIZE', 'EINVAL']);

export interface DatagramLogOptions {
  readonly openUnixPort: OpenUnixPort;
  /** Takes what the log has to tell of itself, where that may not stand among its lines. */
  readonly tell?: ((text: string) => void) | undefined;
  /** Counts the lost lines of all threads; undefined: this one leads. */
  readonly leader?: LeadingLog | undefined;
}

/** Sends lines; never throws and never blocks. */
export class DatagramLog {
  private readonly memory: SharedArrayBuffer;
  private readonly words: Int32Array;
  private readonly isLeader: boolean;
  private readonly target: DatagramTarget;
  private readonly port: DatagramPort;
  private readonly tell: (text: string) => void;
  private readonly tellsElsewhere: boolean;
  private readonly date = compileDate(CTIME_FORMAT);
  private readonly tick: NodeJS.Timeout;
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private held = false;
  private failing = false;
  private lostUntold = 0;
  private lossCause = 'they came faster than they could be sent';
  private retryMs = RETRY_MS;
  private retryTimer: NodeJS.Timeout | undefined;
  private drained: (() => void)[] = [];
  private closed = false;

  /** Throws an Error that says why there is no such socket here. */
  constructor(target: DatagramTarget, { openUnixPort, tell, leader }: DatagramLogOptions) {
    this.target = target;
    this.isLeader = leader === undefined;
    this.memory = leader?.memory ?? new SharedArrayBuffer(4);
    this.words = new Int32Array(this.memory);
    this.tell = tell ?? ((text) => this.rawLine(text));
    this.tellsElsewhere = tell !== undefined;
    const { to } = target;
    const port =
      'path' in to ? openUnixPort(to.path) : openUdpPort(to.host, to.port, (code) => this.lose(1, `sending: ${code}`));
    if ('reason' in port) throw new Error(port.reason);
    this.port = port;
    this.tick = setInterval(() => this.flush(), TICK_MS).unref();
  }

  /** What the log of another thread is made with. */
  forThread(): { readonly leader: LeadingLog } {
    return { leader: { memory: this.memory, generation: 0, descriptor: -1 } };
  }

  /** Lines that no thread could send. */
  get lostByAll(): number {
    return Atomics.load(this.words, 0) >>> 0;
  }

  /** Each line of the text goes by itself. */
  rawLine(text: string): void {
    for (const line of text.split('\n')) this.add(Buffer.from(line));
    this.pump();
  }

  lastLine(text: string): void {
    this.rawLine(text);
  }

  /** Tries to send what waits. */
  flush(): void {
    this.held = false;
    this.pump();
  }

  /** Resolves when what was logged is sent, or after a second. */
  async drain(): Promise<void> {
    if (this.waiting.length === 0) return;
    const drained = new Promise<void>((resolve) => this.drained.push(resolve));
    await Promise.race([drained, sleep(CLOSE_MS, undefined, { ref: false })]);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.flush();
    if (!this.failing) await this.drain();
    this.closed = true;
    clearInterval(this.tick);
    clearTimeout(this.retryTimer);
    if (this.waiting.length > 0) this.lose(this.waiting.length, this.lossCause);
    this.port.close();
  }

  private add(line: Buffer): void {
    if (this.closed) return;
    const head = Buffer.from(this.head());
    const { bytesMax, splits } = this.target;
    const room = bytesMax === 0 ? line.length : Math.max(bytesMax - head.length, 1);
    let start = 0;
    do {
      const end = start + room >= line.length ? line.length : characterStart(line, start + room);
      this.put(Buffer.concat([head, line.subarray(start, end)]));
      start = end;
    } while (splits && start < line.length);
  }

  /** `<30>Nov 22 05:02:00 uwsgi: `, RFC 3164 section 4.1; or what the operator wants. */
  private head(): string {
    const { prefix } = this.target;
    if (typeof prefix === 'string') return prefix;
    return `<${prefix.priority}>${this.date(Date.now()).slice(4, 19)} ${prefix.name}: `;
  }

  private put(datagram: Buffer): void {
    if (this.waitingBytes + datagram.length > PENDING_BYTES_MAX) {
      this.lose(1, this.lossCause);
      return;
    }
    this.waiting.push(datagram);
    this.waitingBytes += datagram.length;
  }

  private pump(): void {
    if (this.held || this.closed) return;
    let done = 0;
    for (const datagram of this.waiting) {
      const code = this.port.send(datagram);
      if (code !== undefined && !HOPELESS.has(code)) {
        this.onFailure(code);
        break;
      }
      if (code !== undefined) this.lose(1, code);
      done++;
      this.waitingBytes -= datagram.length;
    }
    if (done > 0) this.waiting = this.waiting.slice(done);
    if (!this.held) this.onEmpty();
  }

  private onFailure(code: string): void {
    this.held = true;
    if (FULL.has(code)) {
      this.lossCause = 'whoever receives them was too slow';
      clearTimeout(this.retryTimer);
      this.retryTimer = setTimeout(() => this.flush(), this.retryMs);
      this.retryMs = Math.min(this.retryMs * 2, RETRY_MS_MAX);
      return;
    }
    this.lossCause = code;
    if (this.failing) return;
    this.failing = true;
    const complaint = `Cannot send the log to ${nameOf(this.target)}: ${code}`;
    if (this.tellsElsewhere) this.tell(complaint);
    else if (this.isLeader) tellStandardError(complaint);
  }

  private onEmpty(): void {
    this.failing = false;
    this.retryMs = RETRY_MS;
    for (const resolve of this.drained.splice(0)) resolve();
    const { lostUntold } = this;
    this.lostUntold = 0;
    if (lostUntold > 0) this.tell(lossText(lostUntold, this.lossCause));
  }

  private lose(count: number, cause: string): void {
    this.lossCause = cause;
    this.lostUntold += count;
    Atomics.add(this.words, 0, count);
  }
}

function nameOf({ to }: DatagramTarget): string {
  return 'path' in to ? to.path : `${to.host}:${to.port}`;
}

/** The last place up to `at` where a character of UTF-8 begins. */
function characterStart(text: Buffer, at: number): number {
  let start = at;
  while (start > 0 && ((text[start] as number) & 0xc0) === 0x80) start--;
  return start === 0 ? at : start;
}
