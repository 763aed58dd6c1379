// `fastwsgi-ts top`: a live view of a stats socket in a terminal. It takes the terminal's other screen and gives the first one back
// as it was, however it ends.

import { writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { errorMessage } from '../../base/errors.js';
import { formatSocketAddress, type SocketAddress } from '../../config/address.js';
import { StatsReader } from './read-stats.js';
import { draw, type Line, type Look, SORTS, type SortKey } from './screen.js';

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[0m\x1b[?25h\x1b[?1049l';
const STYLES: Record<Line['style'], string> = { plain: '', head: '\x1b[7m', alarm: '\x1b[31;1m', faint: '\x1b[2m' };
const STDOUT = 1;
const CTRL_C = '\x03';
/** A terminal that does not tell its size. */
const COLUMNS = 80;
const ROWS = 24;
/** Where the output is no terminal: wide enough for what is piped on. */
const PIPE_COLUMNS = 200;
const PIPE_ROWS = 1000;

/** Shows the stats until it is told to end; resolves with the exit status. Where the output is no terminal: once. */
export function runTop(address: SocketAddress, intervalMs: number): Promise<number> {
  const name = formatSocketAddress(address);
  const reader = new StatsReader(address);
  return process.stdout.isTTY === true ? new Top(name, reader, intervalMs).run() : printOnce(name, reader, intervalMs);
}

/** Two looks, so that there are rates. */
async function printOnce(name: string, reader: StatsReader, intervalMs: number): Promise<number> {
  try {
    const before: Look = { stats: await reader.read(), atMs: performance.now() };
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
    const look: Look = { stats: await reader.read(), atMs: performance.now() };
    const view = {
      name,
      look,
      before,
      error: undefined,
      sort: 'w',
      isFrozen: false,
      columns: PIPE_COLUMNS,
      rows: PIPE_ROWS,
    } as const;
    // The last line tells of keys.
    const lines = draw(view).slice(0, -1);
    process.stdout.write(`${lines.map(({ text }) => text.trimEnd()).join('\n')}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`Cannot read the stats at ${name}: ${errorMessage(error)}\n`);
    return 1;
  }
}

class Top {
  private readonly name: string;
  private readonly reader: StatsReader;
  private readonly intervalMs: number;
  private look: Look | undefined;
  private before: Look | undefined;
  private error: string | undefined;
  private sort: SortKey = 'w';
  private isFrozen = false;
  private isReading = false;
  private hasLeft = false;
  private readonly colours = !process.env.NO_COLOR;
  private end: (status: number) => void = () => {};

  constructor(name: string, reader: StatsReader, intervalMs: number) {
    this.name = name;
    this.reader = reader;
    this.intervalMs = intervalMs;
  }

  async run(): Promise<number> {
    const { stdin, stdout } = process;
    const ended = new Promise<number>((resolve) => {
      this.end = resolve;
    });
    process.on('exit', () => this.leave());
    process.once('uncaughtException', (error) => {
      this.leave();
      process.stderr.write(`${error.stack}\n`);
      process.exit(1);
    });
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => this.end(0));
    stdout.on('error', () => this.end(1));
    stdout.on('resize', () => this.paint());
    stdout.write(ENTER);
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.setEncoding('latin1').on('data', (keys: string) => this.onKeys(keys));
    stdin.on('end', () => this.end(0));
    this.paint();
    void this.tick();
    const timer = setInterval(() => void this.tick(), this.intervalMs);
    const status = await ended;
    clearInterval(timer);
    this.leave();
    stdin.pause();
    // A look that is under way is nobody's any more.
    process.exit(status);
  }

  private leave(): void {
    if (this.hasLeft) return;
    this.hasLeft = true;
    try {
      if (process.stdin.isTTY) process.stdin.setRawMode(false);
      // At once: the process may be about to exit.
      writeSync(STDOUT, LEAVE);
    } catch {
      // The terminal has gone.
    }
  }

  private onKeys(keys: string): void {
    for (const key of keys) {
      if (key === 'q' || key === CTRL_C) return this.end(0);
      if (key === ' ') this.isFrozen = !this.isFrozen;
      else if (isSort(key)) this.sort = key;
    }
    this.paint();
  }

  private async tick(): Promise<void> {
    if (this.isReading || this.isFrozen) return;
    this.isReading = true;
    try {
      const stats = await this.reader.read();
      this.before = this.look;
      this.look = { stats, atMs: performance.now() };
      this.error = undefined;
    } catch (error) {
      this.error = errorMessage(error);
    }
    this.isReading = false;
    this.paint();
  }

  private paint(): void {
    if (this.hasLeft) return;
    // 0: a terminal that was not told its size yet (docker exec -t).
    const columns = process.stdout.columns || COLUMNS;
    const rows = process.stdout.rows || ROWS;
    const { name, look, before, error, sort, isFrozen } = this;
    const lines = draw({ name, look, before, error, sort, isFrozen, columns, rows });
    const text = lines.map((line) => this.styled(line, columns)).join('\n');
    // From the top left, each line to its end, then the rest: nothing flickers.
    process.stdout.write(`\x1b[H${text}\x1b[J`);
  }

  private styled({ text, style }: Line, columns: number): string {
    const colour = this.colours || style === 'head' ? STYLES[style] : '';
    // Behind a full line the cursor stands on its last character, which would be erased.
    const rest = text.length < columns ? '\x1b[K' : '';
    return `${colour}${text}${colour === '' ? '' : '\x1b[0m'}${rest}`;
  }
}

function isSort(key: string): key is SortKey {
  return key in SORTS;
}
