// What tells a running server something from outside, other than signals: files that are touched, the master FIFO, and the
// size of its log. From `start` to `stop`, on the main thread.
import { dirname, resolve } from 'node:path';
import { applicationFolder } from '../config/application-folder.js';
import type { Configuration } from '../config/configuration.js';
import { mountsOf } from '../config/mounts.js';
import { LogRotation } from '../observe/log-rotation.js';
import type { Logs } from '../observe/logs.js';
import { type FifoCommand, MasterFifo } from '../system/master-fifo.js';
import { SourceWatch } from '../system/source-watch.js';
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
  private readonly log: Logs;
  private readonly logto2: string | undefined;
  private readonly rotations: readonly LogRotation[];
  private readonly touches: TouchWatch;
  private readonly sources: SourceWatch | undefined;
  private readonly fifo: MasterFifo | undefined;
  private readonly commands: Record<FifoCommand, () => void>;

  constructor(configuration: Configuration, log: Logs, controlled: Controlled) {
    const { touchReload, touchChainReload, touchLogreopen, logMaxBytes, logBackupName, logto2, masterFifo, cwd } =
      configuration;
    const folder = applicationFolder(configuration);
    const path = (file: string) => resolve(cwd, file);
    const line = (text: string) => log.line(text);
    this.log = log;
    this.logto2 = logto2 === undefined ? undefined : path(logto2);
    const backupName = logBackupName === undefined ? undefined : path(logBackupName);
    this.rotations = log.files.map((file) => {
      const { maxBytes = logMaxBytes, backupName: own } = file.target;
      // One name for the backups of several files would lose all but one.
      return new LogRotation(file.log, { maxBytes, backupName: own ?? (file.isFallback ? backupName : undefined) });
    });
    this.commands = {
      r: () => controlled.reload(),
      R: () => controlled.brutalReload(),
      c: () => controlled.chainReload(),
      q: () => controlled.stop(false),
      Q: () => controlled.stop(true),
      p: () => controlled.pause(),
      l: () => void log.reopen(),
      L: () => {
        for (const rotation of this.rotations) void rotation.rotate();
      },
      s: () => controlled.logStatistics(),
      '+': () => controlled.moreWorkers(),
      '-': () => controlled.fewerWorkers(),
    };
    const touching = (files: readonly string[], command: FifoCommand) =>
      files.map((file) => ({ file: resolve(folder, file), action: this.commands[command] }));
    const touchables = [
      ...touching(touchReload, 'r'),
      ...touching(touchChainReload, 'c'),
      ...touching(touchLogreopen, 'l'),
    ];
    this.touches = new TouchWatch(touchables, line);
    const { reloadOnChangeMs } = configuration;
    const onChange = () => controlled.reload();
    this.sources =
      reloadOnChangeMs === 0
        ? undefined
        : new SourceWatch(sourceFolders(configuration), { everyMs: reloadOnChangeMs, onChange, log: line });
    this.fifo =
      masterFifo === undefined
        ? undefined
        : new MasterFifo(resolve(folder, masterFifo), (command) => this.commands[command](), line);
  }

  /** Once privileges are what they stay. Throws a FastwsgiError (ERR_FILE) for a log or a FIFO that cannot be made. */
  start(): void {
    if (this.logto2 !== undefined && !this.log.moveTo(this.logto2)) {
      this.log.line('Option "logto2" has no effect: every line has its logger');
    }
    for (const rotation of this.rotations) rotation.start();
    void this.touches.start();
    void this.sources?.start();
    this.fifo?.open();
  }

  stop(): void {
    for (const rotation of this.rotations) rotation.stop();
    this.touches.stop();
    this.sources?.stop();
    this.fifo?.close();
  }
}

/** Where an application's files are: below chdir, and beside those that are named by a path that leads out of it. */
function sourceFolders(configuration: Configuration): readonly string[] {
  const { wsgiFile, mounts } = configuration;
  const root = applicationFolder(configuration);
  const files = [wsgiFile, ...mountsOf(mounts, undefined).map(({ file }) => file)];
  const folders = files.flatMap((file) => (file === undefined ? [] : [dirname(resolve(root, file))]));
  return [root, ...new Set(folders.filter((folder) => folder !== root && !folder.startsWith(`${root}/`)))];
}
