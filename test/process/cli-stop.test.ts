// How a server ends: what is running is answered, nothing new is taken, and nothing is left behind.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningServer, runCli, type SocketTarget } from '../helpers/server.js';
import { request as uwsgiRequest } from '../helpers/uwsgi-client.js';
import {
  APPS,
  ask,
  type DisposableServer,
  disposable,
  Signs,
  SOCKET_KINDS,
  startApp,
  TWINS,
  type Twin,
  until,
} from './threads-client.js';

const GOODBYE = /^SIGTERM: goodbye/m;
const APPLICATION = ['--chdir', APPS, '--module', 'threads:application'];

/** A folder that is gone after the test. */
function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'fastwsgi-stop-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts on a unix socket of uwsgi and one of HTTP. */
function startOnPaths(twin: Twin, folder: string, args: readonly string[] = []): Promise<DisposableServer> {
  const sockets = ['--socket', join(folder, 'u.sock'), '--http', join(folder, 'h.sock')];
  return disposable({ args: [...APPLICATION, ...sockets, ...twin.args, ...args], env: twin.env });
}

/**
 * HTTP requests that wait in the server's queue, whose length is 1 and whose workers are busy: known to be there when one of
 * them was refused. The statuses of all of them, in the end.
 */
async function waitingRequests(server: RunningServer): Promise<{ readonly statuses: Promise<number[]> }> {
  const answers: Promise<number>[] = [];
  await until('a request is refused', async () => {
    const answer = ask(server, 'http', '/').then(({ status }) => status);
    answers.push(answer);
    // One that waits has no answer; the next is asked when it has had the time to arrive.
    return (await Promise.race([answer, sleep(100)])) === 503;
  });
  return { statuses: Promise.all(answers) };
}

function areServed(statuses: readonly number[]): void {
  assert.ok(statuses.includes(200), statuses.join());
  for (const status of statuses) assert.ok(status === 200 || status === 503, statuses.join());
}

function connected(where: SocketTarget): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(where, () => resolve(socket.off('error', reject).on('error', () => {})));
    socket.once('error', reject);
  });
}

/** Whether anybody accepts connections there. */
function isAccepted(where: SocketTarget): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(where);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function listenAt(path: string): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy()).listen(path, () => resolve(server));
  });
}

