// One log: lines to a standard stream or a file, batched and written without blocking the thread. Every thread has its own
// writer on the same destination, opened for appending, so that lines of different threads do not mix. One of them, the
// main thread's, leads: when it has opened the file again, the others follow by a word in shared memory.
import { close, fstat, rename, stat, write } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { FastwsgiError, systemErrorText } from '../base/errors.js';
import type { LeadingLog } from '../base/log-destination.js';
import { printableLines } from '../base/log-text.js';
import type { LineBuffer } from './line-buffer.js';
import { LineWriter } from './line-writer.js';
import { openLog, openLogSync, openStandardStream, STANDARD_ERROR } from './log-file.js';

/** How often a thread that logs nothing looks whether the file was opened anew, and a failing destination is tried again. */
const TICK_MS = 1000;
/** How long `close` and `drain` wait for whoever reads the log. */
const CLOSE_MS = 1000;

/** Words of the memory that the logs of one server share. */
const GENERATION = 0;
const BORROWERS = 1;
/** Lines that any of the threads has lost. */
const LOST = 2;
const SHARED_WORDS = 3;

const renameFile = promisify(rename);
const closeFile = promisify(close);
const statFile = promisify(stat);
const statDescriptor = promisify(fstat);

export interface LogOptions {
  /** Undefined: a standard stream. */
  readonly file?: string | undefined;
  /** Undefined: standard error. */
  readonly stream?: 1 | 2;
  /** The main thread's log; undefined for that one itself. */
  readonly leader?: LeadingLog;
  /** Takes what the log has to tell of itself, where that may not stand among its lines. */
  readonly tell?: ((text: string) => void) | undefined;
}

/** Writes lines; never throws and never blocks. */
export class Log {
  private file: string | undefined;
  private readonly stream: 1 | 2;
  private readonly tell: (text: string) => void;
  private readonly tellsElsewhere: boolean;
  private readonly writer: LineWriter;
  private readonly isLeader: boolean;
  private readonly memory: SharedArrayBuffer;
  private readonly words: Int32Array;
  private generation: number;
  /** The descriptor is the leader's: not ours to close. */
  private isBorrowed = false;
  private readonly tick: NodeJS.Timeout;
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;

  /** Opens the destination. Throws a FastwsgiError (ERR_FILE) when the file cannot be written. */
  constructor({ file, stream = STANDARD_ERROR, leader, tell }: LogOptions) {
    this.file = file;
    this.stream = stream;
    this.tell = tell ?? ((text) => this.line(text));
    this.tellsElsewhere = tell !== undefined;
    this.isLeader = leader === undefined;
    this.memory = leader?.memory ?? new SharedArrayBuffer(SHARED_WORDS * 4);
    this.words = new Int32Array(this.memory);
    // Read before the file is opened: one that is opened anew in between is opened once more.
    this.generation = Atomics.load(this.words, GENERATION);
    this.writer = new LineWriter(this.open(leader), {
      onFailure: (text) => this.onFailure(text),
      onLost: (count) => Atomics.add(this.words, LOST, count),
      tellLoss: tell,
    });
    this.tick = setInterval(() => {
      this.follow();
      this.writer.retry();
    }, TICK_MS).unref();
  }

  /** Lines of this thread that could not be written and found no room to wait. */
  get lost(): number {
    return this.writer.lost;
  }

  /** The same of all threads that ever were, up to 2^32. */
  get lostByAll(): number {
    return Atomics.load(this.words, LOST) >>> 0;
  }

  /** The file, or undefined for a standard stream. */
  get path(): string | undefined {
    return this.file;
  }

  /** What the log of another thread is made with, as of now. */
  forThread(): LogOptions & { readonly leader: LeadingLog } {
    const { file, stream, memory, generation } = this;
    return { file, stream, leader: { memory, generation, descriptor: this.writer.fd } };
  }

  /** Writes a line; line ends inside `text` make several. Other control characters are shown escaped. */
  line(text: string): void {
    this.rawLine(printableLines(text));
  }

  /** Writes a line that holds no control characters but what the caller put there. */
  rawLine(text: string): void {
    if (this.closed) return;
    // A plain load: who sees the new number one line late has written that line to the old file, where it is not lost.
    if (this.words[GENERATION] !== this.generation) this.follow();
    this.writer.append(text);
    this.writer.pump();
  }

  /** Where a line is written that holds no control characters; `endLine` must follow at once. */
  beginLine(): LineBuffer {
    if (this.words[GENERATION] !== this.generation) this.follow();
    return this.writer.beginLine();
  }

  /** Writes the line that was begun. */
  endLine(): void {
    if (this.closed) return;
    this.writer.endLine();
    this.writer.pump();
  }

  /** Writes a line at once, even if that blocks for a moment: the last words of a thread, which would not live to see a later write. */
  lastLine(text: string): void {
    if (this.closed) return;
    this.writer.append(printableLines(text));
    this.flush();
  }

  /** Resolves when what was logged is written, or after a second. */
  async drain(): Promise<void> {
    if (!this.closed) await Promise.race([this.writer.drain(), sleep(CLOSE_MS, undefined, { ref: false })]);
  }

  /** Writes what is pending, synchronously where the destination allows it; what is being written may come after it. */
  flush(): void {
    if (!this.closed) this.writer.flushSync();
  }

  /** Writes what is pending, for a second at most, and closes the file; what is logged afterwards is dropped. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.tick);
    await Promise.race([this.turn, sleep(CLOSE_MS, undefined, { ref: false })]);
    // Awaited: a thread that exits takes the close along that is still under way, and leaves the descriptor.
    if (await this.writer.end(CLOSE_MS)) await this.release(this.writer.fd);
  }

  /**
   * Opens the file again, after it was renamed by somebody else, and has the other threads do so. Called on the leading
   * log. A file that cannot be opened leaves everybody with the one they have; the log says so, and standard error too.
   */
  reopen(): Promise<void> {
    return this.inTurn(async (file) => {
      if (await this.reopenNow(file)) this.tell(`${file} reopened.`);
    });
  }

