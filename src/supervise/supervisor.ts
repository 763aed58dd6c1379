// The one loop: on a coarse tick it reads what the workers left in shared memory, and acts on it. Deadlines, recycling, mercy,
// and how many workers there have to be.
import { performance } from 'node:perf_hooks';
import { monotonicMs } from '../base/clock.js';
import type { Configuration } from '../config/configuration.js';
import type { Deadlines, LaneOwner, RunningRequest } from '../lane/lane-owner.js';
import type { EndCause } from '../observe/worker-records.js';
import type { Crew } from './crew.js';
import { HarakiriWatch } from './harakiri.js';
import { LIFE, type WorkerLife } from './worker-life.js';

/** Sizes in bytes, times in milliseconds; 0 is off. */
export interface SupervisorSettings {
  readonly processes: number;
  readonly deadlines: Deadlines;
  readonly harakiriVerbose: boolean;
  readonly workerReloadMercyMs: number;
  readonly minWorkerLifetimeMs: number;
  readonly maxWorkerLifetimeMs: number;
  readonly reloadOnAsBytes: number;
  readonly reloadOnRssBytes: number;
  readonly evilReloadOnAsBytes: number;
  readonly evilReloadOnRssBytes: number;
  /** The fewest workers; 0: there are always `processes`. */
  readonly cheaper: number;
  readonly cheaperStep: number;
  /** Without a request for this long, there are only as many workers as `cheaper` says, or one. */
  readonly idleMs: number;
}

/** What of the configuration the supervisor acts on. */
export function supervisorSettings(configuration: Configuration): SupervisorSettings {
  const { harakiriMs, httpHarakiriMs } = configuration;
  return {
    ...configuration,
    deadlines: { uwsgiMs: harakiriMs, httpMs: httpHarakiriMs === 0 ? harakiriMs : httpHarakiriMs },
  };
}

/** Says how the lane's worker is over a limit of address space (for a thread: its own memory) or of resident memory; 0 is no limit. */
function overMemory(
  { memoryBytes, residentBytes }: LaneOwner,
  onAsBytes: number,
  onRssBytes: number,
): string | undefined {
  if (onAsBytes > 0 && memoryBytes > onAsBytes) return `${megabytes(memoryBytes)}, more than ${megabytes(onAsBytes)}`;
  if (onRssBytes === 0 || residentBytes <= onRssBytes) return undefined;
  return `${megabytes(residentBytes)}, more than ${megabytes(onRssBytes)}`;
}

export interface SupervisorOptions {
  readonly crew: Crew;
  settings(): SupervisorSettings;
  /** Requests answered by all workers. */
  requestsTotal(): number;
  /** Requests answered by the lane of this worker. */
  requests(life: WorkerLife): number;
  /** Requests have run too long. */
  onOverdue(life: WorkerLife, requests: readonly RunningRequest[]): void;
  /** Whether a reload waits for another one. */
  isReloadWaiting(): boolean;
  /** What workers load, as the operator names it. */
  application(): string;
  log(line: string): void;
}

export const TICK_MS = 100;
/** How long a worker without a request may take to end. */
const ENDING_MS = 5000;
/** After a replacement that did not come up, the next one is tried after this long. */
const RETRY_MS = 10_000;
/** A reload whose code takes longer than this to load does not keep the next one waiting, which may bring code that does. */
const LOADING_MS = 10_000;
const SUPERSEDED = 'superseded by the next reload: after 10 seconds the application was still loading';
/** Workers with nothing to do for this long are too many. */
const SPARE_MS = 10_000;

/** Runs from `start` to `stop`. */
export class Supervisor {
  private readonly options: SupervisorOptions;
  private readonly harakiri: HarakiriWatch;
  private timer: NodeJS.Timeout | undefined;
  private readonly retryAtMs = new Map<number, number>();
  private busySinceMs = 0;
  private spareSinceMs = 0;
  private idleSinceMs = 0;
  /** More workers are on their way. */
  private isGrowing = false;
  private growNotBeforeMs = 0;
  private requestsSeen = 0;

