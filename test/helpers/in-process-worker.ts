// A lane and its worker on the test's own thread: fronts can be tested without the pool. The worker's loop and replies are
// the real ones; only the thread is missing, so handlers must not block.
import type { Application, Exchange } from '../../dist/app/exchange.js';
import { Dispatcher } from '../../dist/front/dispatcher.js';
import type { GatewayBell } from '../../dist/front/gateway/gateway.js';
import { Turns } from '../../dist/front/turns.js';
import { BELL_WORDS, Bell } from '../../dist/lane/bell.js';
import { FrontLane } from '../../dist/lane/front-lane.js';
import { LaneOwner } from '../../dist/lane/lane-owner.js';
import { createLaneMemory } from '../../dist/lane/layout.js';
import { WorkerLane } from '../../dist/lane/worker-lane.js';
import { type Libc, loadLibc } from '../../dist/system/libc.js';
import { WorkerLoop } from '../../dist/worker/loop.js';

export type Handler = (exchange: Exchange) => void | Promise<void>;

/** Requests that may wait in a front unless a test says otherwise. */
export const QUEUE_MAX = 1024;

export interface InProcessWorkerOptions {
  /** Slots of the lane; 64 unless given. */
  readonly slots?: number;
  /** Requests the worker runs at a time; 64 unless given. */
  readonly concurrency?: number;
  /** Requests that may wait in the front; QUEUE_MAX unless given. */
  readonly queueMax?: number;
}

export class InProcessWorker {
  readonly dispatcher: Dispatcher;
  readonly turns: Turns;
  readonly lane: FrontLane;
  readonly owner: LaneOwner;
  /** What handlers threw. */
  readonly errors: unknown[] = [];
  private readonly stopped: Promise<void>;
  private ringGateway: (urgent: boolean) => void = () => {};

  constructor(handle: Handler, options: InProcessWorkerOptions = {}) {
    const memory = createLaneMemory(0, options.slots ?? 64);
    const frontBell = new Bell(new Int32Array(new SharedArrayBuffer(BELL_WORDS * 4)), 0);
    this.owner = new LaneOwner(memory);
    this.lane = new FrontLane(memory, 0);
    this.dispatcher = new Dispatcher([this.lane], options.queueMax ?? QUEUE_MAX);
    this.turns = new Turns(this.dispatcher, frontBell);
    const concurrency = options.concurrency ?? 64;
    const application: Application = { kind: 'wsgi', concurrency, handle };
    const native = loadLibc();
    const loop = new WorkerLoop({
      lane: new WorkerLane(memory),
      application,
      concurrency,
      libc: 'libc' in native ? native.libc : undefined,
      bells: [() => frontBell.ring(), (urgent) => this.ringGateway(urgent)],
      onFinished: undefined,
      onError: (error) => {
        this.errors.push(error);
        return 'Internal Server Error\n';
      },
    });
    this.stopped = loop.run();
    this.owner.open();
  }

  /** The gateway's thread hears of this worker by `bell`, as from src/worker/entry.ts. */
  ring(bell: GatewayBell, libc: Libc): void {
    const shared = new Bell(new Int32Array(bell.memory), 0);
    const one = Buffer.from(BigUint64Array.of(1n).buffer);
    this.ringGateway = (urgent) => {
      if (shared.advance() || urgent) libc.write(bell.eventFd, one, one.length);
    };
  }

  /** Slots that are not free, whichever front has them. */
  get busySlots(): number {
    return this.owner.busy;
  }

  async stop(): Promise<void> {
    this.owner.retire();
    await this.stopped;
    this.ringGateway = () => {};
    this.turns.stop();
  }
}
