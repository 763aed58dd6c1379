// HTTP of the gateway: what only an engine has to show whose worker frames the responses and sends them itself. The thread is
// a real one where it dies, and the server a process of its own where its memory and descriptors are counted.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawClient, request, type Target, talk } from '../helpers/http-client.js';
import { eventually, startHttp, WHOLE_ENGINES } from '../helpers/http-front.js';
import { download, open, send } from '../helpers/http-stream.js';
import { inParallel } from '../helpers/in-parallel.js';
import { descriptorsBackTo, idleDescriptors, MemoryWatch, residentBytes } from '../helpers/process-status.js';
import { type RunningServer, type ServerStart, startServer } from '../helpers/server.js';
import { blocks, generatedHash } from '../helpers/uwsgi-app.js';
import { Signs, startApp } from './threads-client.js';

const MB = 1024 * 1024;
const HEAD = 'HTTP/1.1\r\nHost: a\r\n';
const GET = `GET / ${HEAD}\r\n`;
/** What a server may grow by that serves one request, however large. */
const GROWTH_MAX = 48 * MB;

/** A server with one worker and test/helpers/uwsgi-app.ts. */
function start(args: readonly string[] = [], serverStart: ServerStart = {}): Promise<RunningServer> {
  const application = ['--wsgi-file', join(import.meta.dirname, '..', 'helpers', 'uwsgi-app.js')];
  const http = ['--http', '127.0.0.1:0', '--http-engine', 'epoll'];
  return startServer({ ...serverStart, args: [...http, ...application, '--need-app', '--processes', '1', ...args] });
}

function targetOf(server: RunningServer): Target {
  return { port: server.http().port };
}

