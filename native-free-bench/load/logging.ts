// npm run bench:logging: what the request log costs. One server writes uWSGI's default line to a file, one a JSON object, one
// has disable-logging: keep-alive hello world under wrk, one worker each, in shuffled order, round after round, in one run.
// Two servers of the same kind differ by several percent for as long as they live, by how V8 has compiled them; so all are
// started anew a few times, and a ratio is that of the servers that lived side by side. Proves first that they answer alike,
// and at the end of each life that the logs tell of every request. Prints medians.
//   node build-bench/load/logging.js [--native] [--http-engine auto] [--connections 32] [--starts 9] [--rounds 3] [--seconds 1]
import { deepStrictEqual, ok } from 'node:assert/strict';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cpuSeconds } from './processes.js';
import { median, shuffled } from './rounds.js';
import { type Contestant, startOurs } from './servers.js';
import { measureByWrk } from './wrk.js';

const { values } = parseArgs({
  options: {
    native: { type: 'boolean', default: false },
    'http-engine': { type: 'string', default: 'auto' },
    connections: { type: 'string', default: '32' },
    starts: { type: 'string', default: '9' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1' },
  },
});
const WARM_UP_SECONDS = 2;

/** What is compared, with the options that make it. The last one is what the others are compared with. */
const KINDS: readonly { readonly name: string; readonly args: readonly string[]; readonly logs: boolean }[] = [
  { name: 'the default line', args: [], logs: true },
  { name: 'log-format json', args: ['--log-format', 'json'], logs: true },
  { name: 'disable-logging', args: ['--disable-logging'], logs: false },
];
const SILENT = KINDS.length - 1;

/** A server while it lives. */
interface Life {
  readonly contestant: Contestant;
  /** Undefined: it writes no request lines. */
  readonly file: string | undefined;
  readonly rates: number[];
  requests: number;
  /** Without the warm-up. */
  measured: number;
  cpuSeconds: number;
}

interface Figures {
  readonly rate: number;
  readonly cpuMicros: number;
}

const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-logging-'));

async function start({ name, args, logs }: (typeof KINDS)[number]): Promise<Life> {
  const options = { workers: 1, native: values.native, httpEngine: values['http-engine'] };
  const file = logs ? join(folder, `${name.replaceAll(' ', '-')}.log`) : undefined;
  const logger = file === undefined ? [] : ['--req-logger', `file:${file}`];
  const contestant = await startOurs(name, options, [...args, ...logger]);
  return { contestant, file, rates: [], requests: 0, measured: 0, cpuSeconds: 0 };
}

async function warmUp(life: Life): Promise<void> {
  life.requests += (await measureByWrk(life.contestant, Number(values.connections), WARM_UP_SECONDS)).requests;
}

async function measure(life: Life): Promise<void> {
  const { contestant } = life;
  const before = cpuSeconds(contestant.pid);
  const round = await measureByWrk(contestant, Number(values.connections), Number(values.seconds));
  life.cpuSeconds += cpuSeconds(contestant.pid) - before;
  life.requests += round.requests;
  life.measured += round.requests;
  life.rates.push(round.requestsPerSecond);
}

async function answerOf({ contestant }: Life): Promise<unknown> {
  const response = await fetch(contestant.url);
  return [response.status, response.headers.get('content-type'), await response.text()];
}

async function countLines(file: string): Promise<number> {
  let lines = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
  }
  return lines;
}

async function endAndProve({ contestant, file, requests }: Life): Promise<void> {
  await contestant.stop();
  if (file === undefined) return;
  const lines = await countLines(file);
  ok(lines >= requests, `${contestant.name}: ${requests} requests, ${lines} lines`);
  rmSync(file);
}

/** Starts all of them, measures by turns, ends them: figures in the order of KINDS. */
async function liveOnce(): Promise<readonly Figures[]> {
  const lives: Life[] = [];
  for (const kind of KINDS) lives.push(await start(kind));
  const silent = await answerOf(lives[SILENT] as Life);
  for (const life of lives) deepStrictEqual(await answerOf(life), silent);
  for (const life of shuffled(lives)) await warmUp(life);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const life of shuffled(lives)) await measure(life);
  }
  for (const life of lives) await endAndProve(life);
  return lives.map(({ rates, measured, cpuSeconds: seconds }) => ({
    rate: median(rates),
    cpuMicros: (seconds / measured) * 1e6,
  }));
}

function report(starts: readonly (readonly Figures[])[]): void {
  const { connections, rounds, seconds } = values;
  console.log(
    `wrk, ${connections} connections, 1 worker, ${starts.length} starts, ${rounds} rounds of ${seconds} s each, Node ${process.version}`,
  );
  for (const [i, { name }] of KINDS.entries()) {
    const figures = starts.map((all) => all[i] as Figures);
    const silent = starts.map((all) => all[SILENT] as Figures);
    const ratios = figures.map(({ rate }, at) => rate / (silent[at] as Figures).rate);
    const more = figures.map(({ cpuMicros }, at) => cpuMicros - (silent[at] as Figures).cpuMicros);
    console.log(
      `  ${name.padEnd(18)} ${median(figures.map(({ rate }) => rate))
        .toFixed(0)
        .padStart(
          7,
        )}/s  ${median(ratios).toFixed(3)} x (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})  ` +
        `${median(figures.map(({ cpuMicros }) => cpuMicros)).toFixed(1)} us CPU per request (+${median(more).toFixed(1)})`,
    );
  }
}

try {
  const starts: (readonly Figures[])[] = [];
  for (let i = 0; i < Number(values.starts); i++) starts.push(await liveOnce());
  report(starts);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
