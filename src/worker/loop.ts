// The worker's loop: takes requests from the lane while it runs fewer than it may, hands them to the application, rings the
// fronts' bells once per batch, and sleeps on its own bell without stopping the thread's event loop.
import { performance } from 'node:perf_hooks';
import type { Application } from '../app/exchange.js';
import { BATCH_MS, BATCH_REPLIES, REPOLL_MS } from '../base/limits.js';
import type { Tally, WorkerLane, WorkerSlot } from '../lane/worker-lane.js';
import type { Libc } from '../system/libc.js';
import { ThreadYield } from '../system/thread-yield.js';
import { type ExchangeOwner, SlotExchange } from './exchange.js';
import type { ExtraHeaders } from './extra-headers.js';
import { RequestLine } from './request-line.js';
import { newResponseTools, type ResponseTools } from './response-tools.js';
import { TakenConnections } from './taken-connections.js';

export interface LoopOptions {
  readonly lane: WorkerLane;
  readonly application: Application;
  readonly concurrency: number;
  readonly libc: Libc | undefined;
  readonly extraHeaders?: ExtraHeaders | undefined;
  /** Wakes each front, if it sleeps and wants to be woken; urgent news wake it in any case. */
  readonly bells: readonly ((urgent: boolean) => void)[];
  /** A response is complete: `endedMs` is now. Undefined when nobody wants to know. */
  readonly onFinished: ((exchange: SlotExchange, endedMs: number) => void) | undefined;
  /** Where what `onFinished` has prepared is counted. */
  readonly tally?: Tally;
  /** The slow tick, at `nowMs` of `performance.now()`. */
  readonly onTick?: (nowMs: number) => void;
  /** What the requests are looked through with. */
  readonly requestLine?: RequestLine;
  /** The application failed. What the client is told of it, if nothing was sent. */
  onError(error: unknown, exchange: SlotExchange): string;
}

const NEWS = { NONE: 0, LAZY: 1, URGENT: 2 } as const;
type News = (typeof NEWS)[keyof typeof NEWS];

/** How often in a row the worker looks for requests before its event loop turns. */
const TURNS_WITHOUT_SLEEP = 4;
/** Requests served in one go before timers and sockets of the application get their turn. */
const REQUESTS_PER_TURN = 64;

/** Runs until the lane is asked to stop and everything it had is done. */
export class WorkerLoop implements ExchangeOwner {
  /** Connections that the application has taken over. */
  readonly taken: TakenConnections;
  readonly requestLine: RequestLine;
  private readonly options: LoopOptions;
  private readonly tools: ResponseTools;
  private readonly courtesy: ThreadYield | undefined;
  /** Per front: whether it has news, and whether these can wait until it wakes by itself. */
  private readonly newsFor: News[];
  private replies = 0;
  private flushedMs = 0;
  /** When the last request was done. */
  private finishedMs = 0;
  private running = 0;
  private unfinished = 0;
  private aborts = 0;
  private draining = false;
  private halted = false;
  private flushScheduled = false;
  private resolveStopped: () => void = () => {};

  constructor(options: LoopOptions) {
    this.options = options;
    this.requestLine = options.requestLine ?? new RequestLine();
    this.taken = new TakenConnections(options.lane, options.libc);
    this.courtesy = options.libc && new ThreadYield(options.libc);
    this.newsFor = options.bells.map(() => NEWS.NONE);
    this.tools = newResponseTools(
      options.libc,
      (slot, urgent) => this.posted(slot, urgent),
      () => this.flush(performance.now()),
      options.extraHeaders,
      options.tally,
    );
    this.aborts = options.lane.aborts;
  }

  /** Opens the lane; resolves when it was asked to stop, all is done, and connections that were taken over have ended. */
  async run(): Promise<void> {
    const { lane, concurrency } = this.options;
    const stopped = new Promise<void>((resolve) => {
      this.resolveStopped = resolve;
    });
    const { onTick } = this.options;
    const repoll = setInterval(() => {
      onTick?.(performance.now());
      this.drain();
    }, REPOLL_MS);
    lane.loaded(concurrency);
    void this.sleep();
    await stopped;
    clearInterval(repoll);
    await this.taken.close();
  }

  /** Sleeps, drains, and sleeps again. */
  private async sleep(): Promise<void> {
    const { lane } = this.options;
    const { bell } = lane;
    for (;;) {
      const sequence = bell.prepareSleep();
      if (!this.hasWork()) {
        const rung = bell.wait(sequence);
        if (rung !== undefined) await rung;
      } else {
        // More than one turn's worth: let the event loop turn in between.
        await new Promise(setImmediate);
      }
      bell.awake();
      this.drain();
      this.drainMore();
      if (this.isOver()) return this.resolveStopped();
    }
  }

