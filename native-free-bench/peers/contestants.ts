// The peers: what each needs, how it is started as its own documentation advises, logging off, and how it reloads.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { HOST } from './http.js';

export const APPS = join(import.meta.dirname, 'apps');
/** The sources: app.py is not compiled. */
const PYTHON_APPS = resolve(import.meta.dirname, '../../native-free-bench/peers/apps');
const CLI = resolve(import.meta.dirname, '../../dist/cli.js');

/** What a peer is reached by: HTTP on a TCP port, or the uwsgi protocol on a TCP port and a unix socket. */
export type Speaks = 'http' | 'uwsgi';

export interface Place {
  readonly speaks: Speaks;
  readonly port: number;
  /** The unix socket of the uwsgi protocol. */
  readonly socketPath: string;
  readonly workers: number;
  /** A folder of the peer's own. */
  readonly folder: string;
  /** Where npm has installed peers. */
  readonly npm: string;
}

export interface Start {
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export interface Peer {
  readonly name: string;
  readonly speaks: readonly Speaks[];
  /** It has one thread, and no choice. */
  readonly isSingle?: true;
  /** Why it cannot be measured here; undefined when it can. */
  missing(npm: string): string | undefined;
  version(npm: string): string;
  start(place: Place): Start;
  /** Reloads gracefully; absent where there is no such thing. */
  readonly reload?: (pid: number, place: Place) => void;
  /** Not with connections kept by nginx: its workers serve one connection at a time. */
  readonly closesUpstream?: true;
}

const hangUp = (pid: number) => void process.kill(pid, 'SIGHUP');

function commandMissing(...command: readonly [string, ...string[]]): string | undefined {
  try {
    execFileSync(command[0], command.slice(1), { stdio: 'ignore' });
    return undefined;
  } catch {
    return `${command[0]} is not installed`;
  }
}

function packageMissing(folder: string, name: string): string | undefined {
  if (folder === '') return `${name} is looked for in the folder given with --npm`;
  return existsSync(join(folder, 'node_modules', name)) ? undefined : `${name} is not installed in ${folder}`;
}

function packageVersion(folder: string, name: string): string {
  return (JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')) as { version: string })
    .version;
}

const NODE_VERSION = `Node ${process.versions.node}`;
const OWN_VERSION = () => NODE_VERSION;
const ROOT = resolve(import.meta.dirname, '../..');

function nodePeer(name: string, file: string, more: Partial<Peer> = {}): Peer {
  return {
    name,
    speaks: ['http'],
    missing: () => undefined,
    version: OWN_VERSION,
    start: ({ port, workers, npm }) => ({
      command: [process.execPath, join(APPS, file)],
      env: {
        PORT: String(port),
        ...(more.isSingle ? {} : { BENCH_WORKERS: String(workers) }),
        BENCH_NPM: npm,
        NODE_ENV: 'production',
      },
    }),
    ...more,
  };
}

function ourPeer(name: string, env: NodeJS.ProcessEnv): Peer {
  return {
    name,
    speaks: ['http', 'uwsgi'],
    missing: () => undefined,
    version: OWN_VERSION,
    start: ({ speaks, port, socketPath, workers }) => {
      const address = `${HOST}:${port}`;
      const sockets =
        speaks === 'http'
          ? ['--http', address]
          : ['--socket', address, '--socket', socketPath, '--chmod-socket', '666'];
      const options = ['--chdir', APPS, '--module', 'ours:application', '--processes', String(workers)];
      return { command: [process.execPath, CLI, ...options, '--disable-logging', '--listen', '1024', ...sockets], env };
    },
    reload: hangUp,
  };
}

function uwsgiPeer(name: string, speaks: Speaks): Peer {
  return {
    name,
    speaks: [speaks],
    missing: () => commandMissing('uwsgi', '--plugin', 'python3', '--version'),
    version: () => execFileSync('uwsgi', ['--version'], { encoding: 'utf8' }).trim(),
    start: ({ port, socketPath, workers }) => {
      const address = `${HOST}:${port}`;
      const sockets =
        speaks === 'http'
          ? ['--http11-socket', address]
          : ['--socket', address, '--socket', socketPath, '--chmod-socket=666'];
      const options = [
        '--plugin',
        'python3',
        '--chdir',
        PYTHON_APPS,
        '--wsgi-file',
        'app.py',
        '--master',
        '--die-on-term',
      ];
      return {
        command: [
          'uwsgi',
          ...options,
          '--processes',
          String(workers),
          '--disable-logging',
          '--listen',
          '1024',
          ...sockets,
        ],
      };
    },
    reload: hangUp,
    closesUpstream: true,
  };
}

const GUNICORN: Peer = {
  name: 'gunicorn',
  speaks: ['http'],
  missing: () => commandMissing('gunicorn', '--version'),
  version: () => execFileSync('gunicorn', ['--version'], { encoding: 'utf8' }).replace(/[^\d.]/g, ''),
  // Threads, because its sync workers close each connection; the access log is off by default.
  start: ({ port, workers }) => ({
    command: [
      ...['gunicorn', '--bind', `${HOST}:${port}`, '--workers', String(workers), '--worker-class', 'gthread'],
      ...['--threads', '4', '--keep-alive', '75', '--log-level', 'critical', '--chdir', PYTHON_APPS, 'app:application'],
    ],
  }),
  reload: hangUp,
  closesUpstream: true,
};

function pm2Environment({ folder, port }: Place): NodeJS.ProcessEnv {
  return { PM2_HOME: join(folder, 'pm2'), PORT: String(port), NODE_ENV: 'production' };
}

const PM2: Peer = {
  name: 'PM2',
  speaks: ['http'],
  missing: (npm) => packageMissing(npm, 'pm2'),
  version: (npm) => packageVersion(npm, 'pm2'),
  start: (place) => ({
    command: [
      ...[process.execPath, join(place.npm, 'node_modules/pm2/bin/pm2-runtime'), 'start', join(APPS, 'node-http.js')],
      ...['-i', String(place.workers), '--output', '/dev/null', '--error', '/dev/null'],
    ],
    env: pm2Environment(place),
  }),
  reload: (_pid, place) => {
    const command = [join(place.npm, 'node_modules/pm2/bin/pm2'), 'reload', 'all'];
    execFileSync(process.execPath, command, { env: { ...process.env, ...pm2Environment(place) }, stdio: 'ignore' });
  },
};

const WATTPM: Peer = {
  name: 'wattpm',
  speaks: ['http'],
  missing: (npm) => packageMissing(npm, 'wattpm') ?? packageMissing(npm, '@platformatic/node'),
  version: (npm) => packageVersion(npm, 'wattpm'),
  start: (place) => {
    writeWattProject(place);
    return {
      command: [process.execPath, join(place.npm, 'node_modules/wattpm/bin/wattpm.js'), 'start'],
      cwd: place.folder,
      env: { NODE_ENV: 'production', PORT: String(place.port) },
    };
  },
};

/** A project of one application, as `wattpm init` and `wattpm add` lay it out. */
function writeWattProject({ folder, npm, port, workers }: Place): void {
  const web = join(folder, 'web', 'app');
  mkdirSync(web, { recursive: true });
  execFileSync('ln', ['-sfn', join(npm, 'node_modules'), join(folder, 'node_modules')]);
  writeFileSync(
    join(folder, 'watt.json'),
    JSON.stringify({
      $schema: `https://schemas.platformatic.dev/wattpm/${packageVersion(npm, 'wattpm')}.json`,
      server: { hostname: HOST, port },
      logger: { level: 'silent' },
      autoload: { path: 'web' },
      entrypoint: 'app',
      workers,
      watch: false,
    }),
  );
  writeFileSync(
    join(web, 'watt.json'),
    JSON.stringify({
      $schema: `https://schemas.platformatic.dev/@platformatic/node/${packageVersion(npm, '@platformatic/node')}.json`,
      node: { main: 'index.mjs' },
    }),
  );
  writeFileSync(join(web, 'package.json'), JSON.stringify({ name: 'app', type: 'module', main: 'index.mjs' }));
  writeFileSync(join(web, 'index.mjs'), `await import(${JSON.stringify(join(APPS, 'node-http.js'))});\n`);
}

function uwsMissing(): string | undefined {
  try {
    createRequire(import.meta.url)('uWebSockets.js');
    return undefined;
  } catch {
    return 'uWebSockets.js does not load';
  }
}

export const PEERS: readonly Peer[] = [
  ourPeer('fastwsgi-ts', {}),
  ourPeer('fastwsgi-ts native-free', { FASTWSGI_NATIVE: '0' }),
  uwsgiPeer('uWSGI socket', 'uwsgi'),
  uwsgiPeer('uWSGI http11-socket', 'http'),
  GUNICORN,
  nodePeer('node:http', 'node-http.js', { isSingle: true }),
  nodePeer('node:cluster', 'node-cluster.js'),
  nodePeer('Fastify', 'fastify.js', {
    isSingle: true,
    missing: (npm) => packageMissing(npm, 'fastify'),
    version: (npm) => packageVersion(npm, 'fastify'),
  }),
  nodePeer('piscina.run()', 'piscina-http.js', { version: () => packageVersion(ROOT, 'piscina') }),
  nodePeer('uWebSockets.js', 'uws.js', {
    isSingle: true,
    missing: uwsMissing,
    version: () => packageVersion(ROOT, 'uWebSockets.js'),
  }),
  PM2,
  WATTPM,
];

/** The short form in which a peer is named on the command line: `uwsgi-http11-socket`. */
export function slug(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
