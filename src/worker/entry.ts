// The file piscina runs in each worker thread: one task is one life of a lane, from loading the application to the thread's end.
import { performance } from 'node:perf_hooks';
import { parentPort, threadId } from 'node:worker_threads';
import type { Application, WorkerContext } from '../app/exchange.js';
import { loadApplications, type MountedSpec } from '../app/mounts.js';
import { monotonicMs } from '../base/clock.js';
import { FastwsgiError } from '../base/errors.js';
import { REPOLL_MS } from '../base/limits.js';
import { Bell } from '../lane/bell.js';
import type { FrontBell, WorkerInit, WorkerMessage, WorkerNews } from '../lane/worker-init.js';
import { WorkerLane } from '../lane/worker-lane.js';
import { Counters, type LaneTally } from '../observe/counters.js';
import { Logs } from '../observe/logs.js';
import { RequestLog } from '../observe/request-log.js';
import { type Libc, loadLibc } from '../system/libc.js';
import { openUnixPort } from '../system/unix-datagrams.js';
import { describeError, exceptionText, GENERAL_ANSWER, requestName } from './application-error.js';
import { ExtraHeaders } from './extra-headers.js';
import { WorkerLoop } from './loop.js';
import { RequestLine } from './request-line.js';

/** How often the supervisor is told how much memory the thread has. */
const MEMORY_EVERY_MS = 1000;

/** Serves a lane until it is asked to stop, and ends the thread. */
export default async function serveLane(init: WorkerInit): Promise<never> {
  const loaded = loadLibc();
  const libc = 'libc' in loaded ? loaded.libc : undefined;
  const lane = new WorkerLane(init.lane);
  // From here the thread may be ended at any time; while it bound libc it could not.
  lane.attach(threadId);
  const tell = (news: WorkerNews) => {
    const message: WorkerMessage = { from: 'fastwsgi-ts', lane: lane.id, epoch: init.epoch, news };
    parentPort?.postMessage(message);
  };
  const log = new Logs(init.log, openUnixPort);
  // An error that nobody catches ends the thread: where it came from is known here only. The main thread says what follows.
  process.on('uncaughtExceptionMonitor', (error) => log.lastLine(`uncaught: ${describeError(error)}`));
  process.on('exit', () => log.flush());
  const context = workerContext(init, log, lane, tell);
  // Traces of compiled applications name their sources. Maps are read when a trace is.
  process.setSourceMapsEnabled(true);
  const application = await loadApplications(specsOf(init), context, {
    manageScriptName: init.manageScriptName,
    onLoadError: (error) => {
      const loadError = describeError(error);
      if (init.needApplication) {
        tell({ kind: 'load-error', error: loadError });
        return process.exit();
      }
      log.line(`${loadError}\n*** no app loaded. every request for it is answered 500 ***`);
      return NO_APPLICATION;
    },
  });
  const concurrency = init.concurrency ?? application.concurrency;
  const counters = new Counters(init.counters, init.lane.slots);
  const tally = counters.tally(init.lane.id - 1);
  // The request at hand is counted when its slot is given back.
  const requestLine = new RequestLine();
  const requestLog =
    init.requestLog &&
    new RequestLog(init.requestLog, init.workerId, log, () => counters.requestsTotal + 1, requestLine.wanted);
  const extraHeaders = new ExtraHeaders(init);
  let isExplained = false;
  const loop = new WorkerLoop({
    lane,
    application,
    concurrency,
    libc,
    extraHeaders: extraHeaders.exist ? extraHeaders : undefined,
    bells: init.bells.map((bell) => frontRinger(bell, libc)),
    tally,
    requestLine,
    onFinished: (exchange, endedMs) => {
      requestLog?.log(exchange, exchange.response, endedMs);
      const { response, startedMs, waitedMs, receivedBytes, core } = exchange;
      tally.prepare({
        status: response.statusCode,
        sentBytes: response.headBytes + response.bodyBytes,
        receivedBytes,
        runMs: endedMs - startedMs,
        waitMs: waitedMs,
        core,
        isBroken: response.aborted,
      });
    },
    onTick: eventLoopWatch(tally),
    onError: (error, exchange) => {
      tally.countException();
      const description = describeError(error);
      log.line(`${requestName(exchange)}: ${description}`);
      const hint = isExplained ? undefined : application.explain?.(error);
      if (hint !== undefined) log.line(hint);
      isExplained ||= hint !== undefined;
      return init.catchExceptions ? exceptionText(exchange, description) : GENERAL_ANSWER;
    },
  });
  const reportMemory = () => {
    const own = process.memoryUsage();
    const thread = own.heapTotal + own.external;
    const { addressSpace, resident } = application.memory?.() ?? { addressSpace: thread, resident: thread };
    lane.reportMemory(addressSpace, resident);
  };
  reportMemory();
  setInterval(reportMemory, MEMORY_EVERY_MS).unref();
  // At once: nothing is begun any more.
  void application.ended?.then(() => loop.halt());
  const stopped = loop.run();
  tell({ kind: 'loaded', application: application.kind, concurrency });
  const death = await (application.ended === undefined ? stopped : Promise.race([stopped, application.ended]));
  if (death === undefined) {
    await application.settled?.();
    await application.close?.();
  }
  await log.close();
  // The thread ends with the task, and the crew hears why.
  if (death !== undefined) throw new Error(death);
  tell({ kind: 'stopped' });
  // Whatever the application still has running ends here.
  return process.exit();
}

