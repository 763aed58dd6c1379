// All that concerns the worker threads of a server, put together: the crew, the supervisor's loop, reloads, and what the
// threads tell.
import { monotonicMs } from '../base/clock.js';
import { errorMessage, FastwsgiError } from '../base/errors.js';
import { applicationName, namesApplication } from '../config/banner.js';
import type { Configuration } from '../config/configuration.js';
import type { LaneOwner, RunningRequest } from '../lane/lane-owner.js';
import { isWorkerMessage, type WorkerInit, type WorkerInitCommon, type WorkerMessage } from '../lane/worker-init.js';
import type { Counters } from '../observe/counters.js';
import { Timeline } from '../observe/timeline.js';
import { END_CAUSES, WorkerRecords } from '../observe/worker-records.js';
import { WorkerPool } from '../pool/pool.js';
import type { WorkersReport } from '../stats/report.js';
import { Crew } from './crew.js';
import { requestName } from './harakiri.js';
import { type ReloadKind, Reloads } from './reloads.js';
import { reportWorker } from './report-worker.js';
import { Supervisor, supervisorSettings } from './supervisor.js';
import type { LoadedNews, WorkerLife } from './worker-life.js';

export interface WorkersOptions {
  readonly lanes: readonly LaneOwner[];
  readonly counters: Counters;
  /** The file that each thread runs. */
  readonly entry: URL;
  configuration(): Configuration;
  /** Replaces the configuration by what is read again. Throws what is wrong with it. */
  readConfiguration(): Promise<void>;
  /** A reload has failed: the configuration is `earlier` again, but for the sockets that were opened. */
  restoreConfiguration(earlier: Configuration): void;
  /** The workers run with the configuration that was read: what else it says is to be in force when this resolves. */
  onReloaded(): Promise<unknown>;
  /** What every thread that starts now is told. */
  init(): WorkerInitCommon;
  /** Fronts that have not ended. */
  fronts(): number;
  /** Makes the fronts look at the lanes. */
  wakeFronts(): void;
  log(line: string): void;
  /** Takes what is good to know and nothing to worry about. */
  inform(line: string): void;
  onFatal(error: FastwsgiError): void;
}

/** The workers of one server. */
export class Workers {
  private readonly options: WorkersOptions;
  private readonly crew: Crew;
  private readonly supervisor: Supervisor;
  private readonly reloads: Reloads;
  /** Of the configuration of now. */
  private pool: WorkerPool<WorkerInit> | undefined;
  private pools: WorkerPool<WorkerInit>[] = [];
  private paused = false;
  /** What has become of each worker. */
  private readonly records: WorkerRecords;
  private readonly timeline = new Timeline();
  /** Numbers of the workers that have served. */
  private readonly seen = new Set<number>();

  constructor(options: WorkersOptions) {
    this.options = options;
    this.records = new WorkerRecords(options.counters);
    this.crew = this.makeCrew();
    this.supervisor = new Supervisor({
      crew: this.crew,
      settings: () => supervisorSettings(options.configuration()),
      requestsTotal: () => options.counters.requestsTotal,
      requests: (life) => this.requestsOf(life.lane),
      onOverdue: (life, requests) => this.onOverdue(life, requests),
      isReloadWaiting: () => this.reloads.isOneWaiting,
      application: () => applicationName(options.configuration()),
      log: (line) => options.log(line),
    });
    this.reloads = new Reloads({
      isOver: () => this.pool === undefined || this.crew.isStopping,
      reload: (kind) => this.reloadNow(kind),
      log: (line) => options.log(line),
    });
  }

  /** Starts the first workers; resolves when they serve. Rejects with ERR_APPLICATION_LOAD where `need-app` asks for it. */
  async start(): Promise<void> {
    this.pool = this.makePool();
    this.supervisor.start();
    const error = await this.crew.start(workerIds(firstWorkers(this.options.configuration())));
    if (error === undefined || this.crew.isStopping) return;
    this.options.log(error);
    throw noApplication();
  }

