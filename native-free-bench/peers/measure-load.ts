// A scenario under load: all peers are started, prove that they answer alike, and are measured in random order, round by round.
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, memoryBytes, type Started, stopChild } from '../load/processes.js';
import { median, shuffled } from '../load/rounds.js';
import { type Peer, slug } from './contestants.js';
import { type Address, closesWhenAsked, proveAnswer, untilAnswer } from './http.js';
import { openIdle } from './idle.js';
import { type Loader, type LoadResult, load } from './load.js';
import { startNginx, type Upstream } from './nginx.js';
import type { Row } from './results.js';
import { type Running, type Settings, startPeer, urlOf } from './running.js';
import { type LoadScenario, speaksOf } from './scenarios.js';

export interface RunOptions extends Settings {
  readonly loader: Loader;
  readonly rounds: number;
  readonly seconds: number;
  readonly workers: readonly number[];
}

interface Round extends LoadResult {
  readonly cpuMicros: number;
  readonly memoryMb: number;
}

interface Measured {
  readonly running: Running;
  /** Where it is asked: its own port, or nginx'. */
  readonly address: Address;
  readonly rounds: Round[];
  failure?: string;
}

const WARM_UP_SECONDS = 1;
const SAMPLE_MS = 400;
const MEGABYTE = 1_048_576;

/** The numbers of workers that a peer is measured with. */
export function workerCounts(peer: Peer, workers: readonly number[]): readonly number[] {
  return peer.isSingle ? [1] : workers;
}

/** Throws an AssertionError when a peer answers differently. A peer that breaks under the load has a row that says so. */
export async function measureLoad(peers: readonly Peer[], scenario: LoadScenario, options: RunOptions): Promise<Row[]> {
  const speaks = speaksOf(scenario);
  const children: Started[] = [];
  try {
    const started: Running[] = [];
    for (const peer of peers.filter((one) => one.speaks.includes(speaks))) {
      for (const workers of workerCounts(peer, options.workers)) {
        const running = await startPeer(peer, workers, speaks, options);
        children.push(running.child);
        started.push(running);
      }
    }
    const measured = await behindNginx(started, scenario, options, children);
    for (const one of measured) {
      await proveAnswer(one.running.peer.name, one.address, scenario.load, scenario.expected);
      if (scenario.load.closes && !(await closesWhenAsked(one.address)))
        one.failure = 'it keeps connections that are to be closed';
    }
    for (const one of shuffled(measured)) await round(one, scenario, options, WARM_UP_SECONDS);
    for (const one of measured) one.rounds.length = 0;
    for (let i = 0; i < options.rounds; i++) {
      for (const one of shuffled(measured)) await round(one, scenario, options, options.seconds);
    }
    return measured.map((one) => rowOf(one, options));
  } finally {
    await Promise.all(children.map(stopChild));
  }
}

async function behindNginx(
  started: readonly Running[],
  { way }: LoadScenario,
  options: RunOptions,
  children: Started[],
): Promise<Measured[]> {
  if (way === undefined) return started.map((running) => ({ running, address: running.address, rounds: [] }));
  const upstreams = started.map(({ peer, place }): Upstream => {
    const name = `${slug(peer.name)}-${place.workers}`;
    return { name, way, port: place.port, socketPath: place.socketPath, isKept: !peer.closesUpstream };
  });
  const { child, port } = await startNginx(`${options.folder}/nginx`, upstreams);
  children.push(child);
  const measured: Measured[] = [];
  for (const [i, running] of started.entries()) {
    const address = { port, prefix: `/${(upstreams[i] as Upstream).name}` };
    await untilAnswer(`${running.peer.name} behind nginx`, address, running.child, performance.now());
    measured.push({ running, address, rounds: [] });
  }
  return measured;
}

/** One round; a peer that has failed is left alone from then on. */
async function round(one: Measured, scenario: LoadScenario, options: RunOptions, seconds: number): Promise<void> {
  if (one.failure !== undefined) return;
  const { pid } = one.running.child;
  const idle = scenario.idle === undefined ? undefined : await openIdle(one.address, scenario.idle);
  try {
    if (idle !== undefined && scenario.idle !== undefined && idle.answered < scenario.idle) {
      one.failure = `${idle.answered} of ${scenario.idle} idle connections were answered`;
      return;
    }
    let memory = 0;
    const sampler = setInterval(() => {
      memory = Math.max(memory, memoryBytes(pid));
    }, SAMPLE_MS);
    const before = cpuSeconds(pid);
    const url = urlOf(one.address, scenario.load.path);
    const result = await load(options.loader, url, scenario.load, seconds, options.folder);
    clearInterval(sampler);
    const cpu = cpuSeconds(pid) - before;
    memory = Math.max(memory, memoryBytes(pid));
    if (result.requests === 0) {
      one.failure = `no request was answered in ${seconds} s, ${result.errors} errors`;
      return;
    }
    const lost = idle === undefined ? 0 : (scenario.idle ?? 0) - idle.open();
    const cpuMicros = (cpu / result.requests) * 1e6;
    one.rounds.push({ ...result, errors: result.errors + lost, cpuMicros, memoryMb: memory / MEGABYTE });
  } finally {
    idle?.close();
    // What the last load has left behind is no part of the next.
    await sleep(idle === undefined ? 50 : 300);
  }
}

function rowOf({ running: { peer, place }, rounds, failure }: Measured, { npm }: Settings): Row {
  const row = { peer: peer.name, version: peer.version(npm), workers: place.workers };
  if (failure !== undefined) return { ...row, figures: {}, failure };
  const middle = (figure: keyof Round) => median(rounds.map((one) => one[figure]));
  return {
    ...row,
    figures: {
      requestsPerSecond: middle('requestsPerSecond'),
      p50Ms: middle('p50Ms'),
      p99Ms: middle('p99Ms'),
      cpuMicros: middle('cpuMicros'),
      memoryMb: Math.max(...rounds.map(({ memoryMb }) => memoryMb)),
      errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
    },
    rates: rounds.map(({ requestsPerSecond }) => Math.round(requestsPerSecond)),
  };
}
