// npm run bench:frameworks: Express and Fastify behind us and on their own server, alone and on node's cluster. First a hello
// world; then a route with 2 ms of CPU, while a cheap route is asked at a fixed pace beside it, and its p99.
//   node build-bench/load/frameworks.js FOLDER [--seconds 3] [--connections 32] [--portable]
// FOLDER has a node_modules with express and fastify.
import { deepStrictEqual } from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';

const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '32' },
    portable: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);
/** Requests a second to the cheap route while the other is under load. */
const CHEAP_RATE = 100;

const WORK =
  'const work = () => { const end = performance.now() + 2; let n = 0; while (performance.now() < end) n++; return { worked: n > 0 }; };';
const SAMPLES: Readonly<Record<string, string>> = {
  express: `${WORK} const app = require('express')(); app.get('/', (q, s) => s.send('hello')); app.get('/work', (q, s) => s.json(work()));
    const server = app.listen(process.env.PORT, '127.0.0.1', () => console.log('listening on ' + server.address().port));`,
  fastify: `${WORK} const app = require('fastify')(); app.get('/', async () => 'hello'); app.get('/work', async () => work());
    app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' }).then(() => console.log('listening on ' + app.server.address().port));`,
};
const CLUSTER = `const cluster = require('node:cluster');
  if (cluster.isPrimary) { for (let i = 0; i < 2; i++) cluster.fork(); } else require(process.env.SAMPLE);`;

const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-bench-'));
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
symlinkSync(join(resolve(positionals[0] ?? '.'), 'node_modules'), join(folder, 'node_modules'));
writeFileSync(join(folder, 'cluster.cjs'), CLUSTER);
for (const [name, text] of Object.entries(SAMPLES)) writeFileSync(join(folder, `${name}.cjs`), text);

interface Contestant {
  readonly name: string;
  readonly url: string;
  stop(): Promise<void>;
}

function start(name: string, args: readonly string[], env: NodeJS.ProcessEnv, ready: RegExp): Promise<Contestant> {
  const child = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, ...env, NODE_ENV: 'production' } });
  children.add(child);
  return new Promise((done, reject) => {
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        const [, port] = /(?:socket bound to 127\.0\.0\.1:|listening on )(\d+)/.exec(log) ?? [];
        if (port === undefined || !ready.test(log)) return;
        done({ name, url: `http://127.0.0.1:${port}`, stop: () => stop(child) });
      });
    }
    child.once('exit', () => reject(new Error(`${name} ended:\n${log}`)));
  });
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit').once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

function contestants(framework: string): readonly (() => Promise<Contestant>)[] {
  const sample = join(folder, `${framework}.cjs`);
  const native = values.portable ? { FASTWSGI_NATIVE: '0' } : {};
  const ours = (workers: number) => () => {
    const options = ['--http', '127.0.0.1:0', '--disable-logging', '--processes', String(workers)];
    const args = [CLI, '--chdir', folder, '--wsgi-file', sample, ...options];
    return start(`ours, ${workers} worker(s)`, args, { ...native, PORT: '0' }, /is running/);
  };
  return [
    () => start('its own server', [sample], { PORT: '0' }, /listening/),
    ours(1),
    () =>
      start(
        'its own on cluster, 2',
        [join(folder, 'cluster.cjs')],
        { PORT: '0', SAMPLE: sample },
        /(?:listening[\s\S]*){2}/,
      ),
    ours(2),
  ];
}

async function rate(url: string): Promise<number> {
  const result = await autocannon({ url, connections, duration: seconds });
  if (result.errors + result.non2xx > 0) throw new Error(`${url}: ${result.errors} errors, ${result.non2xx} refusals`);
  return result['2xx'] / result.duration;
}

console.log(`autocannon, ${connections} connections, ${seconds} s, Node ${process.version}`);
for (const framework of Object.keys(SAMPLES)) {
  let expected: unknown;
  for (const begin of contestants(framework)) {
    const contestant = await begin();
    const answers = await Promise.all(['/', '/work'].map(async (path) => (await fetch(contestant.url + path)).text()));
    expected ??= answers;
    deepStrictEqual(answers, expected, `${contestant.name} answers differently`);
    await autocannon({ url: contestant.url, connections, duration: 1 });
    const hello = await rate(contestant.url);
    const cheap = autocannon({ url: contestant.url, connections: 2, overallRate: CHEAP_RATE, duration: seconds });
    const work = await rate(`${contestant.url}/work`);
    const { latency } = await cheap;
    const name = `${framework}, ${contestant.name}`.padEnd(34);
    console.log(
      `  ${name} hello ${hello.toFixed(0).padStart(6)}/s  2 ms of CPU ${work.toFixed(0).padStart(5)}/s, beside it a cheap route: p99 ${latency.p99.toFixed(0)} ms`,
    );
    await contestant.stop();
  }
}