  /** Asks every worker to finish what it has; resolves when all threads have ended. */
  async stop(): Promise<void> {
    await this.crew.stop();
    this.supervisor.stop();
    await Promise.all(this.pools.map((pool) => pool.destroy()));
  }

  /** Ends every thread at once; `stop` then resolves. */
  destroy(): void {
    this.crew.destroy();
  }

  /** Numbers of the workers that have something to answer, or still load the application. */
  late(): number[] {
    return [...this.crew.lives].filter((life) => life.lane.busy > 0 || !life.served).map(({ workerId }) => workerId);
  }

  /** See Server.reload. */
  reload(kind: ReloadKind): Promise<boolean> {
    return this.reloads.reload(kind);
  }

  /** One worker more, if `processes` allows it. */
  more(): void {
    this.supervisor.more();
  }

  /** One worker less, if one of them has nothing to do. */
  fewer(): void {
    this.supervisor.fewer();
  }

  /** Ends a pause. */
  resume(): void {
    if (this.paused) this.pause();
  }

  /** See Server.pause. */
  pause(): void {
    this.paused = !this.paused;
    this.timeline.add(this.paused ? 'pause' : 'resume', 0, '');
    this.options.log(this.paused ? '*** paused: requests wait ***' : '*** resumed ***');
    for (const { lane } of this.crew.workers) {
      if (this.paused) lane.pause();
      else lane.open();
    }
    this.options.wakeFronts();
  }

  /** See Server.stuckThreads. */
  get stuckThreads(): number {
    return this.crew.stuckThreads;
  }

  /** What they are and have done. */
  report(): WorkersReport {
    const { options, records, timeline, crew } = this;
    const { processes } = options.configuration();
    const lives = [...crew.lives];
    const nowMs = monotonicMs();
    return {
      workers: workerIds(processes).map((id) => reportWorker(id, lives, records, options.counters, this.paused, nowMs)),
      inFlight: lives.reduce((sum, { lane }) => sum + lane.busy, 0),
      reloads: { done: timeline.count('reload'), failed: timeline.count('reload-failed') },
      ends: END_CAUSES.map((cause) => ({ cause, count: records.ended(cause) })),
      events: timeline.recent,
    };
  }

  /** Whether they serve, once they have started. */
  get state(): 'ready' | 'paused' | 'no-worker' | 'no-app' {
    if (this.paused) return 'paused';
    if (this.crew.size === 0) return 'no-worker';
    const hasApplication = [...this.crew.workers].some(({ news }) => news?.application !== '');
    return hasApplication || !namesApplication(this.options.configuration()) ? 'ready' : 'no-app';
  }

  /** One line for each worker. */
  logStatistics(): void {
    const { log, counters } = this.options;
    for (const life of this.crew.workers) {
      const { workerId, lane } = life;
      log(
        `worker ${workerId}: ${this.requestsOf(lane) - life.requestsBefore} requests, ${lane.busy} in flight, ` +
          `${Math.ceil(lane.memoryBytes / 2 ** 20)} MB, ${Math.floor(life.ageMs / 1000)} s old`,
      );
    }
    log(`all workers: ${counters.requestsTotal} requests, ${this.crew.respawns} respawns`);
  }

  private makeCrew(): Crew {
    const { options } = this;
    return new Crew({
      ...options,
      settings: () => {
        const { workerReloadMercyMs, maxRequests, maxRequestsDelta, needApp } = options.configuration();
        return { workerMercyMs: workerReloadMercyMs, maxRequests, maxRequestsDelta, needApp };
      },
      start: (lane, workerId, needApplication) => {
        const { catchExceptions } = options.configuration();
        const own = { needApplication, catchExceptions, lane: lane.memory, epoch: lane.epoch, workerId };
        const init = { ...options.init(), ...own };
        return (this.pool as WorkerPool<WorkerInit>).run(lane, init);
      },
      requests: (lane) => this.requestsOf(lane),
      onBorn: ({ workerId, lane }) => this.records.begin(workerId, lane.memory.id - 1),
      onOver: (life) => this.onOver(life),
      onServing: (life, news) => this.onServing(life, news),
      onEnded: (life) => this.supervisor.onEnded(life),
      onHopeless: (reason) => {
        options.log(reason);
        options.onFatal(noApplication());
      },
    });
  }

