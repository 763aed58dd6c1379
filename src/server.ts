// The composition root: makes lanes, fronts and the pool out of a configuration, starts them in order and stops them.
import { once } from 'node:events';
import { hostname } from 'node:os';
import { FastwsgiError } from './base/errors.js';
import { FRONTS_MAX, SLOTS_PER_LANE_DEFAULT } from './base/limits.js';
import type { SocketAddress } from './config/address.js';
import type { Configuration } from './config/configuration.js';
import type { HttpsAddress } from './config/https-address.js';
import { mountsOf } from './config/mounts.js';
import { reloadConfiguration } from './config/reload.js';
import { VERSION } from './config/version.js';
import { Certificates } from './front/certificates.js';
import { createFronts, type Fronts } from './front/create-fronts.js';
import { Dispatcher } from './front/dispatcher.js';
import { type BoundAddress, bindLine, type Front } from './front/front.js';
import type { GatewayFront } from './front/gateway/gateway.js';
import { type LocalSetups, localSetups } from './front/local/setup.js';
import { type ListeningConfiguration, observerSockets, resolveListening } from './front/resolve.js';
import { Turns } from './front/turns.js';
import { BELL_WORDS, Bell } from './lane/bell.js';
import { FrontLane } from './lane/front-lane.js';
import { LaneOwner } from './lane/lane-owner.js';
import { createLaneMemory } from './lane/layout.js';
import type { FrontBell, WorkerInitCommon } from './lane/worker-init.js';
import { Counters } from './observe/counters.js';
import { FrontCounters, frontCountersBytes } from './observe/front-counters.js';
import type { Logs } from './observe/logs.js';
import { Stats } from './stats/stats.js';
import { applicationInit } from './supervise/application-init.js';
import { Controls } from './supervise/controls.js';
import { Workers } from './supervise/workers.js';
import { WorkingDirectory } from './system/change-directory.js';
import type { Wanted } from './system/inherited.js';
import { SocketFiles } from './system/socket-files.js';

/** The main thread's fronts share one part of every lane; the gateway has the other. */
const MAIN_FRONT = 0;
const GATEWAY_FRONT = 1;
/** Lanes beyond two for each worker: as many threads may be stuck in native code before the server gives up. */
const LANES_TO_LOSE = 4;

/** What the server tells its embedder while it runs. */
export interface ServerEvents {
  /** The server cannot go on: its own thread crashed, or no worker can load the application. */
  onFatal(error: FastwsgiError): void;
  /** The master FIFO asks for the end, gracefully or at once. */
  onStopAsked(atOnce: boolean): void;
  /** Reads the configuration again, for a reload. Throws what is wrong with it. */
  readConfiguration?(): Configuration;
  /** Every socket is bound, and no thread of ours runs yet: privileges are dropped here. What it throws ends the start. */
  onBound?(): void;
}

/** One server: made from a configuration, listening once, closed once. */
export class Server {
  /** Requests answered since the start. */
  readonly counters: Counters;
  private configuration: Configuration;
  private readonly log: Logs;
  private readonly events: ServerEvents;
  private readonly frontCounters = new SharedArrayBuffer(frontCountersBytes(FRONTS_MAX));
  private readonly owners: readonly LaneOwner[];
  private readonly mainBell: FrontBell = { memory: new SharedArrayBuffer(BELL_WORDS * 4), eventFd: -1 };
  private readonly turns: Turns;
  private readonly fronts: Front[] = [];
  /** Of the fronts, those that a reload has opened apart. */
  private readonly rulesOf: Fronts['prepareRules'][] = [];
  /** Of the configuration that was read last: they wait for its workers. */
  private preparedRules: (() => Promise<void>)[] = [];
  private gateway: GatewayFront | undefined;
  private gatewayEnded = false;
  private readonly workers: Workers;
  private readonly controls: Controls;
  private bound: readonly BoundAddress[] = [];
  private readonly socketFiles = new SocketFiles();
  private stats: Stats | undefined;
  private isReady = false;
  private readonly certificates: Certificates;
  private started = false;
  private readonly directory: WorkingDirectory;
  private closing: Promise<void> | undefined;
  private readonly destroyed = new AbortController();

