// The gateway thread: a blocking epoll loop that accepts uwsgi connections and moves packets into lanes. Its Node event
// loop never turns: it is told things through shared memory and an eventfd, and speaks by posting messages.
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../base/assert.js';
import { GATEWAY_CONNECTIONS_MAX, LANE_STALL_MS, REPOLL_MS } from '../../base/limits.js';
import { Bell } from '../../lane/bell.js';
import { FrontLane } from '../../lane/front-lane.js';
import { ERRNO, type Libc, loadLibc, SYS } from '../../system/libc.js';
import { Dispatcher } from '../dispatcher.js';
import type { UwsgiLimits } from '../uwsgi-limits.js';
import { Connection, type GatewayTools } from './connection.js';
import { GATEWAY_CONTROL, GATEWAY_MODE, type GatewayData, type GatewayMessage } from './control.js';
import { Epoll } from './epoll.js';

/** Connections accepted in one turn at most, so that replies are not held up by a burst. */
const ACCEPTS_PER_TURN = 64;
/** A connection whose response is complete is closed at the latest after this long. */
const LAZY_CLOSE_MS = 10;
/** Requests running longer than this are watched for their client's leaving. */
const WATCH_LEAVING_AFTER_MS = 100;

class Gateway implements GatewayTools {
  readonly libc: Libc;
  readonly epoll: Epoll;
  readonly dispatcher: Dispatcher;
  readonly limits: UwsgiLimits;
  readonly watched = new Set<Connection>();
  readonly scratch = Buffer.allocUnsafeSlow(65_536);
  private readonly data: GatewayData;
  private readonly bell: Bell;
  private readonly control: Int32Array;
  private readonly lanes: readonly FrontLane[];
  /** By descriptor. */
  private readonly connections: (Connection | undefined)[] = [];
  private readonly spare: Connection[] = [];
  private open = 0;
  private listening = false;
  private acceptable = false;
  /** After EMFILE: do not accept before this time. */
  private resumeAcceptMs = 0;
  private lastTickMs = 0;

  constructor(data: GatewayData, libc: Libc) {
    this.data = data;
    this.libc = libc;
    this.limits = data.limits;
    this.control = new Int32Array(data.control);
    this.bell = new Bell(new Int32Array(data.bell), data.bellStart);
    this.lanes = data.lanes.map((memory) => new FrontLane(memory, data.front));
    this.dispatcher = new Dispatcher(this.lanes, 0);
    this.epoll = new Epoll(libc);
    this.epoll.add(data.eventFd, SYS.EPOLLIN);
  }

  log(line: string): void {
    const message: GatewayMessage = { log: line };
    parentPort?.postMessage(message);
  }

  closed(connection: Connection, fd: number): void {
    this.connections[fd] = undefined;
    this.open--;
    this.spare.push(connection);
  }

  /** The loop. Returns when the main thread has asked for the end and it is reached. */
  run(): void {
    while (!this.isOver()) {
      this.updateListening();
      this.turn(this.epoll.wait(this.prepareWait()));
      Atomics.store(this.control, GATEWAY_CONTROL.CONNECTIONS, this.open);
    }
    for (const connection of this.connections) connection?.close();
    this.epoll.close();
  }

  private isOver(): boolean {
    const mode = Atomics.load(this.control, GATEWAY_CONTROL.MODE);
    return mode === GATEWAY_MODE.END || (mode === GATEWAY_MODE.DRAIN && this.open === 0);
  }

  /**
   * How long to wait, in milliseconds. The workers answer their clients themselves, so a slot that is done is news that can
   * wait for the next event: the sleep is announced to them only when something here waits for a slot.
   */
  private prepareWait(): number {
    const { dispatcher } = this;
    if (!this.listening || dispatcher.queued > 0) {
      // The eventfd remembers a ring that comes between this look and the wait, so no sequence is compared.
      this.bell.prepareSleep();
      if (dispatcher.hasNews) return 0;
    }
    // Room may come of what the other front's requests leave, and nobody tells us.
    if (!this.listening || dispatcher.needsTick) return LANE_STALL_MS;
    return dispatcher.active > 0 ? LAZY_CLOSE_MS : REPOLL_MS;
  }

  private turn(events: number): void {
    this.bell.awake();
    for (let i = 0; i < events; i++) this.handle(this.epoll.eventFd(i), this.epoll.eventMask(i));
    this.dispatcher.poll();
    // After the events: a descriptor number that is used again must not meet an event of its predecessor.
    if (this.acceptable) this.accept();
    this.dispatcher.flush();
    if (this.dispatcher.nowMs - this.lastTickMs >= REPOLL_MS) this.tick();
  }

  private handle(fd: number, mask: number): void {
    const connection = this.connections[fd];
    if (connection !== undefined) connection.onEvent(mask);
    else if (fd === this.data.eventFd) this.libc.read(fd, this.scratch, 8);
    else this.acceptable = true;
  }

  private accept(): void {
    this.acceptable = false;
    for (const listener of this.data.listeners) {
      for (let accepted = 0; accepted < ACCEPTS_PER_TURN && this.mayAccept(); accepted++) {
        const fd = this.libc.accept4(listener, null, null, SYS.SOCK_NONBLOCK | SYS.SOCK_CLOEXEC);
        if (fd < 0) {
          this.onAcceptError(this.libc.errno());
          break;
        }
        this.adopt(fd);
      }
    }
  }

  private adopt(fd: number): void {
    const connection = this.spare.pop() ?? new Connection(this);
    this.connections[fd] = connection;
    this.open++;
    connection.open(fd);
  }

  private onAcceptError(errno: number): void {
    if (errno !== ERRNO.EMFILE && errno !== ERRNO.ENFILE && errno !== ERRNO.ENOBUFS && errno !== ERRNO.ENOMEM) return;
    this.resumeAcceptMs = this.dispatcher.nowMs + REPOLL_MS;
    this.log(`accept4(): errno ${errno}, too many open files or no memory: ${this.open} connections are open`);
  }

  private mayAccept(): boolean {
    return (
      this.dispatcher.hasRoom && this.open < GATEWAY_CONNECTIONS_MAX && this.dispatcher.nowMs >= this.resumeAcceptMs
    );
  }

  /** Level-triggered listening would spin while nothing can be accepted: the sockets leave the set until it can. */
  private updateListening(): void {
    const wanted = Atomics.load(this.control, GATEWAY_CONTROL.MODE) === GATEWAY_MODE.SERVE && this.mayAccept();
    if (wanted === this.listening) return;
    this.listening = wanted;
    for (const fd of this.data.listeners) {
      if (wanted) this.epoll.add(fd, SYS.EPOLLIN);
      else this.epoll.remove(fd);
    }
  }

  private tick(): void {
    const now = this.dispatcher.nowMs;
    this.lastTickMs = now;
    for (const connection of this.watched) if (connection.deadlineMs <= now) connection.onTimeout();
    for (const lane of this.lanes) {
      if (lane.inFlight === 0) continue;
      for (const { owner, submittedAtMs } of lane.slots) {
        if (owner instanceof Connection && now - submittedAtMs > WATCH_LEAVING_AFTER_MS) owner.watchForLeaving();
      }
    }
  }
}

const loaded = loadLibc();
assert('libc' in loaded, 'the gateway is started only where libc loads');
const gateway = new Gateway(workerData as GatewayData, loaded.libc);
gateway.run();
