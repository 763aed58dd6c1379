// The embedding API: servers inside this very process.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { createServer, FastwsgiError, type FastwsgiServer, type ServerOptions } from '../../dist/index.js';
import { descriptorsBackTo, openDescriptors } from '../helpers/process-status.js';
import { request as uwsgiRequest } from '../helpers/uwsgi-client.js';
import { APPS, Signs, until } from './threads-client.js';

const APPLICATION = join(APPS, 'threads.js');
const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-embedding-'));
const LOG = join(folder, 'server.log');
after(() => rmSync(folder, { recursive: true }));

const OPTIONS = {
  wsgiFile: APPLICATION,
  httpSocket: '127.0.0.1:0',
  socket: '127.0.0.1:0',
  logto: LOG,
  processes: 2,
} as const satisfies ServerOptions;

/** The same with its native parts and without them. */
const TWINS: readonly (readonly [string, ServerOptions])[] = [
  ['auto', { httpEngine: 'node' }],
  ['portable', { httpEngine: 'node', uwsgiEngine: 'net' }],
];

function portOf(server: FastwsgiServer, protocol: 'http' | 'uwsgi'): number {
  return server.addresses.find((address) => address.protocol === protocol)?.port ?? 0;
}

async function get(server: FastwsgiServer, path = '/'): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${portOf(server, 'http')}${path}`, {
    headers: { Connection: 'close' },
  });
  return `${response.status} ${await response.text()}`;
}

function isFastwsgiError(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof FastwsgiError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}

test('the addresses are those of uwsgi, then those of HTTP, each in the order of the options, on every engine', async () => {
  const httpSocket = ['a', 'b'].map((name) => join(folder, `${name}.http`));
  const socket = ['b', 'a'].map((name) => join(folder, `${name}.uwsgi`));
  const twins = TWINS.map(([, engines]) => engines);
  for (const engines of [...twins, {}, { httpEngine: 'auto', uwsgiEngine: 'net' }] as const) {
    const server = createServer({ ...OPTIONS, ...engines, httpSocket, socket, processes: 1 });
    const bound = (await server.listen()).map(({ address }) => address);
    await server.close();
    assert.deepEqual(bound, [...socket, ...httpSocket], JSON.stringify(engines));
  }
});

for (const [twin, engines] of TWINS) {
  test(`a server listens, serves, counts and closes, ${twin}`, async () => {
    const server = createServer({ ...OPTIONS, ...engines });
    assert.deepEqual([server.addresses, server.requests], [[], 0]);
    const addresses = await server.listen();
    assert.equal(server.addresses, addresses);
    assert.deepEqual(addresses.map(({ protocol }) => protocol).sort(), ['http', 'uwsgi']);
    for (const { address, port } of addresses) assert.equal(address, `127.0.0.1:${port}`);
    assert.match(await get(server), /^200 \d+$/);
    const answer = await uwsgiRequest({ host: '127.0.0.1', port: portOf(server, 'uwsgi') });
    assert.equal(answer.status, 200);
    const ports = addresses.map(({ port }) => port ?? 0);
    await Promise.all([server.close(), server.close()]);
    // A worker counts a request once its client has the answer: the sum is right when all have ended.
    assert.equal(server.requests, 2);
    assert.equal(await server.closed, undefined);
    for (const port of ports) assert.ok(await isRefused(port));
    assert.match(readFileSync(LOG, 'utf8'), /GET \/ => generated/);
  });

  test(`servers that are made and closed leave no descriptor behind, ${twin}`, async () => {
    const cycle = async () => {
      const server = createServer({ ...OPTIONS, ...engines, processes: 1 });
      await server.listen();
      await get(server);
      await server.close();
    };
    await cycle();
    const before = openDescriptors(process.pid).length;
    for (let i = 0; i < 5; i++) await cycle();
    await descriptorsBackTo(process.pid, before);
  });

  test(`close answers what is in flight first, and ends it when mercy is over, ${twin}`, async () => {
    using signs = new Signs();
    const patient = createServer({ ...OPTIONS, ...engines });
    const hasty = createServer({ ...OPTIONS, ...engines, reloadMercy: 1 });
    await Promise.all([patient.listen(), hasty.listen()]);
    const answered = get(patient, `/hold?until=${signs.path('go')}&mark=${signs.path('begun-1')}`);
    const ended = get(hasty, `/hold?until=${signs.path('never')}&mark=${signs.path('begun-2')}`);
    await until('both run', () => signs.count('begun-') === 2);
    const closes = [patient.close(), hasty.close()];
    const lost = await ended.catch(() => 'no answer');
    assert.ok(lost === 'no answer' || lost.startsWith('502'), lost);
    signs.give('go');
    assert.match(await answered, /^200 held/);
    await Promise.all(closes);
  });

  test(`a server that cannot listen closes what it had opened, and a new one can be tried, ${twin}`, async () => {
    const other = createNetServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const path = join(folder, 'retry.sock');
    const options = { ...OPTIONS, ...engines, socket: [path, '127.0.0.1:0'], httpSocket: `127.0.0.1:${port}` };
    const failing = createServer({ ...options, vacuum: true });
    const listening = failing.listen();
    await assert.rejects(
      listening,
      isFastwsgiError('ERR_LISTEN', new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${port}`)),
    );
    assert.ok((await failing.closed) instanceof FastwsgiError);
    await failing.close();
    assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
    await new Promise((resolve) => other.close(resolve));
    const server = createServer(options);
    await server.listen();
    assert.match(await get(server), /^200/);
    assert.equal((await uwsgiRequest({ path })).status, 200);
    await server.close();
  });
}

