// The scenarios that are no load of one path: a mix with slow requests, start-up, a reload under load, memory.
import { AssertionError } from 'node:assert/strict';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { memoryBytes, stopChild } from '../load/processes.js';
import { median, shuffled } from '../load/rounds.js';
import type { Peer } from './contestants.js';
import { ask, proveAnswer, type Reply } from './http.js';
import { openIdle } from './idle.js';
import { load } from './load.js';
import { type RunOptions, workerCounts } from './measure-load.js';
import { type Paced, pace, percentile } from './paced.js';
import type { Figures, Row } from './results.js';
import { type Running, startPeer, urlOf } from './running.js';
import { LOAD_SCENARIOS, type LoadScenario } from './scenarios.js';

export interface OtherScenario {
  readonly title: string;
  measure(peers: readonly Peer[], options: RunOptions): Promise<Row[]>;
}

const CHEAP_PER_SECOND = 200;
const SLOW_PER_SECOND = 2;
const CHEAP_CONNECTIONS = 32;
const RELOAD_PER_SECOND = 200;
const RELOAD_QUIET_MS = 1000;
const RELOAD_MS_MAX = 15_000;
const MORE_WORKERS = 2;
const IDLE_CONNECTIONS = 1000;
/** For memory to come to rest. */
const SETTLE_MS = 1000;
const MEGABYTE = 1_048_576;

type MeasureOne = (running: Running, options: RunOptions) => Promise<Figures>;

/** Starts each peer alone, in random order, with each number of workers, and has it measured; a peer that breaks has a row that says so. */
async function oneByOne(
  peers: readonly Peer[],
  counts: (peer: Peer) => readonly number[],
  options: RunOptions,
  measure: MeasureOne,
): Promise<Row[]> {
  const rows = new Map<string, Row>();
  const contests = peers
    .filter(({ speaks }) => speaks.includes('http'))
    .flatMap((peer) => counts(peer).map((workers) => ({ peer, workers })));
  for (const { peer, workers } of shuffled(contests)) {
    const row = { peer: peer.name, version: peer.version(options.npm), workers };
    const running = await startPeer(peer, workers, 'http', options);
    try {
      const { load: asked, expected } = LOAD_SCENARIOS.hello as LoadScenario;
      await proveAnswer(peer.name, running.address, asked, expected);
      rows.set(`${peer.name} ${workers}`, { ...row, figures: await measure(running, options) });
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      rows.set(`${peer.name} ${workers}`, { ...row, figures: {}, failure: (error as Error).message });
    } finally {
      await stopChild(running.child);
    }
  }
  return contests.map(({ peer, workers }) => rows.get(`${peer.name} ${workers}`) as Row);
}

async function measureSlow({ peer, address }: Running, { rounds, seconds }: RunOptions): Promise<Figures> {
  const { load: asked, expected } = LOAD_SCENARIOS.json as LoadScenario;
  await proveAnswer(peer.name, address, asked, expected);
  const agent = new Agent({ keepAlive: true, maxSockets: CHEAP_CONNECTIONS });
  const slowAgent = new Agent({ keepAlive: true });
  const phase = async (isMixed: boolean): Promise<Paced> => {
    const until = performance.now() + seconds * 1000;
    const isOver = () => performance.now() >= until;
    const [cheap, slow] = await Promise.all([
      pace(address, '/json', CHEAP_PER_SECOND, isOver, agent),
      isMixed ? pace(address, '/slow', SLOW_PER_SECOND, isOver, slowAgent) : undefined,
    ]);
    return { latencies: cheap.latencies, errors: cheap.errors + (slow?.errors ?? 0) };
  };
  await phase(false);
  const quiet: number[] = [];
  const mixed: number[] = [];
  let errors = 0;
  for (let i = 0; i < rounds; i++) {
    for (const isMixed of shuffled([false, true])) {
      const paced = await phase(isMixed);
      (isMixed ? mixed : quiet).push(...paced.latencies);
      errors += paced.errors;
    }
  }
  agent.destroy();
  slowAgent.destroy();
  const [quietP99Ms, slowP99Ms] = [percentile(quiet, 0.99), percentile(mixed, 0.99)];
  return { quietP99Ms, slowP99Ms, slowRatio: slowP99Ms / quietP99Ms, errors };
}

