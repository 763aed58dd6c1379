// Signals in the first moments of a process, when most of it is not loaded: a reload is not lost and ends nothing, a stop ends it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { application, Folder } from './daemon-helpers.js';
import { CLI, catchesHup, childrenOf, Start } from './raw-start.js';
import { TWINS, until } from './threads-client.js';

for (const twin of TWINS) {
  for (const master of [[], ['--master']]) {
    const place = `${twin.name}${master.length > 0 ? ', under the guard' : ''}`;
    const args = application(twin, 0, master);

    test(`signals that ask for something do not end a process that has hardly begun, ${place}`, async () => {
      await using start = new Start([CLI, ...args], twin.env);
      await until('it holds signals', () => catchesHup(start.child.pid));
      for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) start.child.kill(signal);
      await start.logged(/^\*\*\* fastwsgi-ts is running/m);
      // Where the guard had no server yet, it starts one that reads everything anew.
      await start.logged(/^(\*\*\* reload done|SIGHUP: the server is not running)/m);
      start.child.kill('SIGTERM');
      assert.deepEqual(await start.ended, [0, null], start.log);
    });

    test(`a reload that is asked for at the first line of the log comes when it serves, ${place}`, async () => {
      await using start = new Start([CLI, ...args], twin.env);
      await start.logged(/^\*\*\* Starting fastwsgi-ts/m);
      start.child.kill('SIGHUP');
      await start.logged(/^\*\*\* reload done/m);
      start.child.kill('SIGTERM');
      assert.deepEqual(await start.ended, [0, null], start.log);
    });

    test(`a stop at the first line of the log is one like any other, ${place}`, async () => {
      using folder = new Folder();
      await using start = new Start([CLI, ...args, '--pidfile', folder.file('pid'), '--vacuum'], twin.env);
      await start.logged(/^\*\*\* Starting fastwsgi-ts/m);
      start.child.kill('SIGTERM');
      assert.deepEqual(await start.ended, [0, null], start.log);
      assert.match(start.log, /^SIGTERM: goodbye/m);
      assert.equal(existsSync(folder.file('pid')), false);
    });

    test(`a stop right after the start leaves nothing behind, ${place}`, async () => {
      using folder = new Folder();
      const files = ['--pidfile', folder.file('pid'), '--socket', folder.file('app.sock'), '--vacuum'];
      await using start = new Start([CLI, ...args, ...files], twin.env);
      start.child.kill('SIGTERM');
      const [code, signal] = await start.ended;
      assert.ok(code === 0 || signal === 'SIGTERM', `${code} ${signal}`);
      assert.deepEqual([existsSync(folder.file('pid')), existsSync(folder.file('app.sock'))], [false, false]);
    });
  }

  test(`the guard passes a reload on to a server that has hardly begun, ${twin.name}`, async () => {
    using folder = new Folder();
    writeFileSync(folder.file('app.ini'), '[uwsgi]\nenv = VERSION=1\n');
    await using start = new Start([CLI, ...application(twin, 0, ['--master']), '-c', folder.file('app.ini')], twin.env);
    await until('there is a server', () => childrenOf(start.child.pid) !== '');
    start.child.kill('SIGHUP');
    await start.logged(/^\*\*\* reload done/m);
    start.child.kill('SIGTERM');
    assert.deepEqual(await start.ended, [0, null], start.log);
  });
}

test('a command that is no server ends by SIGHUP', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const connected = once(silent, 'connection');
  await using start = new Start([CLI, '--ping', `127.0.0.1:${(silent.address() as AddressInfo).port}`]);
  const [socket] = await connected;
  start.child.kill('SIGHUP');
  assert.deepEqual(await start.ended, [null, 'SIGHUP']);
  socket.destroy();
  silent.close();
});
