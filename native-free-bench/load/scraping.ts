// What it costs to be looked at: requests/s of one server with its stats and metrics read ten times a second by turns, and
// without, in one run: pairs of rounds one after the other, each pair in random order.
//   node build-bench/load/scraping.js [--native] [--workers 1] [--connections 32] [--rounds 8] [--seconds 3] [--every 100]
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { median } from './rounds.js';

const { values } = parseArgs({
  options: {
    native: { type: 'boolean', default: false },
    workers: { type: 'string', default: '1' },
    connections: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '3' },
    every: { type: 'string', default: '100' },
  },
});
const HERE = import.meta.dirname;
const CLI = join(HERE, '..', '..', 'dist', 'cli.js');
const sockets = ['--http', '127.0.0.1:0', '--stats', '127.0.0.1:0', '--stats-http', '--metrics', '127.0.0.1:0'];
const app = ['--chdir', HERE, '--module', 'hello:application', '--processes', values.workers, '--disable-logging'];
const server = spawn(process.execPath, [CLI, ...app, ...sockets], {
  env: { ...process.env, ...(values.native ? {} : { FASTWSGI_NATIVE: '0' }) },
  stdio: ['ignore', 'pipe', 'pipe'],
});
process.once('exit', () => server.kill('SIGKILL'));
let log = '';
for (const stream of [server.stdout, server.stderr]) {
  stream.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
}
while (!log.includes('is running')) await sleep(20);
const address = (pattern: RegExp) => `http://127.0.0.1:${pattern.exec(log)?.[1]}`;
const target = `${address(/http socket bound to 127\.0\.0\.1:(\d+)/)}/`;
const scraped = [
  `${address(/metrics bound to 127\.0\.0\.1:(\d+)/)}/metrics`,
  `${address(/stats over HTTP bound to 127\.0\.0\.1:(\d+)/)}/`,
];

async function load(seconds: number): Promise<number> {
  const { stdout } = await promisify(execFile)('wrk', ['-t1', `-c${values.connections}`, `-d${seconds}s`, target]);
  const [, rate] = /Requests\/sec:\s+([\d.]+)/.exec(stdout) ?? [];
  if (rate === undefined || /Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout);
  return Number(rate);
}

let scrapes = 0;
async function loadScraped(seconds: number): Promise<number> {
  let isOver = false;
  const scraper = (async () => {
    for (; !isOver; scrapes++) {
      const text = await (await fetch(scraped[scrapes % scraped.length] as string)).text();
      if (text.length < 1000) throw new Error(`What was scraped is no metrics: ${text}`);
      await sleep(Number(values.every));
    }
  })();
  const rate = await load(seconds);
  isOver = true;
  await scraper;
  return rate;
}

await loadScraped(1);
scrapes = 0;
const plain: number[] = [];
const looked: number[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const measure = [
    async () => void plain.push(await load(Number(values.seconds))),
    async () => void looked.push(await loadScraped(Number(values.seconds))),
  ];
  if (Math.random() < 0.5) measure.reverse();
  for (const one of measure) await one();
}
const ratios = plain.map((rate, round) => (looked[round] as number) / rate).sort((a, b) => a - b);
const spread = (rates: readonly number[]) => `${Math.min(...rates).toFixed(0)} to ${Math.max(...rates).toFixed(0)}`;
console.log(
  `wrk, ${values.connections} connections, ${values.workers} worker(s), ${values.rounds} pairs of ${values.seconds} s, Node ${process.version}`,
);
console.log(`  not looked at  ${median(plain).toFixed(0)}/s (${spread(plain)})`);
console.log(`  scraped        ${median(looked).toFixed(0)}/s (${spread(looked)}), ${scrapes} scrapes`);
console.log(`  ratio of pairs ${median(ratios).toFixed(3)} (${ratios.map((ratio) => ratio.toFixed(2)).join(' ')})`);
server.kill('SIGTERM');