/** Called on every tick: notes how late it comes. */
function eventLoopWatch(tally: LaneTally): (nowMs: number) => void {
  tally.begin(monotonicMs());
  let dueMs = performance.now() + REPOLL_MS;
  return (nowMs) => {
    tally.beat(monotonicMs(nowMs), nowMs - dueMs);
    dueMs = nowMs + REPOLL_MS;
  };
}

/** The application at the root, unless there are others only, and those. */
function specsOf({ application, mounts }: WorkerInit): readonly MountedSpec[] {
  const { module, file, chdir, home, python } = application;
  const isThere = module !== undefined || file !== undefined || mounts.length === 0;
  const root = isThere ? [{ ...application, mountPoint: '' }] : [];
  const others = mounts.filter(({ mountPoint }) => !isThere || mountPoint !== '');
  return [...root, ...others.map((mount) => ({ ...mount, chdir, home, python }))];
}

function workerContext(init: WorkerInit, log: Logs, lane: WorkerLane, tell: (news: WorkerNews) => void): WorkerContext {
  return {
    workerId: init.workerId,
    processes: init.processes,
    multithread: (init.concurrency ?? 1) > 1,
    concurrency: init.concurrency,
    version: init.version,
    node: init.node,
    address: init.address,
    log: (text) => log.line(text),
    reload: () => tell({ kind: 'reload' }),
    hasProcess: (pid) => lane.reportProcess(pid),
  };
}

/** Answers every request with 500, as uWSGI does where no application was loaded. */
const NO_APPLICATION: Application = {
  kind: '',
  concurrency: 1,
  handle() {
    throw new FastwsgiError(
      'ERR_APPLICATION_LOAD',
      'no application was loaded, look for the error in the log of the start',
    );
  },
};

/** Wakes a front that sleeps: by its eventfd, or by waking its Atomics wait. */
function frontRinger(bell: FrontBell, libc: Libc | undefined): (urgent: boolean) => void {
  const shared = new Bell(new Int32Array(bell.memory), 0);
  if (bell.eventFd < 0 || libc === undefined) return () => shared.ring();
  const one = Buffer.from(BigUint64Array.of(1n).buffer);
  return (urgent) => {
    if (shared.advance() || urgent) libc.write(bell.eventFd, one, one.length);
  };
}
