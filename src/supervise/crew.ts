// The workers by number: starts a thread for each, replaces those that die, and changes one for another without a gap: the
// new thread serves before the old one stops taking requests.
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LaneOwner } from '../lane/lane-owner.js';
import type { Life } from '../pool/pool.js';
import { Reserve } from './reserve.js';
import { LIFE, type LoadedNews, WorkerLife } from './worker-life.js';

/** What changes with a reload. */
export interface CrewSettings {
  readonly workerMercyMs: number;
  /** 0: no limit. */
  readonly maxRequests: number;
  readonly maxRequestsDelta: number;
  /** There is no server without an application. */
  readonly needApp: boolean;
}

export interface CrewOptions {
  /** Two for each worker, so that a new thread can load while the old one serves, and some for threads that cannot be ended. */
  readonly lanes: readonly LaneOwner[];
  settings(): CrewSettings;
  /** Starts a thread on the lane, with the configuration of now. `mustLoad`: it ends when the application does not load. */
  start(lane: LaneOwner, workerId: number, mustLoad: boolean): Life;
  /** Requests the lane has answered. */
  requests(lane: LaneOwner): number;
  /** Fronts that have not ended: each has to take back what a dead thread had. */
  fronts(): number;
  /** Makes the fronts look at the lanes. */
  wakeFronts(): void;
  log(line: string): void;
  /** A thread is being started. */
  onBorn(life: WorkerLife): void;
  /** It has ended, and its lane is nobody's. */
  onOver(life: WorkerLife): void;
  /** The thread serves from now on: its lane has to be opened. */
  onServing(life: WorkerLife, news: LoadedNews): void;
  /** The thread has ended, or is given up. */
  onEnded(life: WorkerLife): void;
  /** No worker serves, and none can be started. */
  onHopeless(reason: string): void;
}

/** A worker whose threads die before they serve, or live shorter than this, more than so many in a row, has to pause. */
const SHORT_LIFE_MS = 1000;
const SHORT_LIVES_MAX = 5;
const RESPAWN_PAUSE_MS = 2000;
const STOPPING = 'the server is stopping';
/** How often the main thread looks whether the fronts are through with a dead thread's requests. */
const CLEAN_POLL_MS = 1;

/** All workers of a server. */
export class Crew {
  /** Threads that could not be ended and have not ended since; each keeps its lane. */
  stuckThreads = 0;
  /** Threads that were started in the place of others. */
  respawns = 0;
  /** Threads that have not ended. */
  readonly lives = new Set<WorkerLife>();
  private readonly options: CrewOptions;
  /** By number, from 1: the one that serves. */
  private readonly serving = new Map<number, WorkerLife>();
  private readonly reserve = new Reserve();
  private readonly shortLives = new Map<number, number>();
  /** Numbers for which a thread is being started, and how many are at it. */
  private readonly replacing = new Map<number, number>();
  /** Counts reloads: a thread runs the code of the edition in which it was started, or newer. */
  private edition = 0;
  /** Threads of earlier editions do not begin to serve any more. */
  private oldestEdition = 0;
  private readonly freeLanes: LaneOwner[];
  private readonly lanesWanted: ((lane: LaneOwner) => void)[] = [];
  private readonly stopping = new AbortController();

  constructor(options: CrewOptions) {
    this.options = options;
    this.freeLanes = [...options.lanes].reverse();
  }

  /** The threads that serve. */
  get workers(): Iterable<WorkerLife> {
    return this.serving.values();
  }

  get size(): number {
    return this.serving.size;
  }

  get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  worker(workerId: number): WorkerLife | undefined {
    return this.serving.get(workerId);
  }

