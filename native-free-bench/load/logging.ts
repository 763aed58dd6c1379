// npm run bench:logging: what the request log costs. One server writes uWSGI's default line to a file, one a JSON object, one
// has disable-logging: keep-alive hello world under wrk, one worker each, in shuffled order, round after round, in one run.
// Proves first that they answer alike, and at the end that the logs tell of every request: lines and lost ones. Prints
// medians of the rates and of the CPU time per request, and both against disable-logging.
//   node build-bench/load/logging.js [--native] [--http-engine auto] [--connections 32] [--rounds 15] [--seconds 2]
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
    rounds: { type: 'string', default: '15' },
    seconds: { type: 'string', default: '2' },
  },
});
const WARM_UP_SECONDS = 2;

interface Logging {
  readonly contestant: Contestant;
  /** Undefined: it writes no request lines. */
  readonly file: string | undefined;
  readonly rates: number[];
  readonly cpuMicros: number[];
  requests: number;
}

const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-logging-'));

async function start(name: string, args: readonly string[], logsRequests = true): Promise<Logging> {
  const options = { workers: 1, native: values.native, httpEngine: values['http-engine'] };
  const file = logsRequests ? join(folder, `${name.replaceAll(' ', '-')}.log`) : undefined;
  const logger = file === undefined ? [] : ['--req-logger', `file:${file}`];
  const contestant = await startOurs(name, options, [...args, ...logger]);
  return { contestant, file, rates: [], cpuMicros: [], requests: 0 };
}

async function measure(logging: Logging, seconds: number): Promise<{ rate: number; cpuMicros: number }> {
  const { contestant } = logging;
  const before = cpuSeconds(contestant.pid);
  const { requestsPerSecond, requests } = await measureByWrk(contestant, Number(values.connections), seconds);
  logging.requests += requests;
  return { rate: requestsPerSecond, cpuMicros: ((cpuSeconds(contestant.pid) - before) / requests) * 1e6 };
}

async function answerOf({ contestant }: Logging): Promise<unknown> {
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

const silent = await start('disable-logging', ['--disable-logging'], false);
const loggings = [
  await start('the default line', []),
  await start('log-format json', ['--log-format', 'json']),
  silent,
];
try {
  for (const logging of loggings) deepStrictEqual(await answerOf(logging), await answerOf(silent));
  for (const logging of shuffled(loggings)) await measure(logging, WARM_UP_SECONDS);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const logging of shuffled(loggings)) {
      const { rate, cpuMicros } = await measure(logging, Number(values.seconds));
      logging.rates.push(rate);
      logging.cpuMicros.push(cpuMicros);
    }
  }
  await Promise.all(loggings.map(({ contestant }) => contestant.stop()));
  const { connections, rounds, seconds } = values;
  console.log(`wrk, ${connections} connections, 1 worker, ${rounds} rounds of ${seconds} s, Node ${process.version}`);
  for (const { contestant, file, rates, cpuMicros, requests } of loggings) {
    const ratio = median(rates) / median(silent.rates);
    const more = median(cpuMicros) - median(silent.cpuMicros);
    console.log(
      `  ${contestant.name.padEnd(28)} ${median(rates).toFixed(0).padStart(7)}/s ${ratio.toFixed(3)} x  ` +
        `${median(cpuMicros).toFixed(1)} us CPU per request (+${more.toFixed(1)})`,
    );
    if (file === undefined) continue;
    const lines = await countLines(file);
    ok(lines >= requests, `${contestant.name}: ${requests} requests, ${lines} lines`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
