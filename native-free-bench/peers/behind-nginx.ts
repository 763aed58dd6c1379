// nginx in front of us and of uWSGI 2.0, on a unix socket and on TCP, hello world, logging off on both: requests per second
// and CPU time per request, in one run, in random order. Needs nginx, uwsgi with its python3 plugin, and wrk.
//   node build-bench/peers/behind-nginx.js [--rounds 5] [--seconds 4]
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const CONNECTIONS = 32;
const WORKERS = 2;
/** Clock ticks per second of /proc: USER_HZ, 100 on every Linux. */
const TICKS_PER_SECOND = 100;
const root = resolve(import.meta.dirname, '../..');

const APPLICATION_JS = `const HEADERS = [['Content-Type', 'text/plain']];
export function application(environ, startResponse) {
  startResponse('200 OK', HEADERS);
  return ['Hello World'];
}
`;
const APPLICATION_PY = `def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'Hello World']
`;

interface Contestant {
  readonly name: string;
  readonly location: string;
  /** The process whose CPU time, with its children's, is the contestant's. */
  readonly process: ChildProcess;
}

interface Round {
  readonly requestsPerSecond: number;
  readonly cpuMicroseconds: number;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  const { port } = server.address() as { port: number };
  await new Promise((done) => {
    server.close(done);
  });
  return port;
}

function nginxConfiguration(folder: string, port: number, locations: readonly string[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  return `worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log; daemon off;
events { worker_connections 1024; }
http { access_log off; ${temporary.join(' ')}
  server { listen 127.0.0.1:${port}; keepalive_requests 100000000;
    ${locations.join('\n    ')}
  }
}
`;
}

/** Every process below and including `pid`. */
function family(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const members = [pid];
  for (const member of members) for (const [child, parent] of parents) if (parent === member) members.push(child);
  return members;
}

function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const member of family(pid)) {
    const stat = readFileSync(`/proc/${member}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

function measure(contestant: Contestant, url: string, seconds: number): Round {
  const pid = contestant.process.pid as number;
  const before = cpuSeconds(pid);
  const output = execFileSync('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, url], { encoding: 'utf8' });
  const cpu = cpuSeconds(pid) - before;
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`${contestant.name}: wrk saw errors\n${output}`);
  const requests = Number(/(\d+) requests in/.exec(output)?.[1]);
  const requestsPerSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  return { requestsPerSecond, cpuMicroseconds: (cpu / requests) * 1e6 };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '4' } },
  });
  const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-bench-'));
  // nginx' workers run as another user and have to reach the sockets.
  chmodSync(folder, 0o755);
  const children: ChildProcess[] = [];
  const start = (command: string, args: string[]) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'ignore', process.env.BENCH_VERBOSE ? 'inherit' : 'ignore'],
    });
    children.push(child);
    return child;
  };
  try {
    writeFileSync(join(folder, 'app.mjs'), APPLICATION_JS);
    writeFileSync(join(folder, 'app.py'), APPLICATION_PY);
    const [port, ourPort, theirPort] = [await freePort(), await freePort(), await freePort()];
    const ours = start(process.execPath, [
      join(root, 'dist/cli.js'),
      '--chdir',
      folder,
      '--wsgi-file',
      'app.mjs',
      '--processes',
      String(WORKERS),
      '--disable-logging',
      '--listen',
      '1024',
      '--chmod-socket',
      '666',
      '--socket',
      `127.0.0.1:${ourPort}`,
      '--socket',
      join(folder, 'ours.sock'),
    ]);
    const theirs = start('uwsgi', [
      '--plugin',
      'python3',
      '--chdir',
      folder,
      '--wsgi-file',
      'app.py',
      '--master',
      '--processes',
      String(WORKERS),
      '--disable-logging',
      '--listen',
      '1024',
      '--chmod-socket=666',
      '--socket',
      `127.0.0.1:${theirPort}`,
      '--socket',
      join(folder, 'theirs.sock'),
    ]);
    const pass = (name: string, to: string) =>
      `location /${name} { include /etc/nginx/uwsgi_params; uwsgi_pass ${to}; }`;
    writeFileSync(
      join(folder, 'nginx.conf'),
      nginxConfiguration(folder, port, [
        pass('ours-unix', `unix:${folder}/ours.sock`),
        pass('theirs-unix', `unix:${folder}/theirs.sock`),
        pass('ours-tcp', `127.0.0.1:${ourPort}`),
        pass('theirs-tcp', `127.0.0.1:${theirPort}`),
      ]),
    );
    start('nginx', ['-e', `${folder}/nginx.log`, '-c', join(folder, 'nginx.conf')]);
    const contestants: Contestant[] = [
      { name: 'fastwsgi-ts, unix', location: 'ours-unix', process: ours },
      { name: 'uWSGI, unix', location: 'theirs-unix', process: theirs },
      { name: 'fastwsgi-ts, TCP', location: 'ours-tcp', process: ours },
      { name: 'uWSGI, TCP', location: 'theirs-tcp', process: theirs },
    ];
    const url = (contestant: Contestant) => `http://127.0.0.1:${port}/${contestant.location}`;
    for (const contestant of contestants) await waitForAnswer(url(contestant));
    const rounds = new Map<Contestant, Round[]>(contestants.map((contestant) => [contestant, []]));
    for (let round = 0; round <= Number(values.rounds); round++) {
      for (const contestant of [...contestants].sort(() => Math.random() - 0.5)) {
        const result = measure(contestant, url(contestant), Number(values.seconds));
        // The first round only warms up.
        if (round > 0) rounds.get(contestant)?.push(result);
      }
    }
    report(rounds);
  } finally {
    for (const child of children) child.kill('SIGTERM');
    await sleep(1500);
    for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every contestant must give the same answer before anything is timed. */
async function waitForAnswer(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      const response = await fetch(url);
      const text = await response.text();
      if (response.status === 200 && text === 'Hello World') return;
    } catch {
      // Not up yet.
    }
    await sleep(100);
  }
  throw new Error(`${url} does not answer`);
}

function report(rounds: ReadonlyMap<Contestant, readonly Round[]>): void {
  const figures = [...rounds].map(([{ name }, results]) => ({
    name,
    rate: median(results.map((result) => result.requestsPerSecond)),
    cpu: median(results.map((result) => result.cpuMicroseconds)),
  }));
  for (const { name, rate, cpu } of figures) {
    console.log(
      `${name.padEnd(20)} ${rate.toFixed(0).padStart(7)} requests/s  ${cpu.toFixed(1).padStart(6)} us CPU per request`,
    );
  }
  for (let i = 0; i < figures.length; i += 2) {
    const [ours, theirs] = [figures[i], figures[i + 1]];
    if (ours === undefined || theirs === undefined) continue;
    console.log(
      `${ours.name} / ${theirs.name}: ${(ours.rate / theirs.rate).toFixed(2)} x the rate, ${(ours.cpu / theirs.cpu).toFixed(2)} x the CPU`,
    );
  }
}

await main();
