// WebSockets of applications: the connection lives in the worker's thread, whichever engine accepted it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { RunningServer } from '../helpers/server.js';
import { ask, type DisposableServer, Signs, startApp, TWINS, type Twin, until } from './threads-client.js';

function start(twin: Twin, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<DisposableServer> {
  const application = args.includes('--module') ? [] : ['--module', 'sockets'];
  return startApp(twin, [...application, ...args], { env });
}

interface Greeting {
  readonly url: string;
  readonly cookie?: string;
  readonly from: string;
  readonly thread: number;
}

/** A client that has been greeted. */
async function open(
  server: RunningServer,
  path: string,
  options = {},
): Promise<{ socket: WebSocket; greeting: Greeting }> {
  const { host, port } = server.http();
  const socket = new WebSocket(`ws://${host}:${port}${path}`, 'chat', options);
  const [data] = (await once(socket, 'message')) as [Buffer];
  return { socket, greeting: JSON.parse(data.toString()) as Greeting };
}

async function closeCode(socket: WebSocket): Promise<number> {
  if (socket.readyState === WebSocket.CLOSED) throw new Error('closed too early');
  const [code] = (await once(socket, 'close')) as [number];
  return code;
}

async function echo(socket: WebSocket, message: string | Buffer): Promise<void> {
  socket.send(message);
  const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
  assert.equal(isBinary, typeof message !== 'string');
  assert.ok(data.equals(Buffer.from(message)), 'what was sent comes back');
}

function descriptors({ pid }: RunningServer): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

for (const twin of TWINS) {
  test(`a WebSocket carries messages of any size both ways, ${twin.name}`, async () => {
    await using server = await start(twin);
    const { socket, greeting } = await open(server, '/chat?room=1', { headers: { Cookie: 'id=7' } });
    assert.deepEqual(
      { url: greeting.url, cookie: greeting.cookie, from: greeting.from },
      { url: '/chat?room=1', cookie: 'id=7', from: 'true 127.0.0.1' },
    );
    assert.equal(socket.protocol, 'chat');
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 5_000_000]) {
      await echo(socket, randomBytes(size));
      await echo(socket, 'ä'.repeat(Math.min(size, 100_000)));
    }
    socket.close(1000);
    assert.equal(await closeCode(socket), 1000);
    assert.equal(await server.stop(), 0);
  });

  test(`info.upgradeWebSocket makes one of a request of kind fetch, ${twin.name}`, async () => {
    await using server = await start(twin, ['--module', 'fetch-sockets']);
    const { socket, greeting } = await open(server, '/chat');
    assert.deepEqual({ ...greeting, thread: 0 }, { url: '/chat', from: '127.0.0.1', thread: 0 });
    assert.equal(socket.protocol, 'chat');
    await echo(socket, 'text');
    await echo(socket, randomBytes(100_000));
    socket.close(1000);
    assert.equal(await closeCode(socket), 1000);
    assert.match((await ask(server, 'http', '/')).body, /^plain \d+$/);
    // A handshake without a key is answered by ws, and rejects in the application.
    const { host, port } = server.http();
    const client = connect(port, host);
    client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    let text = '';
    for await (const chunk of client) text += String(chunk);
    assert.match(text, /^HTTP\/1\.1 400 /);
    await server.waitForLog(/Missing or invalid Sec-WebSocket-Key/);
    assert.equal(await server.stop(), 0);
  });

  test(`the application may refuse, and other requests are served as ever, ${twin.name}`, async () => {
    await using server = await start(twin);
    const { host, port } = server.http();
    const refused = new WebSocket(`ws://${host}:${port}/refuse`);
    const [, response] = (await once(refused, 'unexpected-response')) as [unknown, { statusCode: number }];
    assert.equal(response.statusCode, 403);
    const { socket } = await open(server, '/');
    assert.match((await ask(server, 'http', '/')).body, /^plain \d+$/);
    await echo(socket, 'still there');
    socket.terminate();
    assert.equal(await server.stop(), 0);
  });

  test(`what comes right behind the offer makes it no offer, ${twin.name}`, async () => {
    await using server = await start(twin);
    const { host, port } = server.http();
    const client = connect(port, host);
    const handshake =
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
    client.end(
      `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n${handshake}\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    let text = '';
    for await (const chunk of client) text += String(chunk);
    assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 2, text);
  });

  test(`clients that leave free all they held, and the application is told, ${twin.name}`, async () => {
    using signs = new Signs();
    await using server = await start(twin, ['--processes', '2'], { SIGN_FILE: signs.path('left-') });
    const round = async (number: number) => {
      // One after another: a burst may be moved away from a thread that has been waiting for a processor.
      const clients: Awaited<ReturnType<typeof open>>[] = [];
      for (let i = 0; i < 40; i++) clients.push(await open(server, `/${number}-${i}`));
      assert.equal(new Set(clients.map(({ greeting }) => greeting.thread)).size, 2);
      for (const [i, { socket }] of clients.entries()) {
        if (i % 2 === 0) socket.terminate();
        else socket.close();
      }
      await until('all to be gone', () => signs.count('left-') === 40 * number);
    };
    await round(1);
    await sleep(500);
    const before = descriptors(server);
    await round(2);
    await until('their descriptors to be closed', () => descriptors(server) <= before);
    assert.equal(await server.stop(), 0);
  });

  test(`a WebSocket ends with its worker: 1012 after a reload and at a stop, cut when the thread dies, ${twin.name}`, async () => {
    await using server = await start(twin, ['--harakiri', '1']);
    const { socket: first, greeting } = await open(server, '/');
    const firstCode = closeCode(first);
    server.kill('SIGHUP');
    await server.waitForLog(/^\*\*\* reload done/m);
    assert.equal(await firstCode, 1012);
    const { socket: second, greeting: later } = await open(server, '/');
    assert.notEqual(later.thread, greeting.thread);
    const secondCode = closeCode(second);
    await ask(server, 'http', '/die');
    assert.equal(await secondCode, 1006);
    await server.waitForLog(/^Respawned uWSGI worker 1/m);
    const { socket: third } = await open(server, '/');
    const thirdCode = closeCode(third);
    assert.equal(await server.stop(), 0);
    assert.equal(await thirdCode, 1012);
    assert.equal(server.log().includes('HARAKIRI'), false);
  });
}