  /** Threads get the environment of the configuration with which they start: one pool for each. */
  private makePool(): WorkerPool<WorkerInit> {
    const pool = new WorkerPool<WorkerInit>({
      entry: this.options.entry,
      threadsMax: this.options.lanes.length,
      env: { ...process.env, ...this.options.configuration().env },
      onMessage: (message) => {
        if (isWorkerMessage(message)) this.onWorkerMessage(message);
      },
      log: (line) => this.options.log(line),
    });
    // Those of earlier configurations go with their last thread.
    this.pools = [...this.pools.filter((earlier) => earlier === this.pool || !earlier.isEmpty), pool];
    return pool;
  }

  private requestsOf(lane: LaneOwner): number {
    return this.options.counters.requests(lane.memory.id - 1);
  }

  private onWorkerMessage({ lane, epoch, news }: WorkerMessage): void {
    const life = this.crew.find(lane, epoch);
    if (life === undefined) return;
    if (news.kind === 'loaded') life.onLoading({ news });
    else if (news.kind === 'load-error') life.onLoading({ error: news.error });
    else if (news.kind === 'reload') void this.reload('graceful');
    else life.stopped = true;
  }

  private onServing({ workerId, lane }: WorkerLife, { application, concurrency }: LoadedNews): void {
    if (!this.paused) lane.open();
    this.records.serving(workerId);
    this.timeline.add(this.seen.has(workerId) ? 'respawn' : 'start', workerId, '');
    const worker = `uWSGI worker ${workerId} (pid: ${process.pid}, cores: ${concurrency}, kind: ${application || 'none'})`;
    if (this.seen.has(workerId)) this.options.log(`Respawned ${worker}`);
    else this.options.inform(`spawned ${worker}`);
    this.seen.add(workerId);
  }

  private onOverdue({ workerId }: WorkerLife, requests: readonly RunningRequest[]): void {
    this.records.overdue(workerId, requests.length);
    for (const request of requests) this.timeline.add('harakiri', workerId, requestName(request));
  }

  private onOver({ workerId, lane, served, endCause, killedBy }: WorkerLife): void {
    const cause = !served || this.crew.isStopping ? undefined : (endCause ?? 'died');
    this.records.end(lane.memory.id - 1, cause);
    if (cause === undefined || cause === 'reload') return;
    const isDeath = cause === 'died' || killedBy !== undefined;
    this.timeline.add(isDeath ? 'death' : 'recycle', workerId, killedBy ?? cause);
  }

  /** Starts the new threads; why they do not come up, or undefined. */
  private async reloadNow(kind: ReloadKind): Promise<string | undefined> {
    const { pool, options } = this;
    const configuration = options.configuration();
    let error: string | undefined;
    try {
      await options.readConfiguration();
      this.pool = this.makePool();
      error = await this.crew.renew(kind === 'chain', kind === 'brutal' ? 0 : options.configuration().reloadMercyMs);
      if (error === undefined) await options.onReloaded();
    } catch (cause) {
      error = errorMessage(cause);
    }
    this.timeline.add(
      error === undefined ? 'reload' : 'reload-failed',
      0,
      `${kind}${error === undefined ? '' : `: ${error}`}`,
    );
    if (error === undefined) return undefined;
    options.restoreConfiguration(configuration);
    this.pool = pool;
    return error;
  }
}

function noApplication(): FastwsgiError {
  return new FastwsgiError('ERR_APPLICATION_LOAD', '*** no app loaded. GAME OVER ***');
}

function workerIds(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

/** How many workers there are at first. */
function firstWorkers({ processes, cheaper, cheaperInitial }: Configuration): number {
  return cheaper === 0 ? processes : Math.min(processes, cheaperInitial ?? cheaper);
}