  constructor(configuration: Configuration, log: Logs, events: ServerEvents) {
    this.configuration = configuration;
    this.log = log;
    this.events = events;
    this.certificates = new Certificates(configuration.cwd);
    const { processes, concurrency, httpQueue } = configuration;
    this.directory = new WorkingDirectory(configuration);
    const laneCount = 2 * processes + LANES_TO_LOSE;
    const slots = Math.max(concurrency ?? 0, SLOTS_PER_LANE_DEFAULT);
    this.counters = Counters.create(laneCount + FRONTS_MAX, slots);
    this.owners = Array.from({ length: laneCount }, (_, i) => new LaneOwner(createLaneMemory(i + 1, slots)));
    const lanes = this.owners.map((owner) => new FrontLane(owner.memory, MAIN_FRONT));
    const mainCounters = new FrontCounters(this.frontCounters, MAIN_FRONT);
    const mainBell = new Bell(new Int32Array(this.mainBell.memory), 0);
    this.turns = new Turns(new Dispatcher(lanes, httpQueue, mainCounters), mainBell);
    this.workers = new Workers({
      lanes: this.owners,
      counters: this.counters,
      entry: new URL('./worker/entry.js', import.meta.url),
      configuration: () => this.configuration,
      readConfiguration: () => this.readConfiguration(),
      restoreConfiguration: (earlier) => {
        const { sockets, httpSockets } = this.configuration;
        this.configuration = { ...earlier, sockets, httpSockets };
        this.directory.restore();
      },
      onReloaded: () => Promise.all([log.renew(), ...this.preparedRules.map((putInForce) => putInForce())]),
      init: () => this.workerInit(),
      fronts: () => (this.gateway === undefined || this.gatewayEnded ? 1 : 2),
      wakeFronts: () => {
        this.turns.schedule();
        this.gateway?.wake();
      },
      log: (line) => log.line(line),
      inform: (line) => log.inform(line),
      onFatal: (error) => events.onFatal(error),
    });
    this.controls = new Controls(configuration, log, {
      reload: () => void this.reload(),
      chainReload: () => void this.workers.reload('chain'),
      brutalReload: () => void this.workers.reload('brutal'),
      stop: (atOnce) => events.onStopAsked(atOnce),
      pause: () => this.pause(),
      logStatistics: () => this.logStatistics(),
      moreWorkers: () => this.workers.more(),
      fewerWorkers: () => this.workers.fewer(),
    });
  }

  /** The addresses that are listened on: uwsgi sockets first, then HTTP, then HTTPS ones, each in the order of the configuration. */
  get addresses(): readonly BoundAddress[] {
    return this.bound;
  }

  /**
   * Binds every socket, starts the workers and resolves when each has loaded the application. Once in a server's life.
   * Rejects with a FastwsgiError, when everything that was opened is closed again; ERR_CLOSED if it was closed meanwhile.
   */
  async listen(): Promise<readonly BoundAddress[]> {
    if (this.started) throw new FastwsgiError('ERR_CLOSED', 'Cannot listen: the server was started before');
    this.started = true;
    try {
      this.prepareProcess();
      await this.makeFronts();
      for (const front of this.fronts) {
        this.throwIfClosing();
        this.noteBound(await front.listen());
      }
      await this.stats?.listen(this.socketFiles);
      this.throwIfClosing();
      this.log.inform(this.bound.map(bindLine).join('\n'));
      this.events.onBound?.();
      for (const front of this.fronts) front.start?.();
      this.controls.start();
      await this.workers.start();
      this.directory.settle();
      this.throwIfClosing();
      this.isReady = true;
    } catch (error) {
      this.destroy();
      await this.close();
      throw error;
    }
    return this.bound;
  }

  private prepareProcess(): void {
    const { notices, umask } = this.configuration;
    for (const { level, text } of notices) {
      if (level === 'warning') this.log.line(text);
      else this.log.inform(text);
    }
    if (umask !== undefined) process.umask(umask);
    this.directory.enter();
  }

  private throwIfClosing(): void {
    if (this.closing !== undefined) throw new FastwsgiError('ERR_CLOSED', 'The server was closed while it started');
  }

