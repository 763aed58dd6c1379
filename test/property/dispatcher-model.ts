// Fronts, lanes and workers on one thread and one made-up clock, so that every interleaving can be played. The dispatchers and
// both sides of the lanes are the real ones; a worker does only what it is told.
import assert from 'node:assert/strict';
import { Dispatcher, type MovableOwner, type Waiter } from '../../dist/front/dispatcher.js';
import { FrontLane, type FrontSlot } from '../../dist/lane/front-lane.js';
import { LaneOwner } from '../../dist/lane/lane-owner.js';
import { createLaneMemory, type LaneMemory, SLOT_STATE } from '../../dist/lane/layout.js';
import { WorkerLane, type WorkerSlot } from '../../dist/lane/worker-lane.js';

export type Fate = 'waiting' | 'answered' | 'lost' | 'refused' | 'left';

/** One request, from its client's point of view. */
export class Request implements MovableOwner, Waiter {
  fate: Fate = 'waiting';
  /** How often a worker has started it. */
  starts = 0;
  slot: FrontSlot | null = null;
  waitingSinceMs = 0;
  private reply = '';

  constructor(
    readonly id: number,
    readonly front: ModelFront,
  ) {}

  assign(slot: FrontSlot): void {
    const bytes = slot.request.write(String(this.id), 'latin1');
    slot.describe(bytes, 0, -1, -1, 0);
    this.slot = slot;
    this.front.dispatcher.submit(slot, this);
  }

  onMoved(slot: FrontSlot): void {
    this.slot = slot;
  }

  onReply(slot: FrontSlot): void {
    assert.equal(slot, this.slot, 'news come from the slot the request is in');
    const isDone = slot.state === SLOT_STATE.DONE;
    while (slot.available > 0) {
      const piece = slot.peek();
      this.reply += piece.toString('latin1');
      slot.consume(piece.length);
    }
    if (!isDone) return;
    if (this.fate !== 'left') {
      this.end('answered');
      assert.equal(this.reply, `${this.id}!`);
    }
    this.slot = null;
    this.front.dispatcher.release(slot);
  }

  onLost(slot: FrontSlot): void {
    assert.equal(slot, this.slot);
    assert.ok(slot.state === SLOT_STATE.RUNNING || slot.state === SLOT_STATE.REPLYING);
    if (this.fate !== 'left') this.end('lost');
    this.slot = null;
  }

  /** The client leaves. */
  leave(): void {
    if (this.fate !== 'waiting') return;
    this.end('left');
    const { dispatcher } = this.front;
    if (this.slot === null) dispatcher.cancel(this);
    else if (this.slot.state === SLOT_STATE.DONE) this.onReply(this.slot);
    else if (dispatcher.abandon(this.slot)) this.slot = null;
  }

  end(fate: Fate): void {
    assert.equal(this.fate, 'waiting', `request ${this.id} is ${fate} after it was ${this.fate}`);
    this.fate = fate;
  }
}

/** A front with its dispatcher. */
export class ModelFront {
  readonly lanes: readonly FrontLane[];
  readonly dispatcher: Dispatcher;
  readonly requests: Request[] = [];

  constructor(memories: readonly LaneMemory[], front: number, queueMax: number) {
    this.lanes = memories.map((memory) => new FrontLane(memory, front));
    this.dispatcher = new Dispatcher(this.lanes, queueMax);
  }

  /** A request comes in: into a slot, into the queue, or away. */
  submit(id: number): Request {
    const request = new Request(id, this);
    this.requests.push(request);
    const slot = this.dispatcher.reserve();
    if (slot !== null) request.assign(slot);
    else if (!this.dispatcher.enqueue(request)) request.end('refused');
    return request;
  }

  turn(): void {
    this.dispatcher.poll();
    this.dispatcher.flush();
  }
}

/** A worker thread: claims, replies and finishes when told, and may die at any moment. */
export class ModelWorker {
  readonly running: WorkerSlot[] = [];
  readonly started: number[] = [];
  private readonly owner: LaneOwner;
  private lane: WorkerLane;

  constructor(
    private readonly memory: LaneMemory,
    private readonly concurrency: number,
    private readonly world: World,
  ) {
    this.owner = new LaneOwner(memory);
    this.lane = this.open();
  }

