// All logs of a thread: takes lines and request lines and hands them to the targets that the plan names, by default one and
// the same for all. The main thread's lead, those of the workers follow.
import type { OpenUnixPort } from '../base/datagram-port.js';
import { errorMessage } from '../base/errors.js';
import type {
  DatagramTarget,
  LogDestination,
  LogPlan,
  LogRules,
  LogTarget,
  StreamTarget,
} from '../base/log-destination.js';
import { printableLines } from '../base/log-text.js';
import { DatagramLog } from './datagram-log.js';
import { LineBuffer } from './line-buffer.js';
import { Log } from './log.js';
import type { RequestLines } from './request-log.js';
import { CTIME_FORMAT, compileDate } from './strftime.js';

type AnyLog = Log | DatagramLog;

/** A log that is a file, or may become one, and what its logger says of rotating it. */
export interface FileLog {
  readonly log: Log;
  readonly target: StreamTarget;
  /** It is the one that `logto` names. */
  readonly isFallback: boolean;
}

/** Takes lines; never throws and never blocks. */
export class Logs implements RequestLines {
  private readonly plan: LogPlan;
  private readonly logs: readonly AnyLog[];
  private readonly lines: Router;
  private readonly requests: Router;
  /** Where request lines go, when that is one file or stream and none of them is looked at: they are written in place. */
  private readonly onlyRequestLog: Log | undefined;
  /** Where any other request line is written first. */
  private readonly scratch = new LineBuffer();
  private readonly date: ((ms: number) => string) | undefined;
  private readonly isQuiet: boolean;

  /**
   * Opens every target. Throws a FastwsgiError (ERR_FILE) when a file cannot be written. `isQuiet`: `inform` says nothing.
   */
  constructor({ plan, leaders }: LogDestination, openUnixPort: OpenUnixPort, isQuiet = false) {
    const complaints: string[] = [];
    const isForLines = (target: number) =>
      plan.lines.targets.includes(target) || plan.lines.routes.some((route) => route.target === target);
    const tell = (text: string) => this.line(`request log: ${text}`);
    this.plan = plan;
    this.isQuiet = isQuiet;
    this.logs = plan.targets.map((target, i): AnyLog => {
      const leader = leaders?.[i];
      const options = { leader, tell: isForLines(i) ? undefined : tell };
      if (target.kind === 'stream') return new Log({ ...target, ...options });
      try {
        return new DatagramLog(target, { ...options, openUnixPort });
      } catch (error) {
        complaints.push(cannotLogTo(target, error));
        return new Log({ leader });
      }
    });
    this.lines = new Router(plan.lines, this.logs);
    this.requests = plan.requests === plan.lines ? this.lines : new Router(plan.requests, this.logs);
    const { only } = this.requests;
    this.onlyRequestLog = only instanceof Log ? only : undefined;
    this.date = plan.dateFormat === undefined ? undefined : compileDate(plan.dateFormat || CTIME_FORMAT);
    if (leaders === undefined) for (const text of complaints) this.line(text);
  }

  /** What the logs of another thread are made with, as of now. */
  forThread(): LogDestination {
    // A file may have been exchanged for another one meanwhile.
    const targets = this.plan.targets.map((target, i) => {
      const log = this.logs[i];
      return log instanceof Log && target.kind === 'stream' ? { ...target, file: log.path } : target;
    });
    return { plan: { ...this.plan, targets }, leaders: this.logs.map((log) => log.forThread().leader) };
  }

  /** The files. */
  get files(): readonly FileLog[] {
    return this.logs.flatMap((log, i) => {
      const target = this.plan.targets[i] as LogTarget;
      const isFallback = i === this.plan.fallback;
      return log instanceof Log && target.kind === 'stream' ? [{ log, target, isFallback }] : [];
    });
  }

  /** Lines that could not be written and found no room to wait, of all threads and targets. */
  get lost(): number {
    return this.logs.reduce((sum, log) => sum + log.lostByAll, 0);
  }