  private noteBound(addresses: readonly BoundAddress[]): void {
    const all = [...this.bound, ...addresses];
    // Whichever engine serves them: each front keeps the order of its addresses, and only HTTP has several fronts.
    this.bound = (['uwsgi', 'http', 'https'] as const).flatMap((kind) =>
      all.filter(({ protocol }) => protocol === kind),
    );
    for (const { address, inherited } of addresses) {
      if (address.startsWith('/') && !inherited) this.socketFiles.note(address);
    }
  }

  /**
   * Stops gracefully: accepts no more, ends a pause, answers what is in flight within `reload-mercy`, then ends what is left. Resolves
   * when every thread has ended. Calling it again changes nothing.
   */
  close(): Promise<void> {
    this.closing ??= this.closeGracefully();
    return this.closing;
  }

  /** Drops everything at once; a `close` under way resolves soon after. */
  destroy(): void {
    this.destroyed.abort();
    this.closing ??= this.end();
  }

  private async closeGracefully(): Promise<void> {
    const mercy = setTimeout(() => this.endMercy(), this.configuration.reloadMercyMs);
    // What waits is to be answered, too.
    this.workers.resume();
    const { signal } = this.destroyed;
    await Promise.race([Promise.all(this.fronts.map((front) => this.closeFront(front))), once(signal, 'abort')]);
    // A worker that has nothing to answer may still refuse to end.
    signal.addEventListener('abort', () => this.workers.destroy());
    await this.end();
    clearTimeout(mercy);
  }

  private async closeFront(front: Front): Promise<void> {
    await front.close();
    // From here a worker's death is for the other front alone to clean up after.
    if (front === this.gateway) this.gatewayEnded = true;
  }

  private endMercy(): void {
    const late = this.workers.late();
    for (const workerId of late) {
      this.log.line(`worker ${workerId} is taking too much time to die...NO MERCY !!!`);
    }
    if (late.length === 0) this.log.line('clients are taking too much time to leave...NO MERCY !!!');
    this.destroy();
  }

  /** Ends the threads, then whatever still holds a request: only then may descriptors be closed that a worker writes to. */
  private async end(): Promise<void> {
    if (this.destroyed.signal.aborted) this.workers.destroy();
    this.controls.stop();
    await this.workers.stop();
    for (const owner of this.owners) owner.markDead();
    this.gateway?.wake();
    this.turns.stop();
    if (this.destroyed.signal.aborted) for (const front of this.fronts) front.destroy();
    await this.gateway?.release();
    // Last of all, so that the end can be watched.
    this.stats?.close();
    if (this.configuration.vacuum) this.socketFiles.vacuum((line) => this.log.line(line));
  }

  // ---- while it runs

  /**
   * Loads the application anew, with a configuration that is read again: the new threads take over when all of them have
   * loaded it, and the old ones finish what they have. False, and nothing has changed, when that fails. A reload that is
   * asked for while one is under way follows it; more of them are one.
   */
  reload(): Promise<boolean> {
    return this.workers.reload('graceful');
  }

  /** Stops handing requests to workers, or goes on: they wait where they would wait for a busy worker. Not while it stops. */
  pause(): void {
    if (this.closing === undefined) this.workers.pause();
  }

  /** Threads that could not be ended, and are still there: process.exit would wait for them. */
  get stuckThreads(): number {
    return this.workers.stuckThreads;
  }

  /** One line for each worker, and one for the log, to the log. */
  logStatistics(): void {
    this.workers.logStatistics();
    this.log.line(`log: ${this.log.lost} lines lost`);
  }

  private async readConfiguration(): Promise<void> {
    this.directory.renew();
    const next = this.events.readConfiguration?.();
    if (next !== undefined) await this.adoptConfiguration(next);
    this.certificates.renew(this.configuration.httpsSockets, (line) => this.log.line(line));
  }

  private async adoptConfiguration(next: Configuration): Promise<void> {
    const { configuration, postponed, ...added } = reloadConfiguration(this.configuration, next);
    await this.openMore(added.addedSockets, added.addedHttpSockets, added.addedHttpsSockets);
    this.configuration = configuration;
    this.preparedRules = this.rulesOf.map((prepareRules) => prepareRules(this.localSetups()));
    if (postponed.length > 0) this.log.line(`changed, but only with the next start: ${postponed.join(', ')}`);
  }