  /** As `reopen`, where the file's name stands for another file by now, or for none. */
  renew(): Promise<void> {
    return this.inTurn(async (file) => {
      if (await isOpenAs(file, this.writer.fd)) return;
      if (await this.reopenNow(file)) this.tell(`${file} reopened.`);
    });
  }

  /**
   * Renames the file to `backup`, goes on with a new one, and has the other threads do so. Called on the leading log.
   * Resolves with whether that was possible; if not, the log goes on as it was and says why.
   */
  async rotate(backup: string, why: string): Promise<boolean> {
    let isDone = false;
    await this.inTurn(async (file) => {
      try {
        await renameFile(file, backup);
      } catch (error) {
        this.complain(`Cannot rotate the log ${file} to ${backup}: ${systemErrorText(error)}`);
        return;
      }
      isDone = await this.reopenNow(file);
      if (isDone) this.tell(`${why}, rotated to ${backup}`);
      // Nobody has opened a new one, so this takes nothing away.
      else await renameFile(backup, file).catch(() => {});
    });
    return isDone;
  }

  /**
   * Goes on in another file (`logto2`). Called on the leading log, before there are others. Throws a FastwsgiError
   * (ERR_FILE) when it cannot be written, and goes on as before.
   */
  moveTo(file: string): void {
    const descriptor = openForLog(file, 'logto2');
    this.writer.flushSync();
    this.file = file;
    void this.writer
      .change(async () => descriptor)
      .then((old) => {
        // Not before: until now the old descriptor is the one that is lent.
        this.generation = Atomics.add(this.words, GENERATION, 1) + 1;
        return this.release(old);
      });
  }

  private open(leader: LeadingLog | undefined): number {
    if (this.file === undefined) return openStandardStream(this.stream);
    try {
      return openForLog(this.file, 'logto');
    } catch (error) {
      if (leader === undefined || !this.borrow(leader)) throw error;
      return leader.descriptor;
    }
  }

  /**
   * A file that only root may open was opened before the privileges went: its descriptor serves all threads then. The
   * leader closes none that somebody has borrowed. Both sides write their word first and then read the other's
   * (sequentially consistent), so that the leader sees the borrower or the borrower sees the new generation. Setting the
   * borrowers to 0 takes none of the next descriptor away: its number is handed out by the leader's thread, later.
   */
  private borrow(leader: LeadingLog): boolean {
    Atomics.add(this.words, BORROWERS, 1);
    this.isBorrowed = Atomics.load(this.words, GENERATION) === leader.generation;
    return this.isBorrowed;
  }

  private follow(): void {
    const generation = this.words[GENERATION] as number;
    if (generation === this.generation) return;
    this.generation = generation;
    const { file } = this;
    if (file === undefined || this.isLeader) return;
    this.writer
      .change(() => openLog(file))
      .then(
        (old) => this.release(old),
        (error: unknown) => this.complain(cannotReopen(file, error)),
      );
  }

  private async reopenNow(file: string): Promise<boolean> {
    try {
      const old = await this.writer.change(() => openLog(file));
      this.generation = Atomics.add(this.words, GENERATION, 1) + 1;
      void this.release(old);
      return true;
    } catch (error) {
      this.complain(cannotReopen(file, error));
      return false;
    }
  }

  private async release(descriptor: number): Promise<void> {
    const isLent = this.isLeader && Atomics.exchange(this.words, BORROWERS, 0) > 0;
    const { isBorrowed } = this;
    this.isBorrowed = false;
    if (descriptor > STANDARD_ERROR && !isBorrowed && !isLent) await closeFile(descriptor).catch(() => {});
  }

  /** One reopening after the other: each begins after what made it necessary. */
  private inTurn(work: (file: string) => Promise<void>): Promise<void> {
    const { file } = this;
    if (file === undefined || this.closed) return Promise.resolve();
    const turn = this.turn.then(() => work(file));
    this.turn = turn;
    return turn;
  }

  private onFailure(text: string): void {
    const { file } = this;
    if (file === undefined) return;
    const complaint = `Cannot write the log ${file}: ${text}`;
    if (this.tellsElsewhere) this.tell(complaint);
    else if (this.isLeader) tellStandardError(complaint);
  }

  private complain(text: string): void {
    this.tell(text);
    if (this.isLeader && !this.tellsElsewhere) tellStandardError(text);
  }
}

/** Whether `descriptor` is of the file that has this name. */
async function isOpenAs(file: string, descriptor: number): Promise<boolean> {
  const [named, open] = await Promise.all([statFile(file), statDescriptor(descriptor)]).catch(() => []);
  return named !== undefined && open !== undefined && named.ino === open.ino && named.dev === open.dev;
}

function openForLog(file: string, option: string): number {
  try {
    return openLogSync(file);
  } catch (cause) {
    throw new FastwsgiError('ERR_FILE', `Cannot open the log ${file}: ${systemErrorText(cause)}`, { option, cause });
  }
}

function cannotReopen(file: string, error: unknown): string {
  return `Cannot reopen the log ${file}: ${systemErrorText(error)}. It goes on where it was`;
}

/** What the log cannot tell of itself. */
export function tellStandardError(text: string): void {
  const descriptor = openStandardStream(STANDARD_ERROR);
  write(descriptor, `${printableLines(text)}\n`, () => {
    if (descriptor !== STANDARD_ERROR) close(descriptor, () => {});
  });
}
