// A server as a process: its log, the signals, what its parent is told, the exit status. Only the command line starts it.
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorReport, exitStatusOf } from './base/errors.js';
import { bannerLines, oddities } from './config/banner.js';
import type { Configuration } from './config/configuration.js';
import { VERSION } from './config/version.js';
import { Logs } from './observe/logs.js';
import { CTIME_FORMAT, compileDate } from './observe/strftime.js';
import { Server } from './server.js';
import { OwnProcess } from './supervise/own-process.js';
import { exitAtOnce } from './system/exit-at-once.js';
import { loadLibc, SYS } from './system/libc.js';
import { notify, notifyByGuard, reloadingState } from './system/notify.js';
import { isGuardMessage, leaveParent, type Parent, tellParent } from './system/parent.js';
import { SignalQueue, STOP_SIGNALS } from './system/signal-queue.js';
import { openUnixPort } from './system/unix-datagrams.js';

const LOG_CLOSE_MS = 1000;
/** An application that takes longer than this to load at the start does not keep a reload waiting, which may bring one that loads. */
const LOADING_MS = 10_000;
const SIGKILL = 9;

const CAUGHT: readonly NodeJS.Signals[] = [...STOP_SIGNALS, 'SIGHUP', 'SIGTSTP', 'SIGUSR1', 'SIGUSR2'];

/**
 * Runs the server. The process ends with the last thread, or with the exit status of what went wrong. `readAgain` reads the
 * configuration anew, for a reload.
 */
export async function serve(
  configuration: Configuration,
  parent: Parent,
  readAgain: () => Configuration,
): Promise<void> {
  // Before the first line: who reads it may signal at once.
  const signals = new SignalQueue(CAUGHT);
  const log = new Logs({ plan: configuration.logPlan }, openUnixPort, configuration.quiet);
  log.inform(
    `*** Starting fastwsgi-ts ${VERSION} (Node ${process.version}) on [${compileDate(CTIME_FORMAT)(Date.now())}] ***`,
  );
  // Of the process and not of the threads alone: TZ, for one, is read from there.
  Object.assign(process.env, configuration.env);
  await new ServingProcess(configuration, log, parent, readAgain).run(signals);
}

class ServingProcess {
  private readonly log: Logs;
  private readonly parent: Parent;
  private readonly server: Server;
  private readonly configuration: Configuration;
  /** Undefined under the guard, which has made of the process what there is to make of it. */
  private readonly own: OwnProcess | undefined;
  private ready = false;
  /** How often we were told to stop: by the guard, and by signal. */
  private stopsByGuard = 0;
  private stopsBySignal = 0;
  private stops = 0;
  /** Asked for before it was ready. */
  private reloadWanted = false;
  private reloads = 0;
  /** When the sockets were bound, on the clock of `performance.now()`. */
  private boundMs: number | undefined;
  private reloadTimer: NodeJS.Timeout | undefined;
  /** Of the configuration that was read last. */
  private warnings: readonly string[];

  constructor(configuration: Configuration, log: Logs, parent: Parent, readConfiguration: () => Configuration) {
    this.log = log;
    this.parent = parent;
    this.configuration = configuration;
    this.warnings = warningsOf(configuration);
    this.own = parent.kind === 'guard' ? undefined : new OwnProcess(configuration, (line) => log.line(line));
    this.server = new Server(configuration, log, {
      onFatal: (error) => this.fail(error),
      onBound: () => this.onBound(),
      onStopAsked: (atOnce) => {
        if (atOnce) this.server.destroy();
        this.stop('SIGTERM', false);
      },
      readConfiguration: () => this.tellNews(readConfiguration()),
    });
  }

  /** What a configuration that was read again warns of, where the one before did not. */
  private tellNews(next: Configuration): Configuration {
    const { log, warnings } = this;
    this.warnings = warningsOf(next);
    for (const text of this.warnings) if (!warnings.includes(text)) log.line(text);
    return next;
  }