  /** The gateway's listeners are fixed when its thread starts, so these are the portable engines', until the next start. */
  private async openMore(
    sockets: readonly SocketAddress[],
    httpSockets: readonly SocketAddress[],
    httpsSockets: readonly HttpsAddress[],
  ): Promise<void> {
    if (sockets.length + httpSockets.length + httpsSockets.length === 0) return;
    const portable = { uwsgiEngine: 'net', httpEngine: 'node' } as const;
    const { all } = await this.createFronts({ sockets, httpSockets, httpsSockets, redirectSockets: [], ...portable });
    const opened: Front[] = [];
    try {
      for (const front of all) {
        const addresses = await front.listen();
        opened.push(front);
        this.noteBound(addresses);
        this.log.line(addresses.map(bindLine).join('\n'));
      }
    } catch (error) {
      for (const front of opened) front.destroy();
      this.bound = this.bound.slice(0, -opened.length);
      throw error;
    }
    this.fronts.push(...opened);
  }

  // ---- fronts

  private async makeFronts(): Promise<void> {
    const { configuration } = this;
    const { sockets, httpSockets, httpsSockets, redirectSockets } = configuration;
    if (sockets.length + httpSockets.length + httpsSockets.length + redirectSockets.length === 0) {
      throw new FastwsgiError('ERR_CONFIG', 'There is nothing to listen on: set socket, http or https');
    }
    const wanted = await observerSockets(configuration);
    const { all, gateway, inherited } = await this.createFronts(configuration, wanted);
    this.fronts.push(...all);
    this.gateway = gateway;
    this.stats = new Stats({
      configuration,
      wanted,
      inherited,
      frontCounters: this.frontCounters,
      localCounts: (front) => this.counters.counts(this.owners.length + front),
      sockets: () => this.bound,
      workers: () => this.workers.report(),
      state: () => (this.closing !== undefined ? 'stopping' : this.isReady ? this.workers.state : 'starting'),
      droppedLogLines: () => this.log.lost,
      log: (line) => this.log.line(line),
      inform: (line) => this.log.inform(line),
    });
  }

  private async createFronts(listening: ListeningConfiguration, otherSockets: readonly Wanted[] = []): Promise<Fronts> {
    const { httpsSockets, uwsgiEngine, httpEngine } = listening;
    const tls = this.certificates.readAll(httpsSockets);
    const fronts = await createFronts({
      ...this.configuration,
      uwsgiEngine,
      httpEngine,
      ...(await resolveListening(listening, tls)),
      otherSockets,
      turns: this.turns,
      lanes: this.owners.map((owner) => owner.memory),
      gatewayPart: GATEWAY_FRONT,
      frontCounters: this.frontCounters,
      local: this.localSetups(),
      log: (line) => this.log.line(line),
      inform: (line) => this.log.inform(line),
      logRequests: (lines) => this.log.requestLines(lines),
      onCrash: (cause) => {
        this.events.onFatal(new FastwsgiError('ERR_ENGINE', `The gateway thread crashed: ${cause.stack}`, { cause }));
      },
    });
    this.certificates.note(httpsSockets, fronts.https);
    this.rulesOf.push(fronts.prepareRules);
    return fronts;
  }

  private localSetups(): LocalSetups {
    const { configuration, counters } = this;
    // The counters of the fronts stand behind those of the workers.
    const first = this.owners.length;
    return localSetups(configuration, this.directory.application, counters, first + MAIN_FRONT, first + GATEWAY_FRONT);
  }

  /** What is the same for every worker. */
  private workerInit(): WorkerInitCommon {
    const { configuration } = this;
    return {
      bells: this.gateway === undefined ? [this.mainBell] : [this.mainBell, this.gateway.bell],
      counters: this.counters.memory,
      processes: configuration.processes,
      node: hostname(),
      version: VERSION,
      address: (this.bound.find(({ protocol }) => protocol === 'http') ?? this.bound[0])?.address ?? '',
      application: applicationInit(configuration, this.directory.application),
      mounts: mountsOf(configuration.mounts, configuration.mountCallable),
      manageScriptName: configuration.manageScriptName,
      concurrency: configuration.concurrency,
      addHeaders: configuration.addHeaders,
      routesAddHeaders: configuration.routes.some(({ action }) => action.kind === 'header'),
      log: this.log.forThread(),
      requestLog: configuration.requestLog,
    };
  }
}