  /** Writes a line, with the date if there is to be one; line ends inside `text` make several. */
  line(text: string): void {
    const dated = this.dated(text);
    for (const log of this.lines.logsOf(dated)) log.rawLine(dated);
  }

  /** As `line`, of what is good to know and nothing to worry about. */
  inform(text: string): void {
    if (!this.isQuiet) this.line(text);
  }

  /** As `line`, at once, even if that blocks for a moment: the last words of a thread. */
  lastLine(text: string): void {
    const dated = this.dated(text);
    for (const log of this.lines.logsOf(dated)) log.lastLine(dated);
  }

  beginLine(): LineBuffer {
    if (this.onlyRequestLog !== undefined) return this.onlyRequestLog.beginLine();
    this.scratch.clear();
    return this.scratch;
  }

  endLine({ bytes, length }: LineBuffer): void {
    if (this.onlyRequestLog !== undefined) this.onlyRequestLog.endLine();
    else this.requestLines(bytes.toString('utf8', 0, length));
  }

  /** Takes request lines that another thread has written, one or several. */
  requestLines(text: string): void {
    if (this.onlyRequestLog !== undefined) return this.onlyRequestLog.rawLine(text);
    for (const line of text.split('\n')) for (const log of this.requests.logsOf(line)) log.rawLine(line);
  }

  /** Resolves when what was logged is written, or after a second. */
  async drain(): Promise<void> {
    await Promise.all(this.logs.map((log) => log.drain()));
  }

  /** Writes what is pending, synchronously where the destination allows it. */
  flush(): void {
    for (const log of this.logs) log.flush();
  }

  /** Writes what is pending, for a second at most, and closes every target; what is logged afterwards is dropped. */
  async close(): Promise<void> {
    await Promise.all(this.logs.map((log) => log.close()));
  }

  /** Goes on in another file where no logger has been named (`logto2`): see Log.moveTo. False: every line has its logger. */
  moveTo(file: string): boolean {
    const { fallback } = this.plan;
    const log = fallback === undefined ? undefined : this.logs[fallback];
    if (log instanceof Log) log.moveTo(file);
    return log !== undefined;
  }

  /** Opens the files again: see Log.reopen. */
  async reopen(): Promise<void> {
    await Promise.all(this.files.map(({ log }) => log.reopen()));
  }

  /** The same of those whose names stand for other files by now: after a reload, which follows `chdir`, as uWSGI does. */
  async renew(): Promise<void> {
    await Promise.all(this.files.map(({ log }) => log.renew()));
  }

  private dated(text: string): string {
    const shown = printableLines(text);
    if (this.date === undefined) return shown;
    const prefix = `${this.date(Date.now())} - `;
    return shown
      .split('\n')
      .map((line) => prefix + line)
      .join('\n');
  }
}

/** Tells where lines go by the rules. */
class Router {
  /** The target of every line, where there is one and nothing depends on the line. */
  readonly only: AnyLog | undefined;
  private readonly rules: LogRules;
  private readonly logs: readonly AnyLog[];

  constructor(rules: LogRules, logs: readonly AnyLog[]) {
    this.rules = rules;
    this.logs = logs;
    const { drains, filters, routes, targets } = rules;
    const isPlain = drains.length + filters.length + routes.length === 0 && targets.length === 1;
    this.only = isPlain ? logs[targets[0] as number] : undefined;
  }

  logsOf(text: string): readonly AnyLog[] {
    const { drains, filters, routes, targets } = this.rules;
    const matches = (pattern: RegExp) => pattern.test(text);
    if (drains.some(matches) || (filters.length > 0 && !filters.some(matches))) return [];
    const routed = routes.filter(({ pattern }) => matches(pattern)).map(({ target }) => target);
    return [...(routed.length > 0 ? new Set(routed) : targets)].map((target) => this.logs[target] as AnyLog);
  }
}

function cannotLogTo({ to }: DatagramTarget, error: unknown): string {
  const where = 'path' in to ? to.path : `${to.host}:${to.port}`;
  return `Cannot log to ${where}: ${errorMessage(error)}. These lines go to standard error`;
}
