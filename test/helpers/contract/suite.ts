// Runs the contract: one kind of application against every behaviour, on every front.

import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CertificateFolder } from '../../process/https-client.js';
import { type DisposableServer, disposable, ENGINES, type Twin } from '../../process/threads-client.js';
import { BEHAVIOURS, type Behaviour } from './behaviours.js';
import { Client, type Protocol } from './client.js';
import { DIFFERENCES } from './differences.js';
import { HTTP_BEHAVIOURS } from './http-behaviours.js';

/** Requests one worker runs at a time: an endless answer must not hold up the next request, of any kind. */
const THREADS = '16';
/** What is not compiled stays where it was written. */
const PYTHON_FOLDER = join(import.meta.dirname, '../../../test/helpers/contract');

export function runContract(kind: string): void {
  for (const engine of ENGINES) {
    describe(`kind ${kind}, ${engine.name}`, () => runOn(kind, engine));
  }
}

function runOn(kind: string, engine: Twin): void {
  let server: DisposableServer;
  const folder = new CertificateFolder();
  before(async () => {
    folder.put('a');
    const place = kind === 'python' ? PYTHON_FOLDER : import.meta.dirname;
    const application = ['--chdir', place, '--module', `app-${kind}:application`];
    if (kind === 'fetch') application[3] = `app-${kind}`;
    server = await disposable({
      args: [
        ...application,
        ...['--app-kind', kind, '--threads', THREADS, '--http', '127.0.0.1:0', '--socket', '127.0.0.1:0'],
        ...['--https', folder.line('a')],
        ...['--buffer-size', '65535', '--disable-logging', ...engine.args],
      ],
      env: { ...engine.env, PYTHONDONTWRITEBYTECODE: '1', UWS_HTTP_MAX_HEADERS_SIZE: '65536' },
    });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const client = (protocol: Protocol) => {
    const address = { http: () => server.http(), http2: () => server.https(), uwsgi: () => server.uwsgi() }[protocol]();
    if ('path' in address) throw new Error('A TCP address is expected');
    return new Client(protocol, address);
  };
  const isUws = engine.args.includes('uws');
  const [httpFront, uwsgiFront] = isUws
    ? ['uws', 'epoll']
    : engine.name === 'portable'
      ? ['node', 'net']
      : ['epoll', 'epoll'];
  for (const behaviour of [...BEHAVIOURS, ...HTTP_BEHAVIOURS]) {
    check(kind, `http ${httpFront}`, behaviour, () => client('http'));
  }
  // The uwsgi front beside uWebSockets.js is the one of the native engine.
  if (isUws) return;
  for (const behaviour of BEHAVIOURS) check(kind, `uwsgi ${uwsgiFront}`, behaviour, () => client('uwsgi'));
  // The same engine serves https, whatever serves the rest.
  if (engine.name !== 'portable') return;
  for (const behaviour of BEHAVIOURS) check(kind, 'http2 node', behaviour, () => client('http2'));
}

function check(kind: string, front: string, behaviour: Behaviour, client: () => Client): void {
  const difference = DIFFERENCES.find(
    (row) => (row.kind ?? kind) === kind && (row.front ?? front) === front && behaviour.name.startsWith(row.behaviour),
  );
  const name = difference === undefined ? behaviour.name : `${behaviour.name} (differs: ${difference.reason})`;
  test(`${front}: ${name}`, { timeout: 30_000 }, async () => {
    await (difference === undefined ? behaviour.run(client()) : difference.instead(client()));
  });
}
