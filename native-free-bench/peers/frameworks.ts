// npm run bench:frameworks: Express and Fastify behind us, with our native parts and without, and on their own server, alone
// and on node's cluster, under wrk. `hello`: a hello world. `work`: a JSON route with 2 ms of CPU, and beside it a cheap
// route at a fixed pace, and its p99. Proves first that all answer alike; prints medians of rounds in turning order, the CPU
// time per request of the server and its processes, and how many requests failed.
//   node build-bench/peers/frameworks.js FOLDER [--framework express] [--route hello] [--rounds 5] [--seconds 2] [--connections 32]
// FOLDER has a node_modules with express and fastify.
import { deepStrictEqual } from 'node:assert/strict';
import { Agent } from 'node:http';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cpuSeconds } from '../load/processes.js';
import { median } from '../load/rounds.js';
import { loadByWrk, type WrkRound } from '../load/wrk.js';
import { type FrameworkServer, SAMPLES, startFrameworkServers } from './framework-servers.js';
import { ask } from './http.js';
import { type Paced, pace, percentile } from './paced.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    framework: { type: 'string', multiple: true, default: Object.keys(SAMPLES) },
    route: { type: 'string', multiple: true, default: ['hello', 'work'] },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '32' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const WARM_UP_SECONDS = 1;
const PATHS: Readonly<Record<string, string>> = { hello: '/', work: '/work' };
/** Requests a second to the cheap route while the other is under load. */
const CHEAP_PER_SECOND = 100;
const CHEAP_CONNECTIONS = 32;

interface Results {
  readonly rates: number[];
  readonly p99sMs: number[];
  readonly cpuMicros: number[];
  readonly cheapWaitsMs: number[];
  failed: number;
}

/** What a client can see of an answer, without its date and what concerns the connection only. */
async function answerOf(url: string, method: string): Promise<unknown> {
  const response = await fetch(url, { method });
  const { date, connection, 'keep-alive': _, ...headers } = Object.fromEntries(response.headers);
  return { status: `${response.status} ${response.statusText}`, headers, body: await response.text() };
}

async function proveEqual(servers: readonly FrameworkServer[]): Promise<void> {
  const expected = new Map<string, unknown>();
  for (const { name, url } of servers) {
    for (const path of ['/', '/work', '/nowhere']) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await answerOf(url + path, method);
        if (!expected.has(method + path)) expected.set(method + path, answer);
        deepStrictEqual(answer, expected.get(method + path), `${name} answers ${method} ${path} differently`);
      }
    }
  }
}

/** Loads a route with wrk, and asks the cheap one meanwhile. */
async function loadWithCheap(server: FrameworkServer, load: () => Promise<WrkRound>): Promise<[WrkRound, Paced]> {
  const address = { port: Number(new URL(server.url).port), prefix: '' };
  const agent = new Agent({ keepAlive: true, maxSockets: CHEAP_CONNECTIONS });
  try {
    // Connections that are there before the load begins: what is measured is a request, not the making of a connection.
    await Promise.all(Array.from({ length: CHEAP_CONNECTIONS }, () => ask(address, { path: '/' }, agent)));
    let isOver = false;
    const loading = load().finally(() => {
      isOver = true;
    });
    return await Promise.all([loading, pace(address, '/', CHEAP_PER_SECOND, () => isOver, agent)]);
  } finally {
    agent.destroy();
  }
}

async function measure(server: FrameworkServer, route: string, results: Results): Promise<void> {
  const before = cpuSeconds(server.pid);
  const load = () => loadByWrk(server.url + PATHS[route], connections, seconds);
  const [round, cheap] = route === 'work' ? await loadWithCheap(server, load) : [await load(), undefined];
  results.rates.push(round.requestsPerSecond);
  results.p99sMs.push(round.p99Ms);
  results.cpuMicros.push(((cpuSeconds(server.pid) - before) / round.requests) * 1e6);
  results.cheapWaitsMs.push(...(cheap?.latencies ?? []));
  results.failed += round.failed + (cheap?.errors ?? 0);
}

function print(servers: readonly FrameworkServer[], results: ReadonlyMap<FrameworkServer, Results>): void {
  for (const server of servers) {
    const own = servers.find(({ isOurs, workers }) => !isOurs && workers === server.workers) as FrameworkServer;
    const { rates, p99sMs, cpuMicros, cheapWaitsMs, failed } = results.get(server) as Results;
    const ratio = median(rates) / median((results.get(own) as Results).rates);
    const columns = [
      `  ${server.name.padEnd(25)} ${median(rates).toFixed(0).padStart(6)}/s`,
      `${ratio.toFixed(2)} x`,
      `p99 ${median(p99sMs).toFixed(1).padStart(5)} ms`,
      `${median(cpuMicros).toFixed(0).padStart(5)} us CPU per request`,
    ];
    if (cheapWaitsMs.length > 0)
      columns.push(`cheap route p99 ${percentile(cheapWaitsMs, 0.99).toFixed(1).padStart(5)} ms`);
    console.log([...columns, `${failed} failed`].join('  '));
  }
}

async function run(framework: string): Promise<void> {
  const servers = await startFrameworkServers(framework, join(resolve(positionals[0] ?? '.'), 'node_modules'));
  await proveEqual(servers);
  for (const route of values.route) {
    const results = new Map<FrameworkServer, Results>();
    for (const server of servers) {
      await loadByWrk(server.url + PATHS[route], connections, WARM_UP_SECONDS);
      results.set(server, { rates: [], p99sMs: [], cpuMicros: [], cheapWaitsMs: [], failed: 0 });
    }
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? servers : [...servers].reverse();
      for (const server of order) await measure(server, route, results.get(server) as Results);
    }
    console.log(
      `${framework}, ${route}: wrk, ${connections} connections, ${rounds} rounds of ${seconds} s, Node ${process.version}`,
    );
    print(servers, results);
  }
  await Promise.all(servers.map((server) => server.stop()));
}

for (const framework of values.framework) await run(framework);