for (const twin of TWINS) {
  test(`SIGTERM lets running and waiting requests end, refuses new connections, and ends with status 0, ${twin.name}`, async () => {
    using signs = new Signs();
    await using server = await startApp(twin, ['--processes', '1', '--http-queue', '1']);
    const running = ask(server, 'uwsgi', `/hold?until=${signs.path('go')}&mark=${signs.path('begun')}`);
    await until('it runs', () => signs.count('begun') === 1);
    const { statuses } = await waitingRequests(server);
    server.kill('SIGTERM');
    await server.waitForLog(GOODBYE);
    for (const where of [server.http(), server.uwsgi()]) {
      await until('connections are refused', async () => !(await isAccepted(where)));
    }
    signs.give('go');
    assert.equal((await running).status, 200);
    areServed(await statuses);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });

  test(`a server that has had large bodies ends with status 0, ${twin.name}`, async () => {
    await using server = await startApp(twin, ['--processes', '2']);
    const { host, port } = server.http();
    const body = new Uint8Array(3_000_000);
    for (let round = 0; round < 4; round++) {
      const answers = await Promise.all(
        [1, 2, 3].map(() => fetch(`http://${host}:${port}/`, { method: 'POST', body })),
      );
      for (const answer of answers) assert.equal(answer.status, 200);
    }
    assert.equal(await server.stop(), 0);
    assert.doesNotMatch(server.log(), /File descriptor/);
  });

  test(`a second signal ends the server at once, ${twin.name}`, async () => {
    using signs = new Signs();
    await using server = await startApp(twin, ['--processes', '2']);
    const running = SOCKET_KINDS.map((kind, i) =>
      ask(server, kind, `/hold?until=${signs.path('never')}&mark=${signs.path(`begun-${i}`)}`),
    );
    await until('both run', () => signs.count('begun-') === 2);
    server.kill('SIGTERM');
    await server.waitForLog(GOODBYE);
    server.kill('SIGINT');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.match(server.log(), /^SIGINT again: ending at once$/m);
    for (const { status } of await Promise.all(running)) assert.ok(status === 502 || status === 0, `status ${status}`);
  });

  test(`the same signal twice at once is one wish: npm passes on what the terminal sent to all, ${twin.name}`, async () => {
    using signs = new Signs();
    await using server = await startApp(twin, ['--processes', '1']);
    const running = ask(server, 'uwsgi', `/hold?until=${signs.path('go')}&mark=${signs.path('begun')}`);
    await until('it runs', () => signs.count('begun') === 1);
    server.kill('SIGINT');
    await server.waitForLog(/^SIGINT: goodbye/m);
    server.kill('SIGINT');
    await until('connections are refused', async () => !(await isAccepted(server.http())));
    signs.give('go');
    assert.equal((await running).status, 200);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.doesNotMatch(server.log(), /ending at once/);
  });

  test(`a request that outlasts reload-mercy is ended without mercy, also in a blocked thread, ${twin.name}`, async () => {
    using signs = new Signs();
    await using server = await startApp(twin, ['--processes', '2', '--reload-mercy', '1']);
    const spinning = ask(server, 'http', `/spin?until=${signs.path('never')}`);
    const holding = ask(server, 'uwsgi', `/hold?until=${signs.path('never')}&mark=${signs.path('begun')}`);
    await until('it runs', () => signs.count('begun') === 1);
    assert.equal(await server.stop(), 0);
    for (const worker of [1, 2]) {
      assert.ok(server.log().includes(`worker ${worker} is taking too much time to die...NO MERCY !!!`), server.log());
    }
    for (const { status } of await Promise.all([spinning, holding])) {
      assert.ok(status === 502 || status === 0, `status ${status}`);
    }
  });

  test(`a worker that dies while the server stops does not keep it from ending, ${twin.name}`, async () => {
    using signs = new Signs();
    await using server = await startApp(twin, ['--processes', '1', '--http-queue', '1']);
    const dying = ask(server, 'uwsgi', `/die?by=exit&until=${signs.path('die')}&mark=${signs.path('begun')}`);
    await until('it runs', () => signs.count('begun') === 1);
    const { statuses } = await waitingRequests(server);
    server.kill('SIGTERM');
    await server.waitForLog(GOODBYE);
    signs.give('die');
    assert.equal((await dying).status, 502);
    areServed(await statuses);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });

  test(`connections that have not sent a byte do not keep the server from ending, ${twin.name}`, async () => {
    await using server = await startApp(twin, ['--socket-timeout', '1']);
    const idle = await Promise.all([connected(server.http()), connected(server.uwsgi())]);
    assert.equal(await server.stop(), 0);
    for (const socket of idle) socket.destroy();
  });

  test(`vacuum removes the unix sockets, ${twin.name}`, async () => {
    using folder = temporaryFolder();
    await using server = await startOnPaths(twin, folder.path, ['--vacuum']);
    const paths = [join(folder.path, 'u.sock'), join(folder.path, 'h.sock')];
    for (const path of paths) assert.ok(statSync(path).isSocket());
    assert.equal((await uwsgiRequest({ path: paths[0] ?? '' })).status, 200);
    assert.equal(await server.stop(), 0);
    for (const path of paths) assert.ok(!existsSync(path), `${path} is still there`);
  });

  test(`a port in use is one line and status 1, and nothing is left, ${twin.name}`, async () => {
    using folder = temporaryFolder();
    await using server = await startApp(twin);
    const path = join(folder.path, 'u.sock');
    for (const kind of SOCKET_KINDS) {
      const { port } = kind === 'http' ? server.http() : (server.uwsgi() as { port: number });
      const option = kind === 'http' ? '--http' : '--socket';
      const args = [...APPLICATION, '--socket', path, option, `127.0.0.1:${port}`, '--vacuum', ...twin.args];
      const { code, output } = await runCli({ args, env: twin.env });
      assert.equal(code, 1);
      const errors = output.split('\n').filter((line) => line.includes('Cannot'));
      assert.equal(errors.length, 1, output);
      assert.match(
        errors[0] ?? '',
        new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${port}: bind\\(\\): Address already in use$`),
      );
      assert.doesNotMatch(output, /\n {4}at /, 'no stack');
      assert.ok(!existsSync(path), 'the other socket is gone');
    }
    assert.equal((await ask(server, 'http', '/')).status, 200);
    assert.equal(await server.stop(), 0);
  });

  test(`a stale unix socket is taken over, a live one and a file are refused, ${twin.name}`, async () => {
    using folder = temporaryFolder();
    await using killed = await startOnPaths(twin, folder.path);
    killed.kill('SIGKILL');
    await killed.exited;
    for (const name of ['u.sock', 'h.sock']) assert.ok(existsSync(join(folder.path, name)), 'there is something stale');
    await using server = await startOnPaths(twin, folder.path);
    assert.equal((await uwsgiRequest({ path: join(folder.path, 'u.sock') })).status, 200);
    assert.equal(await server.stop(), 0);

    const path = join(folder.path, 'other.sock');
    for (const option of ['--socket', '--http']) {
      const args = [...APPLICATION, option, path, '--vacuum', ...twin.args];
      const live = await listenAt(path);
      const refused = await runCli({ args, env: twin.env });
      assert.equal(refused.code, 1);
      assert.ok(refused.output.includes(`Cannot listen on ${path}: another server is using it`), refused.output);
      assert.ok(await isAccepted({ path }), 'the other server is still there');
      await new Promise((resolve) => live.close(resolve));

      writeFileSync(path, 'mine');
      const file = await runCli({ args, env: twin.env });
      assert.equal(file.code, 1);
      assert.ok(file.output.includes(`Cannot listen on ${path}: a file that is no socket is there`), file.output);
      assert.ok(existsSync(path), 'the file is still there');
      unlinkSync(path);
    }
  });

  test(`chmod-socket sets the permissions of a unix socket, ${twin.name}`, async () => {
    using folder = temporaryFolder();
    await using server = await startOnPaths(twin, folder.path, ['--chmod-socket', '640']);
    for (const name of ['u.sock', 'h.sock']) {
      assert.equal(statSync(join(folder.path, name)).mode & 0o777, 0o640, name);
    }
    assert.equal(await server.stop(), 0);
  });

  // Node itself removes the path of a socket that it closes, whatever is there.
  if (twin.name === 'portable') continue;
  test(`vacuum leaves alone what somebody else has put in the place of a socket, ${twin.name}`, async () => {
    using folder = temporaryFolder();
    await using server = await startOnPaths(twin, folder.path, ['--vacuum']);
    const path = join(folder.path, 'u.sock');
    unlinkSync(path);
    writeFileSync(path, 'mine');
    assert.equal(await server.stop(), 0);
    assert.ok(existsSync(path), 'the file is gone');
  });
}

test('a signal while the application is still loading ends the server with status 0', async () => {
  using signs = new Signs();
  // The application waits for a file when it is loaded: `slow-start` never gets it.
  const args = ['--chdir', APPS, '--module', 'slow-start:application', '--http', '127.0.0.1:0'];
  const ended = runCli({ args, env: { READY: signs.path('never'), STARTED: signs.path('started') } });
  await until('it loads', () => signs.count('started') === 1);
  const pid = Number(signs.read('started'));
  process.kill(pid, 'SIGTERM');
  const { code, output } = await ended;
  assert.equal(code, 0, output);
  assert.match(output, GOODBYE);
});