if (WHOLE_ENGINES.includes('epoll')) {
  describe('a server on the gateway', () => {
    test('answers what is in flight and what has come with Connection: close when it stops', async () => {
      await using http = await startHttp('epoll', { worker: { concurrency: 1, slots: 1 } });
      const idle = new RawClient(http.target);
      await idle.send(GET);
      await idle.responses(1);
      const running = new RawClient(http.target);
      await running.send(`GET /slow?150 ${HEAD}\r\n`);
      await eventually('it runs', () => http.seen.length === 2);
      const waiting = new RawClient(http.target);
      await waiting.send(GET);
      const partial = new RawClient(http.target);
      await partial.send(`GET / ${HEAD}`);
      await sleep(50);
      const closed = http.front.close();
      await idle.until(() => false);
      assert.equal(idle.closed, true);
      await partial.send('\r\n');
      for (const client of [running, waiting, partial]) {
        const [response] = await client.responses(1);
        assert.equal(response?.status, 200);
        assert.equal(response?.headers.get('connection'), 'close');
        await client.until(() => false);
        assert.equal(client.closed, true);
      }
      await closed;
    });

    test('refuses what follows a refused upload without a reset that would take the answer along', async () => {
      await using http = await startHttp('epoll', { front: { limitPostBytes: 1000 } });
      const client = new RawClient(http.target);
      // More than a lingering connection reads in one go.
      const body = Buffer.alloc(8 * MB);
      await client.send(Buffer.concat([Buffer.from(`POST / ${HEAD}Content-Length: ${body.length}\r\n\r\n`), body]));
      const [response] = await client.responses(1);
      assert.equal(response?.status, 413);
      client.socket.end();
      await client.until(() => false);
      assert.equal(client.closed, true);
      assert.equal(client.socket.errored, null);
    });

    test('is not held up by one client that sends without end', async () => {
      await using http = await startHttp('epoll');
      const flood = connect(http.target.port ?? 0, '127.0.0.1');
      flood.on('error', () => {});
      flood.write(`POST / ${HEAD}Content-Length: ${2 ** 40}\r\n\r\n`);
      const block = Buffer.alloc(MB);
      const pump = (): void => {
        while (flood.write(block));
      };
      flood.on('drain', pump);
      pump();
      for (let i = 0; i < 50; i++) assert.equal((await request(http.target, GET))?.status, 200);
      flood.destroy();
    });

    test('frees its descriptors after clients that leave at any point of a request', async () => {
      await using server = disposable(await start());
      const target = targetOf(server);
      await request(target, GET);
      const descriptors = await idleDescriptors(server.pid);
      const upload = `POST /hash ${HEAD}Content-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`;
      const requests = [GET, `${GET}${GET}`, upload, `GET /whole?bytes=10000000 ${HEAD}\r\n`];
      await inParallel(
        20,
        Array.from({ length: 400 }, (_, i) => i),
        async (i) => {
          const bytes = requests[i % requests.length] as string;
          const client = new RawClient(target);
          await client.send(bytes.slice(0, 1 + ((i * 7919) % bytes.length)));
          await sleep(i % 7);
          if (i % 2 === 0) client.socket.resetAndDestroy();
          else client.destroy();
        },
      );
      await descriptorsBackTo(server.pid, descriptors);
      assert.equal((await request(target, GET))?.status, 200);
    });
  });

  describe('a worker of the gateway', () => {
    let server: RunningServer;
    before(async () => {
      server = await start();
    });
    after(async () => {
      assert.equal(await server.stop(), 0);
    });

    test('sends 100 MB to a slow reader without keeping them, and hashes an upload of as much', async () => {
      const bytes = 100 * MB;
      const socket = server.http().port;
      // The heap of an application that reads for the first time grows, on Node 24 by up to 70 MB: once.
      await send({ socket, path: '/hash', method: 'POST', body: blocks(bytes) });
      const memory = new MemoryWatch(server.pid);
      const slow = await download({ socket, path: `/stream?bytes=${bytes}&id=slow` }, [MB, 20 * MB, 50 * MB], 300);
      assert.deepEqual(slow, { bytes, sha256: generatedHash(bytes) });
      const up = await send({ socket, path: '/hash', method: 'POST', body: blocks(bytes) });
      assert.equal(up.body.toString(), `${bytes} ${generatedHash(bytes)}`);
      const grown = memory.stop();
      assert.ok(grown < GROWTH_MAX, `the server grew by ${grown} bytes`);
    });

    test('closes the iterator of a client that leaves in the middle', async () => {
      const from = server.log().length;
      const response = await open({ socket: server.http().port, path: `/stream?bytes=${1024 * MB}&id=gone` });
      response.once('data', () => response.destroy());
      await server.waitForLog(/^closed gone after \d+ bytes$/m, { from });
      const waiting = new RawClient(targetOf(server));
      await waiting.send(`GET /wait?ms=60000&id=left ${HEAD}\r\n`);
      await server.waitForLog(/^waiting left$/m, { from });
      waiting.destroy();
      await server.waitForLog(/^closed left$/m, { from });
    });
  });

  test('a thread of the gateway that dies leaves a 502 behind, or a reset where the response has begun', async () => {
    await using server = disposable(await startApp({ name: 'epoll', args: ['--http-engine', 'epoll'], env: {} }));
    const target = targetOf(server);
    assert.equal((await request(target, `GET /die?by=exit ${HEAD}\r\n`))?.status, 502);
    const head = await talk(target, [`HEAD /die?by=exit ${HEAD}\r\n`], 5000);
    assert.match(head.bytes.toString(), /^HTTP\/1\.1 502 .*\r\n\r\n$/s, 'HEAD gets no body');
    // Delimited by the close of the connection, and by chunks.
    for (const version of ['HTTP/1.0\r\n', HEAD]) {
      using signs = new Signs();
      const client = new RawClient(target);
      let error: NodeJS.ErrnoException | undefined;
      client.socket.on('error', (cause: NodeJS.ErrnoException) => {
        error = cause;
      });
      await client.send(`GET /begin?by=exit&until=${signs.path('go')} ${version}\r\n`);
      // A reset that comes together with bytes is to node's reader an end like any other.
      await client.until(() => client.received.includes('begun'));
      signs.give('go');
      await client.until(() => false, 10_000);
      assert.match(client.received.toString('latin1'), /^HTTP\/1\.1 200 OK\r\n.*begun/s);
      assert.equal(error?.code, 'ECONNRESET');
    }
    assert.equal((await request(target, GET))?.status, 200);
  });

  test('two thousand idle connections cost the gateway little, and end with it', async () => {
    const server = await start(['--http-keepalive', '600']);
    const target = targetOf(server);
    for (let i = 0; i < 50; i++) await request(target, GET);
    const before = residentBytes(server.pid);
    const clients: Socket[] = [];
    let answered = 0;
    let ended = 0;
    await inParallel(50, Array.from({ length: 2000 }), async () => {
      const client = connect(target.port ?? 0, '127.0.0.1');
      clients.push(client);
      client.on('error', () => {});
      client.once('close', () => ended++);
      client.write(GET);
      await new Promise<void>((resolve) => {
        client.once('data', () => {
          answered++;
          resolve();
        });
        client.once('close', resolve);
      });
    });
    assert.equal(answered, 2000);
    const each = (residentBytes(server.pid) - before) / clients.length;
    assert.ok(each < 16_384, `each connection takes ${each} bytes`);
    assert.equal((await request(target, GET))?.status, 200);
    assert.equal(await server.stop(), 0);
    await eventually('all are closed', () => ended === clients.length);
  });

  test('a server out of descriptors says so, keeps what it has, and goes on when it can', async () => {
    await using limited = await startLimited(80);
    const { target } = limited;
    const kept = new RawClient(target);
    await kept.send(GET);
    await kept.responses(1);
    const clients = Array.from({ length: 120 }, () => new RawClient(target));
    for (const client of clients) await client.send(GET);
    await eventually('the log says it', () => /accept4\(\): errno \d+, too many open files/.test(limited.log()));
    await kept.send(GET);
    assert.equal((await kept.responses(2)).length, 2);
    for (const client of clients) client.destroy();
    for (let i = 0; i < 100; i++) assert.equal((await request(target, GET))?.status, 200);
    kept.destroy();
  });
}

function disposable(server: RunningServer): RunningServer & AsyncDisposable {
  return Object.assign(server, {
    async [Symbol.asyncDispose]() {
      await server.stop();
    },
  });
}

interface LimitedServer extends AsyncDisposable {
  readonly target: Target;
  log(): string;
}

/** A server that may have `descriptors` open at a time. */
async function startLimited(descriptors: number): Promise<LimitedServer> {
  const root = join(import.meta.dirname, '..', '..');
  const args = ['--http', '127.0.0.1:0', '--http-engine', 'epoll', '--processes', '1', '--need-app', '--wsgi-file'];
  const command = [
    process.execPath,
    join(root, 'dist', 'cli.js'),
    ...args,
    join(root, 'build-test/helpers/uwsgi-app.js'),
  ];
  const script = `ulimit -n ${descriptors}; exec "$0" "$@"`;
  const child: ChildProcess = spawn('sh', ['-c', script, ...command], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await eventually('it serves', () => text.includes('is running'));
  const port = Number(/^http socket bound to 127\.0\.0\.1:(\d+)/m.exec(text)?.[1]);
  return {
    target: { port },
    log: () => text,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
