// What tells a running server something from outside, other than signals: files that are touched, the master FIFO, and the
// size of its log. From `start` to `stop`, on the main thread.
import { resolve } from 'node:path';
import type { Configuration } from '../config/configuration.js';
import type { Log } from '../observe/log.js';
import { LogRotation } from '../observe/log-rotation.js';
import { type FifoCommand, MasterFifo } from '../system/master-fifo.js';
import { TouchWatch } from '../system/touch-watch.js';

/** What can be asked for. */
export interface Controlled {
  reload(): void;
  /** As `reload`, one worker after the other. */
  chainReload(): void;
  /** As `reload`; requests that run are not waited for. */
  brutalReload(): void;
  stop(atOnce: boolean): void;
  pause(): void;
  logStatistics(): void;
  moreWorkers(): void;
  fewerWorkers(): void;
}

/** The controls of one server. */
export class Controls {
  private readonly log: Log;
  private readonly logto2: string | undefined;
  private readonly rotation: LogRotation;
  private readonly touches: TouchWatch;
  private readonly fifo: MasterFifo | undefined;
  private readonly commands: Record<FifoCommand, () => void>;

  constructor(configuration: Configuration, log: Log, controlled: Controlled) {
    const { touchReload, touchChainReload, touchLogreopen, logMaxBytes, logBackupName, logto2, masterFifo, cwd } =
      configuration;
    const path = (file: string) => resolve(cwd, file);
    const line = (text: string) => log.line(text);
    this.log = log;
    this.logto2 = logto2 === undefined ? undefined : path(logto2);
    const backupName = logBackupName === undefined ? undefined : path(logBackupName);
    this.rotation = new LogRotation(log, { maxBytes: logMaxBytes, backupName });
    this.commands = {
      r: () => controlled.reload(),
      R: () => controlled.brutalReload(),
      c: () => controlled.chainReload(),
      q: () => controlled.stop(false),
      Q: () => controlled.stop(true),
      p: () => controlled.pause(),
      l: () => void log.reopen(),
      L: () => void this.rotation.rotate(),
      s: () => controlled.logStatistics(),
      '+': () => controlled.moreWorkers(),
      '-': () => controlled.fewerWorkers(),
    };
    const touching = (files: readonly string[], command: FifoCommand) =>
      files.map((file) => ({ file: path(file), action: this.commands[command] }));
    const touchables = [
      ...touching(touchReload, 'r'),
      ...touching(touchChainReload, 'c'),
      ...touching(touchLogreopen, 'l'),
    ];
    this.touches = new TouchWatch(touchables, line);
    this.fifo =
      masterFifo === undefined
        ? undefined
        : new MasterFifo(path(masterFifo), (command) => this.commands[command](), line);
  }

  /** Once privileges are what they stay. Throws a FastwsgiError (ERR_FILE) for a log or a FIFO that cannot be made. */
  start(): void {
    if (this.logto2 !== undefined) this.log.moveTo(this.logto2);
    this.rotation.start();
    void this.touches.start();
    this.fifo?.open();
  }

  stop(): void {
    this.rotation.stop();
    this.touches.stop();
    this.fifo?.close();
  }
}