  /** A sleep costs more than a request: the front gets the chance to bring some before it. */
  private drainMore(): void {
    for (let turns = 0; turns < TURNS_WITHOUT_SLEEP; turns++) {
      if (this.courtesy?.yield() !== true || !this.hasWork()) return;
      this.drain();
    }
  }

  private hasWork(): boolean {
    const { lane } = this.options;
    if (this.halted) return false;
    if (lane.aborts !== this.aborts || this.isOver()) return true;
    return this.running < this.limit && lane.hasRequests;
  }

  /** Requests that may be started, for now. */
  private get limit(): number {
    const { concurrency, application } = this.options;
    return concurrency + (application.prefetch ?? 0);
  }

  private isOver(): boolean {
    return this.unfinished === 0 && this.running === 0 && this.options.lane.stopping && !this.options.lane.hasRequests;
  }

  /** Starts what may be started. Also called on the slow tick and whenever a request that held up others has ended. */
  private drain(): void {
    // An application that calls back into the event loop synchronously must not start requests inside a request.
    if (this.draining || this.halted) return;
    this.draining = true;
    const { lane } = this.options;
    if (lane.aborts !== this.aborts) {
      this.aborts = lane.aborts;
      lane.announceAborts();
    }
    let now = performance.now();
    for (let served = 0; served < REQUESTS_PER_TURN && this.running < this.limit; served++) {
      const slot = lane.next(now);
      if (slot === null) break;
      this.start(slot, now);
      now = this.finishedMs > now ? this.finishedMs : performance.now();
      if (this.replies >= BATCH_REPLIES || now - this.flushedMs >= BATCH_MS) this.flush(now);
    }
    this.options.application.flush?.();
    this.draining = false;
    this.flush(now);
  }

  private start(slot: WorkerSlot, now: number): void {
    const exchange = new SlotExchange(slot, this.tools, now, this);
    this.running++;
    this.unfinished++;
    let result: void | Promise<void>;
    try {
      result = this.options.application.handle(exchange);
    } catch (error) {
      this.onHandled(exchange, error, true);
      return;
    }
    if (result === undefined) this.onHandled(exchange, undefined, false);
    else {
      result.then(
        () => this.onHandledLater(exchange, undefined, false),
        (error) => this.onHandledLater(exchange, error, true),
      );
    }
  }

  private onHandled(exchange: SlotExchange, error: unknown, failed: boolean): void {
    this.running--;
    const { response } = exchange;
    if (!failed && (response.isEnding || response.aborted)) return response.giveUp();
    const reason = failed ? error : new Error('The application returned without completing its response');
    response.fail(this.options.onError(reason, exchange));
  }

  private onHandledLater(exchange: SlotExchange, error: unknown, failed: boolean): void {
    this.onHandled(exchange, error, failed);
    this.drain();
    this.wakeIfOver();
  }

  onGivenBack(slot: WorkerSlot): void {
    this.unfinished--;
    this.options.lane.giveBack(slot);
    this.posted(slot, true);
  }

  /** Nothing is started any more: the application has ended, and soon so will the thread. */
  halt(): void {
    this.halted = true;
  }

  onFinished(exchange: SlotExchange): void {
    this.unfinished--;
    const { onFinished } = this.options;
    this.finishedMs = performance.now();
    if (onFinished !== undefined) onFinished(exchange, this.finishedMs);
    this.wakeIfOver();
  }

  /** The sleeper decides when all is over: it is woken to look. */
  private wakeIfOver(): void {
    if (this.options.lane.stopping && this.isOver()) this.options.lane.bell.ring();
  }

  private posted(slot: WorkerSlot, urgent: boolean): void {
    if (urgent) this.newsFor[slot.front] = NEWS.URGENT;
    else if (this.newsFor[slot.front] === NEWS.NONE) this.newsFor[slot.front] = NEWS.LAZY;
    this.replies++;
    if (this.draining || this.flushScheduled) return;
    // Posted outside a batch, by an asynchronous application: one ring for all that the same turn posts.
    this.flushScheduled = true;
    setImmediate(() => {
      this.flushScheduled = false;
      this.flush(performance.now());
    });
  }

  private flush(now: number): void {
    this.flushedMs = now;
    if (this.replies === 0) return;
    this.replies = 0;
    const { bells } = this.options;
    for (let front = 0; front < bells.length; front++) {
      const news = this.newsFor[front];
      if (news === NEWS.NONE) continue;
      this.newsFor[front] = NEWS.NONE;
      bells[front]?.(news === NEWS.URGENT);
    }
  }
}
