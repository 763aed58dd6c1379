// A peer that runs, with a number of workers: where it is asked, what it costs.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type Started, startChild, stopChild } from '../load/processes.js';
import { type Peer, type Place, type Speaks, slug } from './contestants.js';
import { type Address, HOST, untilAnswer } from './http.js';

export interface Running {
  readonly peer: Peer;
  readonly place: Place;
  readonly child: Started;
  /** Its own HTTP port; a peer that speaks uwsgi is asked through nginx. */
  readonly address: Address;
  /** From its start to its first answer; undefined where it does not speak HTTP. */
  readonly startMs: number | undefined;
}

export interface Settings {
  readonly npm: string;
  /** Of the run: each peer has one below it. */
  readonly folder: string;
  /** What one millisecond of work is. */
  readonly loops: NodeJS.ProcessEnv;
}

/** Starts a peer, and resolves when it answers. */
export async function startPeer(peer: Peer, workers: number, speaks: Speaks, settings: Settings): Promise<Running> {
  const port = await freePort();
  const folder = join(settings.folder, `${slug(peer.name)}-${speaks}-${workers}-${port}`);
  mkdirSync(folder, { recursive: true });
  const place = { speaks, port, workers, folder, socketPath: join(folder, 'uwsgi.sock'), npm: settings.npm };
  const { command, env, cwd } = peer.start(place);
  const since = performance.now();
  const child = startChild(command, { ...settings.loops, ...env }, cwd ?? folder);
  const address = { port, prefix: '' };
  try {
    const startMs = speaks === 'http' ? await untilAnswer(peer.name, address, child, since) : undefined;
    return { peer, place, child, address, startMs };
  } catch (error) {
    await stopChild(child);
    throw error;
  }
}

export function urlOf({ port, prefix }: Address, path: string): string {
  return `http://${HOST}:${port}${prefix}${path}`;
}

/** The command line as the page shows it: without this machine's folders and ports. */
export function commandText({ peer, place }: Pick<Running, 'peer' | 'place'>, root: string): string {
  const { command, env = {} } = peer.start(place);
  const shown = Object.entries(env).filter(([name]) => /^(FASTWSGI_|BENCH_WORKERS|PORT|NODE_ENV)/.test(name));
  const words = [...shown.map(([name, value]) => `${name}=${value}`), ...command];
  return words
    .map((word) =>
      word
        .replace(process.execPath, 'node')
        .replace(`${place.folder}/`, '/run/')
        .replace(`${root}/`, '')
        .replace(`${place.npm}/`, '')
        .replace(String(place.port), '8000'),
    )
    .join(' ');
}