  /** Starts workers; resolves when all of them serve, or with the error of one that cannot load the application and has to. */
  async start(workerIds: readonly number[]): Promise<string | undefined> {
    return this.marked(workerIds, async () => {
      const lives = await Promise.all(workerIds.map((id) => this.recruit(id)));
      const errors = await Promise.all(lives.map((life) => life && this.untilLoaded(life)));
      // A reload may have come by, and its thread serves already.
      const error = errors.find((text, i) => text !== undefined && !this.serving.has(workerIds[i] as number));
      if (error !== undefined && this.options.settings().needApp) return error;
      for (const life of lives) if (life !== undefined) this.serve(life);
      await Promise.all(lives.map((life) => life && this.respawn(life)));
      return undefined;
    });
  }

  /** Puts new threads in the place of those with these numbers, which have `mercyMs` to finish; the error when one of them does not come up: then all old ones stay. */
  async replace(workerIds: readonly number[], mercyMs: number): Promise<string | undefined> {
    const { edition } = this;
    const ids = workerIds.filter((id) => !this.isReplacing(id));
    const error = await this.exchange(ids, mercyMs);
    // A reload that has come by has replaced them.
    return edition < this.oldestEdition ? undefined : error;
  }

  /**
   * Puts threads that are started from now on in the place of all, at once or one after the other. Those that are just being
   * started have read the old code: they serve no longer than until their number's new thread is ready.
   */
  async renew(isChain: boolean, mercyMs: number): Promise<string | undefined> {
    const edition = ++this.edition;
    this.reserve.drop();
    const ids = [...new Set([...this.serving.keys(), ...this.replacing.keys()])];
    for (const step of isChain ? ids.map((id) => [id]) : [ids]) {
      const error = await this.exchange(step, mercyMs);
      if (error !== undefined) return error;
    }
    this.oldestEdition = edition;
    // What still loads the old code would not serve, and may never have done with it.
    for (const life of this.lives) if (life.edition < edition && !life.served) life.kill(undefined);
    return undefined;
  }

  /** Ends those threads of the newest edition that have been loading the application for `loadMs` and more: their reload fails. */
  giveUpLoading(loadMs: number, why: string): void {
    for (const life of this.lives) {
      const isLate = life.state === LIFE.LOADING && life.ageMs >= loadMs;
      if (isLate && life.edition === this.edition && life.killedBy === undefined) life.kill(why);
    }
  }

  isReplacing(workerId: number): boolean {
    return this.replacing.has(workerId);
  }

  private exchange(workerIds: readonly number[], mercyMs: number): Promise<string | undefined> {
    return this.marked(workerIds, async () => {
      const recruits = await Promise.all(workerIds.map((id) => this.recruit(id)));
      const successors = recruits.filter((life) => life !== undefined);
      if (successors.length < workerIds.length) return STOPPING;
      const errors = await Promise.all(successors.map((life) => this.untilLoaded(life)));
      // One that has loaded may have died while it waited for the others.
      const dead = successors.find((life) => life.state === LIFE.ENDED);
      const error = errors.find((text) => text !== undefined) ?? (dead && `it died when it had loaded: ${dead.diedOf}`);
      if (error === undefined) for (const life of successors) this.serve(life, mercyMs);
      else for (const life of successors) life.kill(undefined);
      return error;
    });
  }

  /** Meanwhile nobody else starts threads for these numbers, but a reload. */
  private async marked<T>(workerIds: readonly number[], work: () => Promise<T>): Promise<T> {
    for (const id of workerIds) this.replacing.set(id, (this.replacing.get(id) ?? 0) + 1);
    try {
      return await work();
    } finally {
      for (const id of workerIds) {
        const others = (this.replacing.get(id) as number) - 1;
        if (others > 0) this.replacing.set(id, others);
        else this.replacing.delete(id);
      }
    }
  }

  // ---- the reserve

  /** Whether one of so many workers may be started for the reserve: none is about to be started, and none has just begun. */
  mayReserve(processes: number): boolean {
    const { serving, replacing, freeLanes, reserve } = this;
    if (serving.size === 0 || serving.size >= processes || replacing.size > 0 || freeLanes.length === 0) return false;
    if (this.isStopping || !reserve.hasRoom(performance.now())) return false;
    return [...serving.values()].every(({ ageMs }) => ageMs >= SHORT_LIFE_MS);
  }

