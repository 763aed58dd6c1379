// The stats of one server: puts the report together, watches the backlogs, and serves the stats and the metrics sockets. On the
// main thread, from shared memory, so that a worker that is stuck is told of like any other.
import { FRONTS_MAX } from '../base/limits.js';
import { socketOwner } from '../config/accounts.js';
import type { Configuration } from '../config/configuration.js';
import { VERSION } from '../config/version.js';
import type { Counts } from '../observe/counters.js';
import { FrontCounters } from '../observe/front-counters.js';
import type { InheritedSocket, Wanted } from '../system/inherited.js';
import { type Libc, loadLibc } from '../system/libc.js';
import type { BindAddress } from '../system/listen.js';
import { type ListenQueue, listenQueues } from '../system/listen-queue.js';
import type { ServerSocket } from '../system/listen-server.js';
import type { SocketFiles } from '../system/socket-files.js';
import { Listener } from './listener.js';
import { serveMetrics } from './metrics-http.js';
import { pageAssets } from './page-assets.js';
import type { ServerReport, ServerState, SocketReport, WorkersReport } from './report.js';
import { serveStats } from './stats-http.js';
import { sendStats } from './stats-socket.js';
import { statsText } from './uwsgi-json.js';

/** As uWSGI's master does. */
const BACKLOG_EVERY_MS = 1000;

export interface BoundSocket {
  readonly protocol: 'uwsgi' | 'http' | 'https';
  readonly engine: string;
  readonly address: string;
}

export interface StatsOptions {
  readonly configuration: Configuration;
  /** Where the stats and the metrics are served. */
  readonly wanted: readonly Wanted[];
  readonly inherited: ReadonlyMap<BindAddress, InheritedSocket>;
  readonly frontCounters: SharedArrayBuffer;
  /** What the fronts of a part have answered themselves, out of files or by routes. */
  localCounts(front: number): Counts;
  sockets(): readonly BoundSocket[];
  workers(): WorkersReport;
  state(): ServerState;
  /** Lines that the log had to drop. */
  droppedLogLines(): number;
  log(line: string): void;
  /** As `log`, of what `quiet` leaves out. */
  inform(line: string): void;
}

/** From `listen` to `close`. */
export class Stats {
  private readonly options: StatsOptions;
  private readonly fronts: readonly FrontCounters[];
  private readonly listeners: Listener[] = [];
  private readonly libc: Libc | undefined;
  private readonly startedAtMs = Date.now();
  private queues: ReadonlyMap<string, ListenQueue> = new Map();
  /** Sockets whose backlog was full when it was looked at last. */
  private full = new Set<string>();
  private listenQueueErrors = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: StatsOptions) {
    this.options = options;
    this.fronts = Array.from({ length: FRONTS_MAX }, (_, front) => new FrontCounters(options.frontCounters, front));
    const loaded = loadLibc();
    this.libc = 'libc' in loaded ? loaded.libc : undefined;
  }

  /** Binds what is configured, and notes the files of unix sockets. Rejects with a FastwsgiError, and what was bound is closed with `close`. */
  async listen(files: SocketFiles): Promise<void> {
    const { wanted, configuration, inform } = this.options;
    const bind = async (name: string, address: BindAddress, make: (options: ServerSocket) => Listener) => {
      const inherited = this.options.inherited.get(address);
      const { chmodSocket, chownSocket } = configuration;
      const listener = make({ address, chmodSocket, chownSocket: socketOwner(chownSocket), inherited });
      this.listeners.push(listener);
      const bound = await listener.listen();
      if (address.kind === 'unix' && inherited === undefined) files.note(address.path);
      inform(`${name} bound to ${bound}`);
    };
    for (const { protocol, address } of wanted) {
      if (protocol === 'metrics') {
        await bind('metrics', address, (options) =>
          Listener.http(
            options,
            serveMetrics(() => this.report()),
          ),
        );
      } else {
        const name = configuration.statsHttp ? 'stats over HTTP' : 'stats socket';
        await bind(name, address, (options) => this.makeStats(address, options));
      }
    }
    if (wanted.length > 0) this.timer = setInterval(() => this.lookAtBacklogs(), BACKLOG_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.timer);
    for (const listener of this.listeners) listener.close();
  }

  /** All that is known, now. */
  report(): ServerReport {
    const { options } = this;
    return {
      ...options.workers(),
      version: VERSION,
      state: options.state(),
      startedAtMs: this.startedAtMs,
      nowMs: Date.now(),
      chdir: options.configuration.chdir ?? '',
      sockets: this.socketReports(),
      listenQueueErrors: this.listenQueueErrors,
      fronts: this.fronts.map((counters, front) => ({
        name: front === 0 ? 'main' : 'gateway',
        ...counters.read(),
        local: options.localCounts(front),
      })),
      droppedLogLines: options.droppedLogLines(),
    };
  }

  private makeStats(address: BindAddress, options: ServerSocket): Listener {
    const { stats, statsHttp, statsMinified } = this.options.configuration;
    const text = () => statsText(this.report(), statsMinified);
    if (!statsHttp) return Listener.raw(options, (socket) => sendStats(socket, text()));
    const configuredHost = stats?.kind === 'tcp' ? stats.host : undefined;
    return Listener.http(options, serveStats({ address, configuredHost, stats: text, page: pageAssets() }));
  }

  private socketReports(): SocketReport[] {
    const { listenBacklog } = this.options.configuration;
    return this.options.sockets().map(({ protocol, engine, address }) => {
      const { queue, queueMax } = this.queues.get(address) ?? { queue: 0, queueMax: 0 };
      return { name: address, protocol, engine, queue, queueMax: queueMax || listenBacklog };
    });
  }

  private lookAtBacklogs(): void {
    this.queues = listenQueues(this.libc);
    const full = new Set<string>();
    for (const { name, queue, queueMax } of this.socketReports()) {
      if (queue === 0 || queue < queueMax) continue;
      full.add(name);
      this.listenQueueErrors++;
      if (this.full.has(name)) continue;
      this.options.log(`*** uWSGI listen queue of socket "${name}" full !!! (${queue}/${queueMax}) ***`);
    }
    this.full = full;
  }
}