  /** Starts the next request if it may; false when there is none. */
  claim(): boolean {
    if (!this.owner.loaded || this.running.length >= this.concurrency) return false;
    const slot = this.lane.next(this.world.nowMs);
    if (slot === null) return false;
    const id = idIn(slot);
    const request = this.world.request(id);
    request.starts++;
    this.started.push(id);
    this.running.push(slot);
    return true;
  }

  /** A part of a reply. */
  reply(at: number): void {
    const slot = this.running[at];
    if (slot === undefined || slot.aborted) return;
    if (slot.state === SLOT_STATE.REPLYING) return;
    slot.markReplying();
    const text = Buffer.from(String(idIn(slot)));
    assert.equal(slot.append(text, 0, text.length), text.length);
    slot.publish();
  }

  /** The rest of a reply, and the end. */
  finish(at: number): void {
    const [slot] = this.running.splice(at, 1);
    if (slot === undefined) return;
    const text = slot.state === SLOT_STATE.REPLYING ? '!' : `${idIn(slot)}!`;
    assert.equal(slot.append(Buffer.from(text), 0, text.length), text.length);
    slot.finish();
  }

  /** The thread ends; the fronts clean up in their next turn, and then the next thread has the lane. */
  die(): void {
    this.running.length = 0;
    this.owner.markDead();
  }

  /** The next thread takes the lane, if all fronts have cleaned up. */
  respawn(fronts: number): void {
    if (this.owner.loaded || !this.owner.isClean(fronts)) return;
    this.owner.reopen();
    this.lane = this.open();
  }

  private open(): WorkerLane {
    const lane = new WorkerLane(this.memory);
    lane.loaded(this.concurrency);
    this.owner.open();
    return lane;
  }
}

function idIn(slot: WorkerSlot): number {
  return Number(slot.request.toString('latin1', 0, slot.varsEnd));
}

export interface WorldOptions {
  readonly lanes: number;
  readonly fronts: number;
  readonly slots: number;
  readonly concurrency: number;
  readonly queueMax: number;
}

/** All of it, and the clock. */
export class World implements Disposable {
  nowMs = 1000;
  readonly fronts: readonly ModelFront[];
  readonly workers: readonly ModelWorker[];
  private readonly realNow = performance.now;
  private requests = 0;

  constructor(options: WorldOptions) {
    performance.now = () => this.nowMs;
    const memories = Array.from({ length: options.lanes }, (_, i) => createLaneMemory(i + 1, options.slots));
    this.fronts = Array.from({ length: options.fronts }, (_, i) => new ModelFront(memories, i, options.queueMax));
    this.workers = memories.map((memory) => new ModelWorker(memory, options.concurrency, this));
  }

  submit(front: number): Request {
    const chosen = this.fronts[front % this.fronts.length] as ModelFront;
    return chosen.submit(this.requests++);
  }

  request(id: number): Request {
    for (const front of this.fronts) {
      const found = front.requests.find((request) => request.id === id);
      if (found !== undefined) return found;
    }
    throw new Error(`a worker has started ${id}, which nobody has sent`);
  }

  get all(): readonly Request[] {
    return this.fronts.flatMap((front) => front.requests);
  }

  turn(): void {
    for (const front of this.fronts) front.turn();
  }

  respawn(): void {
    for (const worker of this.workers) worker.respawn(this.fronts.length);
  }

  /** Lets everything come to its end: workers live, finish what they have, and the clock goes on. */
  settle(): void {
    for (let round = 0; round < 10_000; round++) {
      this.turn();
      this.respawn();
      for (const worker of this.workers) {
        while (worker.claim());
        while (worker.running.length > 0) worker.finish(0);
      }
      this.nowMs += 3;
      const active = this.fronts.some(({ dispatcher }) => dispatcher.active > 0 || dispatcher.queued > 0);
      if (!active) return;
    }
    throw new Error('the requests never came to their end');
  }

  /** Everything is as it was in the beginning. */
  assertEmpty(): void {
    for (const { dispatcher, lanes } of this.fronts) {
      assert.deepEqual([dispatcher.active, dispatcher.queued], [0, 0]);
      for (const lane of lanes) {
        assert.equal(lane.inFlight, 0);
        assert.equal(lane.busy, 0);
        for (const slot of lane.slots) {
          assert.deepEqual([slot.state, slot.owner, slot.available, slot.taken], [SLOT_STATE.FREE, null, 0, 0]);
        }
      }
    }
  }

  [Symbol.dispose](): void {
    performance.now = this.realNow;
  }
}