  /** The number of the worker in reserve; 0: there is none. */
  get reservedId(): number {
    return this.reserve.workerId;
  }

  /** Starts a thread that serves when it is needed. */
  async prepare(workerId: number): Promise<void> {
    const life = await this.recruit(workerId);
    if (life === undefined) return;
    this.reserve.put(life);
    const error = await this.untilLoaded(life);
    const { log } = this.options;
    if (error === undefined) log(`worker ${workerId} has loaded the application and waits in reserve`);
    else if (this.reserve.lose(life)) log(`worker ${workerId} does not come up for the reserve: ${error}`);
  }

  /** The worker in reserve serves from now on, if there is one. */
  engage(): boolean {
    const life = this.reserve.take();
    if (life === undefined) return false;
    this.options.log(`worker ${life.workerId} comes from the reserve`);
    this.serve(life);
    return life.served;
  }

  /** Takes a worker away: it finishes what it has. */
  dismiss(workerId: number): void {
    const life = this.serving.get(workerId);
    if (life === undefined) return;
    this.serving.delete(workerId);
    life.endCause ??= 'not-needed';
    life.retire(this.options.settings().workerMercyMs);
  }

  /** Asks every worker to finish what it has; resolves when all threads have ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    for (const life of this.lives) {
      // One that still loads the application has nothing to finish.
      if (life.state === LIFE.LOADING || life.state === LIFE.LOADED) life.kill(undefined);
      else if (life.isServing) life.retire(Number.POSITIVE_INFINITY);
    }
    this.serving.clear();
    await Promise.all([...this.lives].map((life) => life.over));
    // Whoever still waits for a lane is told that there will be none.
    for (const wanted of this.lanesWanted.splice(0)) wanted(this.options.lanes[0] as LaneOwner);
  }

  /** Ends every thread at once; `stop` then resolves. */
  destroy(): void {
    this.stopping.abort();
    for (const life of this.lives) life.kill(undefined);
  }

  /** A worker has told something of itself. */
  find(laneId: number, epoch: number): WorkerLife | undefined {
    for (const life of this.lives) if (life.lane.memory.id === laneId && life.epoch === epoch) return life;
    return undefined;
  }

  /** Starts a thread; undefined when the crew stops meanwhile. */
  private async recruit(workerId: number): Promise<WorkerLife | undefined> {
    const { options } = this;
    const lane = this.freeLanes.pop() ?? (await new Promise<LaneOwner>((resolve) => this.lanesWanted.push(resolve)));
    if (this.isStopping) return undefined;
    lane.reopen();
    const { maxRequests, maxRequestsDelta, needApp } = options.settings();
    // Broken code does not serve in the place of code that works, nor beside it, whatever `need-app` says.
    const mustLoad = needApp || this.serving.size > 0;
    const requestsMax = maxRequests === 0 ? 0 : maxRequests + Math.floor(Math.random() * (maxRequestsDelta + 1));
    const life = new WorkerLife(
      workerId,
      this.edition,
      lane,
      options.start(lane, workerId, mustLoad),
      options.requests(lane),
      requestsMax,
    );
    this.lives.add(life);
    options.onBorn(life);
    life.over = this.follow(life);
    return life;
  }

  private async untilLoaded(life: WorkerLife): Promise<string | undefined> {
    const loading = await life.loading;
    return 'error' in loading ? loading.error : undefined;
  }

  /** It serves, unless a reload has come by; its predecessor, if there is one, has `mercyMs` to finish what it has. */
  private serve(life: WorkerLife, mercyMs = 0): void {
    if (life.state !== LIFE.LOADED || this.isStopping) return;
    const { workerId, edition } = life;
    const predecessor = this.serving.get(workerId);
    if (edition < Math.max(this.oldestEdition, predecessor?.edition ?? 0)) return life.kill(undefined);
    this.serving.set(workerId, life);
    life.state = LIFE.SERVING;
    life.served = true;
    this.options.onServing(life, life.news as LoadedNews);
    if (predecessor !== undefined) {
      predecessor.endCause ??= 'reload';
      predecessor.retire(mercyMs);
    }
    this.options.wakeFronts();
  }

