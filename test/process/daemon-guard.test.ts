// master = true: the guard holds the sockets, starts the server again when it dies, and ends with it when it is asked to.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../helpers/ports.js';
import { residentBytes } from '../helpers/process-status.js';
import { type RunningServer, runCli } from '../helpers/server.js';
import { application, Folder, isGone, who } from './daemon-helpers.js';
import { APPS, type DisposableServer, disposable, TWINS, type Twin, until } from './threads-client.js';

function guarded(twin: Twin, args: readonly string[] = []): Promise<DisposableServer> {
  return disposable({ args: application(twin, 0, ['--master', ...args]), env: twin.env });
}

/** Whether anybody accepts connections there. */
function isAccepted(
  where: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(where, () => resolve(true));
    socket.once('connect', () => socket.destroy()).once('error', () => resolve(false));
  });
}

/** Kills the server under the guard. */
async function killServer(server: RunningServer): Promise<number> {
  const { pid, ppid } = await who(server.http());
  assert.equal(ppid, server.pid, 'it is the child of the guard');
  process.kill(pid, 'SIGKILL');
  return pid;
}

for (const twin of TWINS) {
  test(`a server that is killed under load is started again, and nobody is refused, ${twin.name}`, async () => {
    await using server = await guarded(twin);
    const codes: string[] = [];
    let answered = 0;
    let isOver = false;
    const clients = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        await who(server.http()).then(
          () => answered++,
          (error: NodeJS.ErrnoException) => codes.push(error.code ?? error.message),
        );
      }
    });
    const pids = new Set<number>();
    for (let kills = 0; kills < 3; kills++) {
      pids.add(await killServer(server));
      const before = answered;
      await until('requests are answered again', () => answered > before + 50);
    }
    isOver = true;
    await Promise.all(clients);
    assert.equal(pids.size, 3);
    // What a killed server had accepted is lost; what it had not, waits for the next.
    assert.ok(codes.length <= 3 * 8, codes.join());
    for (const code of codes) assert.equal(code, 'ECONNRESET');
    const dead = [
      ...server.log().matchAll(/^DAMN ! server \(pid: (\d+)\) died, killed by signal 9 :\( trying respawn \.\.\.$/gm),
    ];
    assert.deepEqual(
      dead.map(([, pid]) => Number(pid)),
      [...pids],
    );
    assert.equal(
      server.log().match(/^server respawning too fast !!! i have to sleep a bit \(\d+ seconds\)/gm)?.length,
      2,
    );
    assert.ok(residentBytes(server.pid) < 40 * 1024 * 1024, 'the guard is small');
    assert.equal(await server.stop(), 0);
  });

  test(`a unix socket stays the same through a death, vacuum is the guard's, ${twin.name}`, async () => {
    using folder = new Folder();
    const path = folder.file('app.sock');
    const options = ['--master', '--vacuum', '--socket', folder.file('u.sock'), '--pidfile', folder.file('pid')];
    const args = ['--chdir', APPS, '--module', 'own-process:application', '--http', path, ...options, ...twin.args];
    await using server = await disposable({ args, env: twin.env });
    assert.equal(folder.pid('pid'), server.pid);
    const { ino } = statSync(path);
    const first = await who({ socketPath: path });
    process.kill(first.pid, 'SIGKILL');
    const second = await who({ socketPath: path });
    assert.notEqual(second.pid, first.pid);
    assert.equal(statSync(path).ino, ino);
    assert.equal(await server.stop(), 0);
    for (const name of ['app.sock', 'u.sock', 'pid']) assert.ok(!existsSync(folder.file(name)), name);
    // Node itself removes the path of a socket that it closes.
    const removed = server.log().match(/^VACUUM: unix socket/gm)?.length ?? 0;
    assert.equal(removed, twin.name === 'portable' ? 0 : 2);
  });

  test(`a stop is graceful also when every process is told, and refuses at once, ${twin.name}`, async () => {
    await using server = await guarded(twin);
    const { pid } = await who(server.http());
    const running = who(server.http(), '/?ms=1500');
    await sleep(300);
    // As a service manager does it, and a terminal.
    server.kill('SIGTERM');
    process.kill(pid, 'SIGTERM');
    await server.waitForLog(/goodbye/);
    await until('connections are refused', async () => !(await isAccepted(server.http())));
    assert.equal((await running).pid, pid);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.doesNotMatch(server.log(), /ending at once/);
  });

  test(`two stops end at once, ${twin.name}`, async () => {
    await using server = await guarded(twin, ['--reload-mercy', '30']);
    const running = who(server.http(), '/?ms=20000').catch(() => 'broken off');
    await sleep(300);
    server.kill('SIGTERM');
    await server.waitForLog(/goodbye/);
    await sleep(400);
    server.kill('SIGTERM');
    assert.equal(await running, 'broken off');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.match(server.log(), /^SIGTERM again: ending at once$/m);
  });

  test(`the server dies with the guard, and its port is free, ${twin.name}`, async () => {
    await using server = await guarded(twin);
    const { pid } = await who(server.http());
    server.kill('SIGKILL');
    await isGone(pid);
    // A process is gone with its first thread, its descriptors with the last.
    await until('the port is free', async () => !(await isAccepted(server.http())));
  });

  test(`errors at start are passed on, ${twin.name}`, async () => {
    await using other = await guarded(twin);
    const { port } = other.http();
    const inUse = await runCli({ args: application(twin, port, ['--master']), env: twin.env });
    assert.equal(inUse.code, 1);
    assert.match(
      inUse.output,
      new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${port}: bind\\(\\): Address already in use$`, 'm'),
    );
    const noApp = application(twin, 0, ['--master', '--module', 'missing:application', '--need-app']);
    const { code, output } = await runCli({ args: noApp, env: twin.env });
    assert.equal(code, 22, output);
    assert.match(output, /GAME OVER/);
    assert.doesNotMatch(output, /respawn/);
    assert.equal(await other.stop(), 0);
  });

  test(`signals during the start are kept for the server, ${twin.name}`, async () => {
    using folder = new Folder();
    const args = ['--chdir', APPS, '--module', 'slow-start:application', '--http', '127.0.0.1:0', '--master'];
    const env = { ...twin.env, READY: folder.file('never'), STARTED: folder.file('started') };
    const running = runCli({ args: [...args, '--pidfile', folder.file('pid'), ...twin.args], env });
    await until('the guard runs', () => existsSync(folder.file('pid')) && folder.read('pid') !== '');
    const guard = folder.pid('pid');
    process.kill(guard, 'SIGHUP');
    process.kill(guard, 'SIGUSR1');
    await until('it loads', () => existsSync(folder.file('started')));
    process.kill(guard, 'SIGTERM');
    const { code, output } = await running;
    assert.equal(code, 0, output);
    assert.match(output, /^SIGTERM: goodbye/m);
  });
}

const TWIN: Twin = TWINS[0] ?? assert.fail();

test('a stop while the guard waits with the next start ends it', async () => {
  await using server = await guarded(TWIN);
  for (let kills = 0; kills < 3; kills++) {
    const from = server.log().length;
    await killServer(server);
    await server.waitForLog(/^DAMN/m, { from });
  }
  await server.waitForLog(/sleep a bit \(2 seconds\)/);
  assert.ok(await isAccepted(server.http()), 'connections wait meanwhile');
  assert.equal(await server.stop(), 0);
});

test('a server that cannot start again is tried until it can: a wrong file does not end what has served', async () => {
  using folder = new Folder();
  const port = await freePort();
  const ini = (processes: string) => {
    const lines = ['[uwsgi]', `chdir = ${APPS}`, 'module = own-process:application', `http = 127.0.0.1:${port}`];
    writeFileSync(folder.file('app.ini'), [...lines, 'master = true', `processes = ${processes}`, ''].join('\n'));
  };
  ini('2');
  await using server = await disposable({ args: ['-c', folder.file('app.ini')] });
  ini('many');
  await killServer(server);
  await server.waitForLog(/^Cannot parse option "processes"/m);
  await server.waitForLog(/^DAMN ! server \(pid: \d+\) died, status 1 :\( trying respawn/m);
  await server.waitForLog(/sleep a bit \(8 seconds\)/, { waitMs: 20_000 });
  ini('1');
  const from = server.log().length;
  server.kill('SIGHUP');
  await server.waitForLog(/^\*\*\* fastwsgi-ts is running/m, { from, waitMs: 7500 });
  assert.equal((await who(server.http())).ppid, server.pid);
  assert.equal(await server.stop(), 0);
});

test('a server that does not end is killed, status 70', async () => {
  await using server = await guarded(TWIN, ['--reload-mercy', '1']);
  const { pid } = await who(server.http());
  process.kill(pid, 'SIGSTOP');
  server.kill('SIGTERM');
  assert.deepEqual(await server.exited, { code: 70, signal: null });
  assert.ok(server.log().includes(`server (pid: ${pid}) is taking too much time to die...NO MERCY !!!`));
});

test('uWebSockets.js cannot take the socket of the guard, and says so', async () => {
  const port = await freePort();
  const { code, output } = await runCli({ args: [...application(TWIN, port, ['--master']), '--http-engine', 'uws'] });
  assert.equal(code, 1, output);
  assert.match(output, /^Cannot use http-engine uws: /m);
});

test('a log that is a FIFO which nobody reads keeps neither the guard nor its server', async () => {
  using folder = new Folder();
  execFileSync('mkfifo', [folder.file('log')]);
  const socketPath = folder.file('http.sock');
  const options = ['--master', '--logto', folder.file('log'), '--pidfile', folder.file('pid'), '--http', socketPath];
  const ended = runCli({ args: application(TWIN, 0, options) });
  const isThere = () => who({ socketPath }).then(Boolean, () => false);
  await until('it serves', isThere);
  process.kill((await who({ socketPath })).pid, 'SIGKILL');
  await until('it serves again', isThere);
  process.kill(folder.pid('pid'), 'SIGTERM');
  assert.equal((await ended).code, 0);
});