  constructor(options: SupervisorOptions) {
    this.options = options;
    this.harakiri = new HarakiriWatch(
      (line) => options.log(line),
      (life, requests) => options.onOverdue(life, requests),
    );
  }

  start(): void {
    const now = performance.now();
    this.busySinceMs = now;
    this.spareSinceMs = now;
    this.idleSinceMs = now;
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** A thread has ended. */
  onEnded(life: WorkerLife): void {
    this.harakiri.onEnded(life);
  }

  private tick(): void {
    const { crew, log } = this.options;
    const settings = this.options.settings();
    const now = performance.now();
    for (const life of crew.lives) {
      if (life.state === LIFE.LOADING) this.tellLoading(life);
      if (life.state !== LIFE.SERVING && life.state !== LIFE.RETIRING) continue;
      this.harakiri.look(life, monotonicMs(now), settings.deadlines, settings.harakiriVerbose);
      // One that has nothing to answer is ending by itself.
      if (now >= life.mercyEndsMs + (life.lane.busy > 0 ? 0 : ENDING_MS)) {
        life.mercyEndsMs = Number.POSITIVE_INFINITY;
        log(`worker ${life.workerId} is taking too much time to die...NO MERCY !!!`);
        life.endCause ??= 'mercy';
        life.kill('killed without mercy');
      }
    }
    if (crew.isStopping) return;
    if (this.options.isReloadWaiting()) crew.giveUpLoading(LOADING_MS, SUPERSEDED);
    for (const life of [...crew.workers]) this.judge(life, settings, now);
    this.size(settings, now);
  }

  private tellLoading(life: WorkerLife): void {
    if (life.ageMs < life.loadingToldMs) return;
    const seconds = Math.floor(life.ageMs / 1000);
    this.options.log(`worker ${life.workerId} is still loading ${this.options.application()}, ${seconds} s so far`);
    life.loadingToldMs *= 2;
  }

  // ---- recycling

  private judge(life: WorkerLife, settings: SupervisorSettings, now: number): void {
    if (life.killedBy !== undefined) return;
    const evil = overMemory(life.lane, settings.evilReloadOnAsBytes, settings.evilReloadOnRssBytes);
    if (evil !== undefined) {
      life.endCause ??= 'evil-memory';
      return life.kill(`evil reload: it has ${evil}`);
    }
    const why = life.ageMs >= settings.minWorkerLifetimeMs ? this.reasonToGo(life, settings) : undefined;
    if (why !== undefined && !this.options.crew.isReplacing(life.workerId)) this.recycle(life, why, now);
  }

  private reasonToGo(life: WorkerLife, settings: SupervisorSettings): Reason | undefined {
    const { maxWorkerLifetimeMs, reloadOnAsBytes, reloadOnRssBytes } = settings;
    const requests = this.options.requests(life) - life.requestsBefore;
    if (life.requestsMax > 0 && requests >= life.requestsMax) {
      return { cause: 'max-requests', text: `it has served ${requests} requests` };
    }
    const memory = overMemory(life.lane, reloadOnAsBytes, reloadOnRssBytes);
    if (memory !== undefined) return { cause: 'memory', text: `it has ${memory}` };
    if (maxWorkerLifetimeMs > 0 && life.ageMs > maxWorkerLifetimeMs) {
      return { cause: 'lifetime', text: 'it has reached its lifetime' };
    }
    return undefined;
  }

  private recycle(life: WorkerLife, why: Reason, now: number): void {
    const { workerId } = life;
    if (now < (this.retryAtMs.get(workerId) ?? 0)) return;
    const { crew, log } = this.options;
    log(`...The work of worker ${workerId} is done: ${why.text}. Seeya!`);
    life.endCause = why.cause;
    void crew.replace([workerId], this.options.settings().workerReloadMercyMs).then((error) => {
      if (error === undefined || crew.isStopping) return;
      life.endCause = undefined;
      log(`worker ${workerId} stays, its replacement does not come up: ${error}`);
      this.retryAtMs.set(workerId, performance.now() + RETRY_MS);
    });
  }

  // ---- how many

  /** One worker more, if there may be more. */
  more(): void {
    void this.grow(1, this.options.settings());
  }

  /** One worker less, if that leaves one, and one of them has nothing to do. */
  fewer(): void {
    if (this.options.crew.size > 1) this.shrink(1);
  }

  private size(settings: SupervisorSettings, now: number): void {
    const { processes, cheaper, cheaperStep, idleMs } = settings;
    const requests = this.options.requestsTotal();
    const busy = [...this.options.crew.workers].filter((life) => life.lane.busy > 0).length;
    if (requests !== this.requestsSeen || busy > 0) this.idleSinceMs = now;
    this.requestsSeen = requests;
    if (cheaper > 0) this.keepReserve(processes);
    if (cheaper === 0 && idleMs === 0) return;
    const { size } = this.options.crew;
    const fewest = Math.max(cheaper, 1);
    // While nobody serves yet, nobody is busy.
    if (busy < size || size === 0) this.busySinceMs = now;
    if (busy >= size - 1) this.spareSinceMs = now;
    const isIdle = idleMs > 0 && now - this.idleSinceMs >= idleMs;
    if (isIdle) this.shrink(size - fewest);
    // Two ticks in a row with nobody free: a single glance sees only that all are at work at that moment.
    else if (now - this.busySinceMs > TICK_MS && size < processes)
      void this.growForLoad(cheaper === 0 ? processes : cheaperStep, settings, now);
    else if (cheaper > 0 && now - this.spareSinceMs >= SPARE_MS && size > fewest) {
      this.spareSinceMs = now;
      this.shrink(1);
    }
  }

  /** A step after the other: what the last one has brought counts first. */
  private async growForLoad(step: number, settings: SupervisorSettings, now: number): Promise<void> {
    if (this.isGrowing || now < this.growNotBeforeMs) return;
    this.isGrowing = true;
    if (!(await this.grow(step, settings))) this.growNotBeforeMs = performance.now() + RETRY_MS;
    this.isGrowing = false;
  }

  /** Python takes its time to load an application: where there may be one worker more, it has done that before it is needed. */
  private keepReserve(processes: number): void {
    const { crew } = this.options;
    if (!crew.mayReserve(processes)) return;
    const isPython = [...crew.workers].some(({ news }) => news?.application.includes('python'));
    const [id] = isPython ? this.missing(processes) : [];
    if (id !== undefined) void crew.prepare(id);
  }

  /** Numbers that no worker has. */
  private missing(processes: number): number[] {
    const { crew } = this.options;
    return Array.from({ length: processes }, (_, i) => i + 1).filter(
      (id) => crew.worker(id) === undefined && !crew.isReplacing(id) && id !== crew.reservedId,
    );
  }

  /** False when they do not come up. */
  private async grow(step: number, { processes }: SupervisorSettings): Promise<boolean> {
    const { crew, log } = this.options;
    const ids = this.missing(processes).slice(0, crew.engage() ? step - 1 : step);
    const error = ids.length === 0 ? undefined : await crew.replace(ids, 0);
    if (error === undefined || crew.isStopping) return true;
    log(`more workers do not come up: ${error}`);
    return false;
  }

  private shrink(count: number): void {
    const { crew, log } = this.options;
    // Those with the highest numbers, and none that is at work or has a WebSocket.
    const isFree = ({ lane }: WorkerLife) => lane.busy === 0 && lane.connections === 0;
    const ids = [...crew.workers].filter(isFree).map(({ workerId }) => workerId);
    for (const id of ids.sort((a, b) => b - a).slice(0, Math.max(count, 0))) {
      log(`worker ${id} is not needed now. Seeya!`);
      crew.dismiss(id);
    }
  }
}

/** Why a worker is replaced: for the statistics, and for the log. */
interface Reason {
  readonly cause: EndCause;
  readonly text: string;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MB`;
}
