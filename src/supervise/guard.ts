// The guard (`master = true`): a small process that holds the listening sockets and starts the server again when that dies.
// It serves nothing, loads no application, and ends when its server has ended by itself.
import { constants } from 'node:os';
import { tlsFiles } from '../config/certificate.js';
import type { Configuration } from '../config/configuration.js';
import { logFileOf } from '../config/log-file.js';
import { VERSION } from '../config/version.js';
import { type OpenFile, openFiles } from '../system/inherited-files.js';
import { notify } from '../system/notify.js';
import { leaveParent, tellParent } from '../system/parent.js';
import { SignalQueue, STOP_SIGNALS } from '../system/signal-queue.js';
import { GuardedServer, type LifeEnd } from './guard-child.js';
import { GuardLog } from './guard-log.js';
import { GuardSockets } from './guard-sockets.js';
import { OwnProcess } from './own-process.js';

/** A server that lived longer than this starts again at once. */
const LONG_LIFE_MS = 10_000;
/** How long to wait after the first, second and further short lives in a row. */
const BACK_OFF_S = [0, 1, 2, 4, 8, 16, 30];
/** What a server may take longer than its own mercy before the guard kills it. */
const GRACE_MS = 5000;
const NO_APPLICATION = 22;
/** sysexits.h: EX_SOFTWARE. */
const SOFTWARE_ERROR = 70;

const OTHER_SIGNALS: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTSTP'];

/** Runs the guard until its server has ended for good; resolves with the exit status. Rejects with a FastwsgiError. */
export async function runGuard(configuration: Configuration): Promise<number> {
  const log = new GuardLog(logFileOf(configuration)).line;
  const own = new OwnProcess(configuration, log);
  const signals = new SignalQueue([...STOP_SIGNALS, ...OTHER_SIGNALS]);
  own.claim();
  const sockets = new GuardSockets(log);
  await sockets.bind(configuration);
  const { cwd, httpsSockets } = configuration;
  const files = openFiles(httpsSockets.flatMap((line) => tlsFiles(line, cwd)));
  try {
    own.settle();
    log(`*** fastwsgi-ts ${VERSION} guard is running (pid: ${process.pid}) ***`);
    const guard = new Guard(configuration, sockets, files, log);
    void signals.run((signal) => guard.onSignal(signal));
    return await guard.run();
  } finally {
    sockets.close();
    if (configuration.vacuum) sockets.vacuum();
    own.leave();
  }
}

class Guard {
  private readonly configuration: Configuration;
  private readonly sockets: GuardSockets;
  private readonly files: readonly OpenFile[];
  private readonly log: (line: string) => void;
  private server: GuardedServer | undefined;
  private stops = 0;
  private everReady = false;
  private shortLives = 0;
  private killTimer: NodeJS.Timeout | undefined;
  private endPause: (() => void) | undefined;

  constructor(
    configuration: Configuration,
    sockets: GuardSockets,
    files: readonly OpenFile[],
    log: (line: string) => void,
  ) {
    this.configuration = configuration;
    this.sockets = sockets;
    this.files = files;
    this.log = log;
  }

  /** Lives, one after the other; the exit status of the last. */
  async run(): Promise<number> {
    // A signal may have come while the sockets were bound.
    await new Promise(setImmediate);
    while (this.stops === 0) {
      const server = new GuardedServer(this.sockets, this.files, (message) => {
        if ('notify' in message) void notify(message.notify);
        else this.onReady();
      });
      this.server = server;
      const end = await server.ended;
      this.server = undefined;
      clearTimeout(this.killTimer);
      const status = this.finalStatus(end);
      if (status !== undefined) return status;
      const how = end.signal === null ? `status ${end.code}` : `killed by signal ${constants.signals[end.signal]}`;
      this.log(`DAMN ! server (pid: ${end.pid}) died, ${how} :( trying respawn ...`);
      await this.backOff(end);
    }
    return 0;
  }

  onSignal(signal: NodeJS.Signals): void {
    const { server } = this;
    if (!STOP_SIGNALS.includes(signal)) {
      if (server !== undefined) return server.forward(signal);
      this.log(`${signal}: the server is not running, it starts anew soon`);
      // What kept it from starting may be mended.
      if (signal === 'SIGHUP') this.endPause?.();
      return;
    }
    this.stops++;
    this.sockets.close();
    this.endPause?.();
    if (server === undefined) return;
    server.forward(signal);
    clearTimeout(this.killTimer);
    const mercyMs = this.stops === 1 ? this.configuration.reloadMercyMs : 0;
    this.killTimer = setTimeout(() => {
      this.log(`server (pid: ${server.pid}) is taking too much time to die...NO MERCY !!!`);
      server.kill();
    }, mercyMs + GRACE_MS);
  }

  private onReady(): void {
    if (!this.everReady) void tellParent({ ready: true }).then(leaveParent);
    this.everReady = true;
  }

  /** The status to end with; undefined: the server is to be started again. */
  private finalStatus({ code }: LifeEnd): number | undefined {
    if (this.stops > 0) return code ?? SOFTWARE_ERROR;
    // It was asked to stop, or has no application.
    if (code === 0 || code === NO_APPLICATION) return code;
    // What has never worked is no accident. What has worked may be kept from it by a file that is wrong only now.
    return this.everReady ? undefined : (code ?? SOFTWARE_ERROR);
  }

  private async backOff({ lifeMs }: LifeEnd): Promise<void> {
    this.shortLives = lifeMs < LONG_LIFE_MS ? this.shortLives + 1 : 0;
    const seconds = BACK_OFF_S[Math.min(Math.max(0, this.shortLives - 1), BACK_OFF_S.length - 1)] ?? 0;
    if (seconds === 0) return;
    this.log(`server respawning too fast !!! i have to sleep a bit (${seconds} seconds)...`);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.endPause = undefined;
  }
}
