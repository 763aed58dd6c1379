// The contestants of bench:frameworks: one sample of a framework on its own server, on node's cluster, and behind us.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');
const WORK =
  'const work = () => { const end = performance.now() + 2; let n = 0; while (performance.now() < end) n++; return { worked: n > 0 }; };';

/** A hello world at `/`, and at `/work` JSON after 2 ms of CPU. */
export const SAMPLES: Readonly<Record<string, string>> = {
  express: `${WORK} const app = require('express')(); app.get('/', (q, s) => s.send('hello')); app.get('/work', (q, s) => s.json(work()));
    const server = app.listen(process.env.PORT, '127.0.0.1', () => console.log('listening on ' + server.address().port));`,
  fastify: `${WORK} const app = require('fastify')(); app.get('/', async () => 'hello'); app.get('/work', async () => work());
    app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' }).then(() => console.log('listening on ' + app.server.address().port));`,
};
const CLUSTER = `const cluster = require('node:cluster');
  if (cluster.isPrimary) { for (let i = 0; i < 2; i++) cluster.fork(); } else require(process.env.SAMPLE);`;

export interface FrameworkServer {
  readonly name: string;
  /** With as many threads or processes for the application as this one it is compared. */
  readonly workers: number;
  /** Whose application runs there: the framework's own server, or ours. */
  readonly isOurs: boolean;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts all of them for `framework`, which `nodeModules` has. */
export async function startFrameworkServers(
  framework: string,
  nodeModules: string,
): Promise<readonly FrameworkServer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(nodeModules, join(folder, 'node_modules'));
  const sample = join(folder, `${framework}.cjs`);
  const cluster = join(folder, 'cluster.cjs');
  writeFileSync(sample, SAMPLES[framework] as string);
  writeFileSync(cluster, CLUSTER);
  const ours = (workers: number, isNative: boolean) => {
    const options = ['--http', '127.0.0.1:0', '--disable-logging', '--processes', String(workers)];
    return start({
      name: `ours, ${workers === 1 ? '1 worker' : `${workers} workers`}${isNative ? '' : ', portable'}`,
      workers,
      isOurs: true,
      args: [CLI, '--chdir', folder, '--wsgi-file', sample, ...options],
      env: isNative ? {} : { FASTWSGI_NATIVE: '0' },
      ready: /is running/,
    });
  };
  const own = { workers: 1, isOurs: false, env: { SAMPLE: sample } };
  return Promise.all([
    start({ ...own, name: 'its own server', args: [sample], ready: /listening/ }),
    ours(1, true),
    ours(1, false),
    start({ ...own, name: 'its own on cluster, 2', workers: 2, args: [cluster], ready: /(?:listening[\s\S]*){2}/ }),
    ours(2, true),
    ours(2, false),
  ]);
}

interface Plan extends Pick<FrameworkServer, 'name' | 'workers' | 'isOurs'> {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly ready: RegExp;
}

function start({ name, workers, isOurs, args, env, ready }: Plan): Promise<FrameworkServer> {
  const child = spawn(process.execPath, args, { env: { ...process.env, NODE_ENV: 'production', PORT: '0', ...env } });
  process.once('exit', () => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        const [, port] = /(?:socket bound to 127\.0\.0\.1:|listening on )(\d+)/.exec(log) ?? [];
        if (port === undefined || !ready.test(log)) return;
        const url = `http://127.0.0.1:${port}`;
        resolve({ name, workers, isOurs, url, pid: child.pid as number, stop: () => stop(child) });
      });
    }
    child.once('exit', () => reject(new Error(`${name} ended:\n${log}`)));
  });
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit').once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
