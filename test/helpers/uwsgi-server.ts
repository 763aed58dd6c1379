// Servers for the tests of the uwsgi side: the same application on each engine and each kind of socket.
import { join } from 'node:path';
import { type RunningServer, type ServerStart, startServer } from './server.js';

/** What every test runs on; with FASTWSGI_NATIVE=0, or where there is no epoll, the portable engine alone. */
export const UWSGI_ENGINES: readonly ('epoll' | 'net')[] =
  process.env.FASTWSGI_NATIVE === '0' || process.platform !== 'linux' ? ['net'] : ['epoll', 'net'];

export const TRANSPORTS = ['tcp', 'unix'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** The options that serve test/helpers/uwsgi-app.ts with one worker. */
export function uwsgiArgs(engine: string, transport: Transport): string[] {
  return [
    '--uwsgi-engine',
    engine,
    '--socket',
    transport === 'tcp' ? '127.0.0.1:0' : 'app.sock',
    '--wsgi-file',
    join(import.meta.dirname, 'uwsgi-app.js'),
    '--need-app',
    '--processes',
    '1',
    '--reload-mercy',
    '5',
  ];
}

/** Starts one; `args` come last. */
export function startUwsgiServer(
  engine: string,
  transport: Transport,
  args: readonly string[] = [],
  start: ServerStart = {},
): Promise<RunningServer> {
  return startServer({ ...start, args: [...uwsgiArgs(engine, transport), ...args] });
}
