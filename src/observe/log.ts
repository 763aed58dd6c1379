// The server's log: lines to standard error or a file, batched and written without blocking the thread. Every thread has
// its own writer on the same destination, opened for appending, so that lines of different threads do not mix.
import { once } from 'node:events';
import { openSync, writeSync } from 'node:fs';
import sonicBoom from 'sonic-boom';
import { FastwsgiError, systemErrorText } from '../base/errors.js';

/** Bytes that may wait for a slow destination, per thread; what comes on top is dropped and counted. */
const PENDING_BYTES_MAX = 4 * 1024 * 1024;

/** Where the log goes: a file, or standard error when there is none. */
export interface LogDestination {
  readonly file: string | undefined;
}

const STANDARD_ERROR = 2;

/** Writes lines; never throws and never blocks. */
export class Log {
  /** Lines that found no room. */
  dropped = 0;
  private readonly stream: InstanceType<typeof sonicBoom.SonicBoom>;
  private readonly fd: number;
  private closed = false;

  /** Opens the destination. Throws a FastwsgiError (ERR_FILE) when the file cannot be written. */
  constructor({ file }: LogDestination) {
    this.fd = file === undefined ? STANDARD_ERROR : openForAppending(file);
    this.stream = new sonicBoom.SonicBoom({ fd: this.fd, sync: false, maxLength: PENDING_BYTES_MAX });
    this.stream.on('drop', () => this.dropped++);
    // A full disk or a closed terminal must not stop the server; the lines are lost.
    this.stream.on('error', () => this.dropped++);
  }

  /** Writes a line; line ends inside `text` make several. Other control characters are shown escaped. */
  line(text: string): void {
    this.rawLine(escapeControls(text));
  }

  /** Writes a line that holds no control characters but what the caller put there. */
  rawLine(text: string): void {
    if (!this.closed) this.stream.write(`${text}\n`);
  }

  /** Writes a line at once, even if that blocks: the last words of a thread, which would not live to see a later write. */
  lastLine(text: string): void {
    this.flush();
    try {
      writeSync(this.fd, `${escapeControls(text)}\n`);
    } catch {
      // As with every other line: there is nobody left to tell.
    }
  }

  /** Writes what is pending and closes the file; what is logged afterwards is dropped. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const closed = once(this.stream, 'close');
    this.stream.end();
    await closed.catch(() => {});
  }

  /** Writes what is pending, synchronously where the destination allows it. */
  flush(): void {
    try {
      this.stream.flushSync();
    } catch {
      // The destination is closed or full: there is nobody left to tell.
    }
  }
}

/** Here, and not by the stream: it would open later, and tell of its failure when nobody listens any more. */
function openForAppending(file: string): number {
  try {
    return openSync(file, 'a', 0o666);
  } catch (cause) {
    throw new FastwsgiError('ERR_FILE', `Cannot open the log ${file}: ${systemErrorText(cause)}`, {
      option: 'logto',
      cause,
    });
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Shows control characters (all but tab and line feed) as `\xNN`, so that a log cannot be used against a terminal. */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