  /** Waits for a thread's end, and sees to what it leaves behind. */
  private async follow(life: WorkerLife): Promise<void> {
    const { lane, workerId } = life;
    const { reason, gone, exited } = await life.thread.ended;
    const wasServing = this.serving.get(workerId) === life;
    if (wasServing) this.serving.delete(workerId);
    life.diedOf = life.killedBy ?? reason;
    life.onLoading({ error: life.diedOf });
    life.state = LIFE.ENDED;
    lane.markDead();
    this.options.wakeFronts();
    this.options.onEnded(life);
    if (!gone) this.countStuck(life);
    if (wasServing && !this.isStopping) {
      const cause = life.killedBy === undefined ? `died: ${reason}` : `died, ${life.killedBy}`;
      this.options.log(`DAMN ! worker ${workerId} (pid: ${process.pid}) ${cause} :( trying respawn ...`);
      if (this.engage()) this.respawns++;
      else void this.marked([workerId], () => this.respawn(life));
    } else if (!this.isStopping && this.reserve.lose(life)) {
      this.options.log(`worker ${workerId}, in reserve, died: ${life.diedOf}`);
    } else if (life.stopped && !this.isStopping) {
      this.options.log(`worker ${workerId} killed successfully (pid: ${process.pid})`);
    }
    while (!lane.isClean(this.options.fronts()) && !this.isStopping) await this.pause(CLEAN_POLL_MS);
    this.lives.delete(life);
    this.options.onOver(life);
    if (gone) return this.giveBack(lane);
    // A call into native code may return after all.
    void exited.then(() => {
      this.stuckThreads--;
      this.giveBack(lane);
    });
  }

  private countStuck({ workerId }: WorkerLife): void {
    this.stuckThreads++;
    const { log, lanes, onHopeless } = this.options;
    log(`worker ${workerId}: its thread is stuck in native code and cannot be ended (${this.stuckThreads} so far)`);
    const spare = lanes.length - this.stuckThreads;
    if (spare <= this.serving.size) onHopeless(`${this.stuckThreads} threads are stuck in native code`);
  }

  private giveBack(lane: LaneOwner): void {
    if (this.isStopping) return;
    const next = this.lanesWanted.shift();
    if (next === undefined) this.freeLanes.push(lane);
    else next(lane);
  }

  /** Starts a thread in the place of one that died, again and again until one serves. */
  private async respawn(dead: WorkerLife): Promise<void> {
    const { workerId } = dead;
    let life = dead;
    while (!this.isStopping && !this.serving.has(workerId)) {
      await this.pauseAfter(life);
      const next = await this.recruit(workerId);
      if (next === undefined) return;
      life = next;
      const error = await this.untilLoaded(life);
      if (this.isStopping || this.serving.has(workerId)) return life.kill(undefined);
      if (error === undefined) {
        this.serve(life);
        if (life.served) this.respawns++;
      } else {
        this.options.log(`DAMN ! worker ${workerId} (pid: ${process.pid}) died: ${error} :( trying respawn ...`);
        if (this.serving.size === 0 && this.options.settings().needApp) this.options.onHopeless(error);
      }
    }
  }

  private async pauseAfter(life: WorkerLife): Promise<void> {
    const { workerId } = life;
    const wasShort = !life.served || life.ageMs < SHORT_LIFE_MS;
    const shortLives = wasShort ? (this.shortLives.get(workerId) ?? 0) + 1 : 0;
    this.shortLives.set(workerId, shortLives);
    if (shortLives <= SHORT_LIVES_MAX) return;
    this.options.log('worker respawning too fast !!! i have to sleep a bit (2 seconds)...');
    await this.pause(RESPAWN_PAUSE_MS);
  }

  /** Waits `ms`, or until the crew is asked to stop. */
  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopping.signal }).catch(() => {});
  }
}
