// The gateway thread: a blocking epoll loop that accepts uwsgi and HTTP connections and moves requests into lanes. Its Node event
// loop never turns: it is told things through shared memory and an eventfd, and speaks by posting messages.
import { performance } from 'node:perf_hooks';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { assert } from '../../base/assert.js';
import { errorMessage } from '../../base/errors.js';
import { GATEWAY_CONNECTIONS_MAX, LANE_STALL_MS, REPOLL_MS } from '../../base/limits.js';
import { Bell } from '../../lane/bell.js';
import { FrontLane } from '../../lane/front-lane.js';
import { FrontCounters } from '../../observe/front-counters.js';
import { ERRNO, type Libc, loadLibc, SYS } from '../../system/libc.js';
import { ThreadYield } from '../../system/thread-yield.js';
import { Dispatcher } from '../dispatcher.js';
import { encodePeer, RequestEncoder } from '../http/request-encoder.js';
import { createDesk, type LocalDesk, type LocalSetup, prepareRules } from '../local/desk.js';
import { ProxyTrust } from '../proxy-trust.js';
import { BodyFiles } from './body-files.js';
import { closeFile } from './close-file.js';
import { Connection, type GatewayTools } from './connection.js';
import {
  GATEWAY_CONTROL,
  GATEWAY_MODE,
  type GatewayData,
  type GatewayListener,
  type GatewayMessage,
} from './control.js';
import { Epoll } from './epoll.js';
import { HttpConnection } from './http-connection.js';
import { PeerAddress } from './peer-address.js';
import { UwsgiConnection } from './uwsgi-connection.js';

/** Connections accepted in one turn at most, so that replies are not held up by a burst. */
const ACCEPTS_PER_TURN = 64;
/** A connection whose response is complete is closed at the latest after this long. */
const LAZY_CLOSE_MS = 10;
/** Large bodies are received in pieces of this size, and written to their files so. */
const SCRATCH_BYTES = 262_144;
const ACCEPT_FLAGS = SYS.SOCK_NONBLOCK | SYS.SOCK_CLOEXEC;
/** Requests running longer than this are watched for their client's leaving. */
const WATCH_LEAVING_AFTER_MS = 100;

class Gateway implements GatewayTools {
  readonly libc: Libc;
  readonly epoll: Epoll;
  readonly dispatcher: Dispatcher;
  readonly desk: LocalDesk | undefined;
  closing = false;
  readonly watched = new Set<Connection>();
  readonly impatient = new Set<Connection>();
  readonly scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  readonly bodyFiles = new BodyFiles(closeFile);
  private readonly data: GatewayData;
  private readonly bell: Bell;
  private readonly control: Int32Array;
  private readonly lanes: readonly FrontLane[];
  /** By descriptor. */
  private readonly connections: (Connection | undefined)[] = [];
  private readonly spareUwsgi: UwsgiConnection[] = [];
  private readonly spareHttp: HttpConnection[] = [];
  /** One for each HTTP listener, by its descriptor. */
  private readonly encoders = new Map<number, RequestEncoder>();
  private readonly peer = new PeerAddress();
  private readonly proxyTrust: ProxyTrust;
  private readonly courtesy: ThreadYield;
  private unread: Connection[] = [];
  /** Request lines of this turn. */
  private requestLines: string[] = [];
  private open = 0;
  /** Whether the listeners of each protocol are in the epoll set. */
  private readonly listening = { uwsgi: false, http: false };
  private acceptable = false;
  /** After EMFILE: do not accept before this time. */
  private resumeAcceptMs = 0;
  /** The log knows that nothing can be accepted. */
  private acceptFails = false;
  private lastTickMs = 0;

  constructor(data: GatewayData, libc: Libc) {
    this.data = data;
    this.libc = libc;
    this.proxyTrust = new ProxyTrust(data.proxies);
    this.courtesy = new ThreadYield(libc);
    this.control = new Int32Array(data.control);
    this.bell = new Bell(new Int32Array(data.bell), data.bellStart);
    this.lanes = data.lanes.map((memory) => new FrontLane(memory, data.front));
    this.dispatcher = new Dispatcher(this.lanes, data.limits.httpQueue, new FrontCounters(data.counters, data.front));
    for (const { fd, protocol, port } of data.listeners) {
      if (protocol === 'http') this.encoders.set(fd, new RequestEncoder(data.limits.http.varsBytesMax, port));
    }
    this.desk = data.local && createDesk(data.local, this);
    this.epoll = new Epoll(libc);
    this.epoll.add(data.eventFd, SYS.EPOLLIN);
  }