/** New connections all the while: what a client sees that comes in the middle of it. */
async function measureReload({ peer, address, place, child }: Running): Promise<Figures> {
  const old = new Set<string>();
  const late: number[] = [];
  let signalled = Number.POSITIVE_INFINITY;
  let lastOld = 0;
  let isNew = false;
  const onReply = ({ hash }: Reply, due: number) => {
    const now = performance.now();
    if (now < signalled) {
      old.add(hash);
      return;
    }
    late.push(now - due);
    if (old.has(hash)) lastOld = now;
    else isNew = true;
  };
  const isOver = () => {
    const since = performance.now() - Math.max(signalled, lastOld);
    return performance.now() - signalled > RELOAD_MS_MAX || (isNew && since > RELOAD_QUIET_MS);
  };
  const running = pace(address, '/id', RELOAD_PER_SECOND, isOver, false, onReply);
  await sleep(RELOAD_QUIET_MS);
  signalled = performance.now();
  peer.reload?.(child.pid, place);
  const { errors } = await running;
  if (!isNew) throw new Error(`${peer.name} has not reloaded`);
  return {
    reloadMs: Math.max(0, lastOld - signalled),
    reloadP99Ms: percentile(late, 0.99),
    longestMs: percentile(late, 1),
    errors,
  };
}

function medians(all: readonly Figures[]): Figures {
  const names = Object.keys(all[0] as Figures) as (keyof Figures)[];
  return Object.fromEntries(names.map((name) => [name, median(all.map((figures) => figures[name] as number))]));
}

async function startAndStop(peer: Peer, workers: number, options: RunOptions): Promise<Figures> {
  const running = await startPeer(peer, workers, 'http', options);
  await stopChild(running.child);
  return { startMs: running.startMs as number };
}

async function settledMb({ child, address }: Running): Promise<number> {
  for (let i = 0; i < 20; i++) await ask(address, { path: '/' });
  await sleep(SETTLE_MS);
  return memoryBytes(child.pid) / MEGABYTE;
}

async function memoryOf(peer: Peer, workers: number, options: RunOptions): Promise<number> {
  const running = await startPeer(peer, workers, 'http', options);
  try {
    return await settledMb(running);
  } finally {
    await stopChild(running.child);
  }
}

/** Opens the connections; those that it does not hold are errors. */
async function holdIdle({ address }: Running, whenOpen: () => Promise<void>): Promise<number> {
  const idle = await openIdle(address, IDLE_CONNECTIONS);
  try {
    await whenOpen();
    return IDLE_CONNECTIONS - Math.min(idle.answered, idle.open());
  } finally {
    idle.close();
  }
}

/** After a load and as many connections, so that what they cost is not mixed with what the first ones cost. */
async function idleMemory(running: Running, { loader, folder }: RunOptions): Promise<Figures> {
  const { load: hello } = LOAD_SCENARIOS.hello as LoadScenario;
  await load(loader, urlOf(running.address, '/'), hello, 2, folder);
  const lost = await holdIdle(running, async () => {});
  // The memory of connections that it does not hold says nothing.
  if (lost > 0) return { errors: lost };
  const before = await settledMb(running);
  let after = before;
  const errors = await holdIdle(running, async () => {
    await sleep(SETTLE_MS);
    after = memoryBytes(running.child.pid) / MEGABYTE;
  });
  return errors > 0 ? { errors } : { idleMb: after - before, errors };
}

async function measureMemory(running: Running, options: RunOptions): Promise<Figures> {
  const { peer } = running;
  const baseMb = await memoryOf(peer, 1, options);
  const workerMb = peer.isSingle
    ? {}
    : { workerMb: ((await memoryOf(peer, 1 + MORE_WORKERS, options)) - baseMb) / MORE_WORKERS };
  return { baseMb, ...workerMb, ...(await idleMemory(running, options)) };
}

export const OTHER_SCENARIOS: Readonly<Record<string, OtherScenario>> = {
  slow: {
    title: `The p99 of ${CHEAP_PER_SECOND} requests/s of 2 ms of CPU, without and with one of 200 ms in 100`,
    measure: (peers, options) => oneByOne(peers, (peer) => workerCounts(peer, options.workers), options, measureSlow),
  },
  start: {
    title: 'Start-up, to the first answer',
    measure: (peers, options) =>
      oneByOne(
        peers,
        (peer) => workerCounts(peer, options.workers),
        options,
        async ({ peer, place }) => {
          const all: Figures[] = [];
          for (let i = 0; i < options.rounds; i++) all.push(await startAndStop(peer, place.workers, options));
          return medians(all);
        },
      ),
  },
  reload: {
    title: `A graceful reload under ${RELOAD_PER_SECOND} requests/s, each on a new connection`,
    measure: (peers, options) =>
      oneByOne(
        peers.filter(({ reload }) => reload !== undefined),
        () => [Math.max(...options.workers)],
        options,
        measureReload,
      ),
  },
  memory: {
    title: 'Memory of one more worker, and of 1000 idle connections',
    measure: (peers, options) => oneByOne(peers, () => [1], options, measureMemory),
  },
};