test('two servers in one process serve side by side', async () => {
  const first = createServer({ ...OPTIONS, env: { GREETING: 'first' } });
  const second = createServer({ ...OPTIONS, env: { GREETING: 'second' } });
  await Promise.all([first.listen(), second.listen()]);
  assert.match(await get(first, '/surroundings'), /"greeting":"first"/);
  assert.match(await get(second, '/surroundings'), /"greeting":"second"/);
  await first.close();
  assert.match(await get(second), /^200/);
  await second.close();
});

test('a server listens once in its life', async () => {
  const server = createServer(OPTIONS);
  await server.listen();
  await assert.rejects(server.listen(), isFastwsgiError('ERR_CLOSED', /^Cannot listen/));
  await server.close();
  await assert.rejects(server.listen(), isFastwsgiError('ERR_CLOSED', /^Cannot listen/));
  const unused = createServer(OPTIONS);
  await unused.close();
  await assert.rejects(unused.listen(), isFastwsgiError('ERR_CLOSED', /^Cannot listen/));
});

test('a server that is closed while it starts rejects its listen', async () => {
  const server = createServer(OPTIONS);
  const listening = server.listen();
  const closing = server.close();
  await assert.rejects(listening, isFastwsgiError('ERR_CLOSED', /closed while it started/));
  await closing;
  assert.equal(await server.closed, undefined);
});

test('wrong options are all named at once, and nothing is opened', () => {
  const options = { ...OPTIONS, processes: -1, harakiri: 'soon', proceses: 2 } as unknown as ServerOptions;
  for (const name of ['processes', 'harakiri', 'proceses']) {
    const named = isFastwsgiError('ERR_OPTION', new RegExp(`option "${name}" in the options: `));
    assert.throws(() => createServer(options), named);
  }
});

test('an application that does not load rejects listen, and ends a running server', async () => {
  using signs = new Signs();
  const options = { ...OPTIONS, wsgiFile: join(APPS, 'fragile.js'), processes: 1 };
  const failing = createServer({ ...options, env: { MOOD: signs.path('mood') } });
  await assert.rejects(failing.listen(), isFastwsgiError('ERR_APPLICATION_LOAD', /no app loaded/));
  signs.give('mood', 'good');
  const server = createServer({ ...options, env: { MOOD: signs.path('mood') } });
  await server.listen();
  signs.give('mood', 'throw');
  assert.match(await get(server, '/exit'), /^502/);
  assert.ok(isFastwsgiError('ERR_APPLICATION_LOAD', /no app loaded/)(await server.closed));
  await assert.rejects(get(server));
});

test('a log that cannot be written rejects listen', async () => {
  const server = createServer({ ...OPTIONS, logto: join(folder, 'nowhere', 'log') });
  await assert.rejects(
    server.listen(),
    isFastwsgiError('ERR_FILE', /^Cannot open the log .*: no such file or directory$/),
  );
});

test('a process ends by itself when its servers are closed, or were never started', async () => {
  const script = join(folder, 'embedded.mjs');
  const library = new URL('../../dist/index.js', import.meta.url).href;
  writeFileSync(
    script,
    `import { createServer } from ${JSON.stringify(library)};
     const options = ${JSON.stringify({ ...OPTIONS, httpEngine: 'node' })};
     createServer(options);
     const server = createServer(options);
     await server.listen();
     await server.close();
     console.log('closed');`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 20_000 });
  assert.equal(stdout, 'closed\n');
});