  log(line: string): void {
    const message: GatewayMessage = { log: line };
    parentPort?.postMessage(message);
  }

  logRequests(line: string): void {
    this.requestLines.push(line);
  }

  closed(connection: Connection, fd: number): void {
    this.connections[fd] = undefined;
    this.open--;
    this.dispatcher.counters.closed();
    if (connection instanceof HttpConnection) this.spareHttp.push(connection);
    else if (connection instanceof UwsgiConnection) this.spareUwsgi.push(connection);
  }

  later(connection: Connection): void {
    this.unread.push(connection);
  }

  /** The loop. Returns when the main thread has asked for the end and it is reached. */
  run(): void {
    while (!this.isOver()) {
      this.updateListening();
      // Whoever is about to send or to answer does so now: fewer turns, with more in each.
      if (this.dispatcher.active > 0) this.courtesy.yield();
      this.turn(this.epoll.wait(this.prepareWait()));
    }
    for (const connection of this.connections) connection?.close();
    this.bodyFiles.closeAll();
    this.epoll.close();
  }

  /** Between two turns: rules that have changed. */
  private adoptSetups(setups: number): void {
    const port = parentPort as MessagePort;
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      try {
        if (this.desk !== undefined) prepareRules(this.desk, next.message as LocalSetup, this)();
      } catch (error) {
        // The main thread could read the same files a moment ago.
        this.log(`Cannot take changed rules over: ${errorMessage(error)}`);
      }
    }
    Atomics.store(this.control, GATEWAY_CONTROL.ADOPTED, setups);
    Atomics.notify(this.control, GATEWAY_CONTROL.ADOPTED);
  }

  private isOver(): boolean {
    // Counted after it was posted: whoever sees the count finds the message.
    const setups = Atomics.load(this.control, GATEWAY_CONTROL.SETUPS);
    // Ours alone to write.
    if (setups !== this.control[GATEWAY_CONTROL.ADOPTED]) this.adoptSetups(setups);
    const mode = Atomics.load(this.control, GATEWAY_CONTROL.MODE);
    if (mode === GATEWAY_MODE.DRAIN && !this.closing) this.drain();
    return mode === GATEWAY_MODE.END || (mode === GATEWAY_MODE.DRAIN && this.open === 0);
  }

  /** From now on nothing is accepted, and connections that wait for a next request are closed. */
  private drain(): void {
    this.closing = true;
    for (const connection of this.connections) if (connection instanceof HttpConnection) connection.drain();
  }

  /**
   * How long to wait, in milliseconds. The workers answer their clients themselves, so a slot that is done is news that can
   * wait for the next event: the sleep is announced to them only when something here waits for a slot, or for an answer.
   */
  private prepareWait(): number {
    const { dispatcher } = this;
    if (this.unread.length > 0) return 0;
    const isHungry = !this.listening.uwsgi || dispatcher.queued > 0 || this.impatient.size > 0;
    if (isHungry) {
      // The eventfd remembers a ring that comes between this look and the wait, so no sequence is compared.
      this.bell.prepareSleep();
      if (dispatcher.hasNews) return 0;
    }
    // Room may come of what the other front's requests leave, and nobody tells us.
    if ((!this.listening.uwsgi && !this.closing) || dispatcher.needsTick) return LANE_STALL_MS;
    return dispatcher.active > 0 ? LAZY_CLOSE_MS : REPOLL_MS;
  }

  private turn(events: number): void {
    this.bell.awake();
    // The wait may have been long, and the events set deadlines.
    this.dispatcher.nowMs = performance.now();
    for (let i = 0; i < events; i++) this.handle(this.epoll.eventFd(i), this.epoll.eventMask(i));
    this.dispatcher.poll();
    this.resumeUnread();
    // After the events: a descriptor number that is used again must not meet an event of its predecessor.
    if (this.acceptable) this.accept();
    this.dispatcher.flush();
    if (this.requestLines.length > 0) this.postRequestLines();
    if (this.dispatcher.nowMs - this.lastTickMs >= REPOLL_MS) this.tick();
  }

  private handle(fd: number, mask: number): void {
    const connection = this.connections[fd];
    if (connection !== undefined) connection.onEvent(mask);
    else if (fd === this.data.eventFd) this.libc.read(fd, this.scratch, 8);
    else this.acceptable = true;
  }

  private resumeUnread(): void {
    if (this.unread.length === 0) return;
    const { unread } = this;
    this.unread = [];
    for (const connection of unread) connection.resume();
  }

  private accept(): void {
    this.acceptable = false;
    for (const listener of this.data.listeners) {
      const { buffer, lengthBuffer } = this.peer;
      const isHttp = listener.protocol === 'http';
      for (let accepted = 0; accepted < ACCEPTS_PER_TURN && this.mayAccept(listener.protocol); accepted++) {
        // Only HTTP has to know who speaks; on a uwsgi socket the web server says it.
        const fd = isHttp
          ? this.libc.accept4(listener.fd, buffer, this.peer.prepare(lengthBuffer), ACCEPT_FLAGS)
          : this.libc.accept4(listener.fd, null, null, ACCEPT_FLAGS);
        if (fd < 0) {
          this.onAcceptError(this.libc.errno());
          break;
        }
        this.adopt(fd, listener);
      }
    }
  }

  private adopt(fd: number, listener: GatewayListener): void {
    const { limits } = this.data;
    let connection: Connection;
    if (listener.protocol === 'http') {
      const http = this.spareHttp.pop() ?? new HttpConnection(this, limits.http);
      const { address, port } = this.peer;
      const encoder = this.encoders.get(listener.fd) as RequestEncoder;
      http.introduce(encoder, encodePeer(address, port), this.proxyTrust.expectsHeader(address));
      connection = http;
    } else {
      connection = this.spareUwsgi.pop() ?? new UwsgiConnection(this, limits.uwsgi);
    }
    this.connections[fd] = connection;
    this.open++;
    this.dispatcher.counters.accepted();
    this.acceptFails = false;
    connection.open(fd);
  }

  private onAcceptError(errno: number): void {
    if (errno !== ERRNO.EMFILE && errno !== ERRNO.ENFILE && errno !== ERRNO.ENOBUFS && errno !== ERRNO.ENOMEM) return;
    this.resumeAcceptMs = this.dispatcher.nowMs + REPOLL_MS;
    if (this.acceptFails) return;
    this.acceptFails = true;
    this.log(`accept4(): errno ${errno}, too many open files or no memory: ${this.open} connections are open`);
  }

  /** uwsgi connections wait in the kernel's backlog for a free worker; HTTP ones in a queue of ours, so that they hear 503. */
  private mayAccept(protocol: 'uwsgi' | 'http'): boolean {
    if (this.closing || this.open >= GATEWAY_CONNECTIONS_MAX || this.dispatcher.nowMs < this.resumeAcceptMs)
      return false;
    return protocol === 'http' || this.dispatcher.hasRoom;
  }

  /** Level-triggered listening would spin while nothing can be accepted: the sockets leave the set until it can. */
  private updateListening(): void {
    for (const protocol of ['uwsgi', 'http'] as const) {
      const wanted = this.mayAccept(protocol);
      if (wanted === this.listening[protocol]) continue;
      this.listening[protocol] = wanted;
      for (const listener of this.data.listeners) {
        if (listener.protocol !== protocol) continue;
        if (wanted) this.epoll.add(listener.fd, SYS.EPOLLIN);
        else this.epoll.remove(listener.fd);
      }
    }
  }

  /** A message for each line would cost more than most of the answers it tells of. */
  private postRequestLines(): void {
    const message: GatewayMessage = { requests: this.requestLines.join('\n') };
    this.requestLines = [];
    parentPort?.postMessage(message);
  }

  private tick(): void {
    const now = this.dispatcher.nowMs;
    this.lastTickMs = now;
    this.bodyFiles.tick(now);
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