  /** Resolves when it serves, or when its end has begun. */
  async run(signals: SignalQueue): Promise<void> {
    const { parent, server, log } = this;
    void signals.run((signal) => this.onSignal(signal, false));
    if (parent.kind === 'guard') this.dependOnGuard(parent.pid);
    try {
      this.own?.claim();
      await server.listen();
    } catch (error) {
      // Stopped while it started: whoever asked for that ends the process.
      if (this.stops === 0) this.fail(error);
      return;
    }
    for (const line of bannerLines(this.configuration, server.addresses)) log.inform(line);
    for (const line of oddities(this.configuration, server.addresses)) log.line(line);
    log.inform(`*** fastwsgi-ts is running (pid: ${process.pid}, workers: ${this.configuration.processes}) ***`);
    this.ready = true;
    clearTimeout(this.reloadTimer);
    const complaint = await notify('READY=1');
    if (complaint !== undefined) log.line(complaint);
    // Whoever waited for us looks at the log next.
    await log.drain();
    await tellParent({ ready: true });
    if (parent.kind === 'daemonizer') leaveParent();
    if (this.reloadWanted) await this.reloadNow();
  }

  private onBound(): void {
    this.own?.settle();
    this.boundMs = performance.now();
    this.reloadInTime();
  }

  private onSignal(signal: NodeJS.Signals, byGuard: boolean): void {
    if (STOP_SIGNALS.includes(signal)) this.stop(signal, byGuard);
    else if (signal === 'SIGHUP') this.reload();
    else if (signal === 'SIGTSTP') this.server.pause();
    else this.server.logStatistics();
  }

  private stop(signal: NodeJS.Signals, byGuard: boolean): void {
    if (byGuard) this.stopsByGuard++;
    else this.stopsBySignal++;
    // A service manager may signal the whole group: under the guard, a signal is the same wish that the guard passes on.
    const bySignal = this.parent.kind === 'guard' ? Math.min(this.stopsBySignal, 1) : this.stopsBySignal;
    const stops = Math.max(this.stopsByGuard, bySignal);
    if (stops === this.stops) return;
    this.stops = stops;
    this.log.line(stops === 1 ? `${signal}: goodbye to fastwsgi-ts` : `${signal} again: ending at once`);
    if (stops === 1) void notify('STOPPING=1');
    else this.server.destroy();
    void this.server.close().then(
      () => this.end(0),
      (error) => this.fail(error),
    );
  }

  /** A reload that is asked for during the start comes after it, if that takes no longer than it should. */
  private reload(): void {
    if (this.ready || this.isLoadingLong) return void this.reloadNow();
    if (this.reloadWanted) return;
    this.reloadWanted = true;
    const seconds = LOADING_MS / 1000;
    this.log.line(
      `SIGHUP: the server is starting, it reloads when the application has loaded, or has been loading for ${seconds} s`,
    );
    this.reloadInTime();
  }

  private get isLoadingLong(): boolean {
    return this.boundMs !== undefined && performance.now() - this.boundMs >= LOADING_MS;
  }

  private reloadInTime(): void {
    if (!this.reloadWanted || this.boundMs === undefined) return;
    this.reloadTimer = setTimeout(() => void this.reloadNow(), this.boundMs + LOADING_MS - performance.now());
  }

  private async reloadNow(): Promise<void> {
    this.reloadWanted = false;
    if (this.stops > 0) return;
    this.reloads++;
    // For the service manager it has to have started first.
    if (this.ready) await notify(reloadingState());
    await this.server.reload();
    this.reloads--;
    if (this.ready && this.reloads === 0 && this.stops === 0) await notify('READY=1');
  }

  /** Without the guard nobody would start this server again, and another one could not have its sockets. */
  private dependOnGuard(guardPid: number): void {
    notifyByGuard();
    process.on('message', (message) => {
      if (isGuardMessage(message)) this.onSignal(message.signal, true);
    });
    process.once('disconnect', () => this.onGuardGone());
    process.channel?.unref();
    const loaded = loadLibc();
    if ('libc' in loaded) loaded.libc.prctl(SYS.PR_SET_PDEATHSIG, SIGKILL);
    if (process.ppid !== guardPid) this.onGuardGone();
  }

  private onGuardGone(): void {
    this.log.lastLine('The guard is gone: ending at once');
    process.exit(1);
  }

  private fail(error: unknown): void {
    this.log.line(errorReport(error));
    this.server.destroy();
    void this.server.close().finally(() => this.end(exitStatusOf(error)));
  }

  private async end(status: number): Promise<void> {
    this.own?.leave();
    // Whoever reads the log may have stopped reading.
    await Promise.race([this.log.close(), sleep(LOG_CLOSE_MS)]);
    if (this.server.stuckThreads > 0) exitAtOnce(status);
    process.exit(status);
  }
}

function warningsOf({ notices }: Configuration): readonly string[] {
  return notices.filter(({ level }) => level === 'warning').map(({ text }) => text);
}
