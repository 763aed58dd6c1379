// Reloads and recycling under load: no request is lost, none is answered by code that is older than the last reload.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ask, ConstantLoad, keepAliveAsk } from '../helpers/constant-load.js';
import type { RunningServer } from '../helpers/server.js';
import { APPS, ask, countInLog, disposable, Signs, startApp, TWINS, until } from './threads-client.js';

const CLIENTS = 6;

function uwsgiAsk(server: RunningServer): Ask {
  return async (query) => {
    const { status, body, complete } = await ask(server, 'uwsgi', `/?${query}`);
    if (status !== 200 || !complete) throw new Error(`${status} ${body}`);
    return body;
  };
}

for (const twin of TWINS) {
  test(`20 reloads and 50 recycles under load lose no request (${twin.name})`, async () => {
    using signs = new Signs();
    signs.give('version', '1');
    const recycling = ['--max-requests', '50', '--max-requests-delta', '20', '--min-worker-lifetime', '0'];
    const args = ['--module', 'versioned:application', '--processes', '2', '--threads', '4', ...recycling];
    await using server = await startApp(twin, [...args, '--disable-logging'], {
      env: { VERSION_FILE: signs.path('version') },
    });
    const asks = Array.from({ length: CLIENTS }, (_, i) =>
      i % 2 === 0 ? keepAliveAsk(server.http()) : uwsgiAsk(server),
    );
    const load = new ConstantLoad(asks);
    for (let version = 2; version <= 21; version++) {
      signs.give('version', String(version));
      server.kill('SIGHUP');
      await until(`reload ${version - 1}`, () => countInLog(server, /^\*\*\* reload done/) === version - 1);
      load.oldest = version;
    }
    await until(
      '50 recycles',
      () => countInLog(server, /^\.\.\.The work of worker \d is done: it has served/) >= 50,
      60_000,
    );
    await load.stop();
    assert.ok(load.answers > 50 * 50);
    assert.equal(countInLog(server, /NO MERCY|DAMN/), 0);
    assert.equal(await server.stop(), 0);
  });

  const causes = [
    {
      name: 'its predecessor has served enough',
      args: ['--max-requests', '3', '--min-worker-lifetime', '0'],
      last: 'x',
    },
    { name: 'its predecessor has died', args: [], last: 'die' },
  ];
  for (const { name, args, last } of causes) {
    test(`a thread that loads the old code because ${name} does not serve after a reload (${twin.name})`, async () => {
      using signs = new Signs();
      signs.give('version', '1');
      await using server = await startApp(twin, ['--module', 'versioned:application', '--processes', '1', ...args], {
        env: { VERSION_FILE: signs.path('version') },
      });
      signs.give('version', '1 slow');
      for (const query of ['x', 'x', last]) await ask(server, 'http', `/?${query}`);
      await until('the old code to load', () => existsSync(signs.path('version.loading')));
      signs.give('version', '2');
      server.kill('SIGHUP');
      await server.waitForLog(/^\*\*\* reload done/m);
      assert.equal((await ask(server, 'http', '/?x')).body, 'x 2');
      signs.give('version.go');
      await sleep(300);
      assert.equal((await ask(server, 'http', '/?x')).body, 'x 2');
      assert.equal(await server.stop(), 0);
    });
  }

  test(`a new thread that dies while the others still load makes the reload fail (${twin.name})`, async () => {
    using signs = new Signs();
    signs.give('version', '1');
    const args = ['--module', 'versioned:application', '--processes', '2'];
    await using server = await startApp(twin, args, { env: { VERSION_FILE: signs.path('version') } });
    signs.give('version', '2 brittle');
    server.kill('SIGHUP');
    await until('the first to die', () => existsSync(signs.path('version.died')));
    await sleep(500);
    signs.give('version.go');
    await server.waitForLog(/^it died when it had loaded: .*\n\*\*\* RELOAD FAILED: the old workers stay \*\*\*$/m);
    for (const kind of ['http', 'uwsgi'] as const) {
      for (let i = 0; i < 4; i++) assert.equal((await ask(server, kind, '/?x')).body, 'x 1');
    }
    assert.equal(await server.stop(), 0);
  });

  test(`old code that never ends loading is given up when a reload is done, and its worker is recycled as ever (${twin.name})`, async () => {
    using signs = new Signs();
    signs.give('version', '1 slow');
    signs.give('version.go');
    const limits = ['--max-requests', '3', '--min-worker-lifetime', '0'];
    await using server = await startApp(twin, ['--module', 'versioned:application', '--processes', '1', ...limits], {
      env: { VERSION_FILE: signs.path('version') },
    });
    const recycled = () => countInLog(server, /^\.\.\.The work of worker 1 is done/);
    signs.give('version', '1 hang');
    for (let i = 0; i < 3; i++) await ask(server, 'http', '/?x');
    await until('a successor that hangs', () => signs.count('version.hangs') === 1);
    signs.give('version', '2');
    server.kill('SIGHUP');
    await server.waitForLog(/^\*\*\* reload done/m);
    await until('the next recycling', async () => (await ask(server, 'http', '/?x')).body === 'x 2' && recycled() >= 2);
    assert.equal(countInLog(server, /does not come up|DAMN/), 0);
    assert.equal(await server.stop(), 0);
  });

  test(`when the new code does not load, the old workers stay, and the next reload is a new chance (${twin.name})`, async () => {
    using signs = new Signs();
    signs.give('version', '1');
    const args = ['--module', 'versioned:application', '--processes', '2'];
    await using server = await startApp(twin, args, { env: { VERSION_FILE: signs.path('version') } });
    signs.give('version', 'broken');
    server.kill('SIGHUP');
    await server.waitForLog(/this version does not load/);
    await server.waitForLog(/^\*\*\* RELOAD FAILED: the old workers stay \*\*\*$/m);
    for (const kind of ['http', 'uwsgi'] as const) assert.equal((await ask(server, kind, '/?x')).body, 'x 1');
    signs.give('version', '2');
    server.kill('SIGHUP');
    server.kill('SIGHUP');
    await until('both reloads', () => countInLog(server, /^\*\*\* reload done/) >= 1);
    for (const kind of ['http', 'uwsgi'] as const) assert.equal((await ask(server, kind, '/?x')).body, 'x 2');
    assert.equal(await server.stop(), 0);
  });
}

test('a reload whose code hangs while it loads is superseded by the next one', async () => {
  using signs = new Signs();
  signs.give('version', '1');
  const args = ['--module', 'versioned:application', '--processes', '2'];
  await using server = await startApp(TWINS[0] ?? assert.fail(), args, {
    env: { VERSION_FILE: signs.path('version') },
  });
  signs.give('version', '2 hang');
  server.kill('SIGHUP');
  await until('both threads to hang', () => signs.count('version.hangs') === 2);
  signs.give('version', '3');
  server.kill('SIGHUP');
  await server.waitForLog(/^\*\*\* reload done/m, { waitMs: 20_000 });
  assert.match(server.log(), /^superseded by the next reload: .*\n\*\*\* RELOAD FAILED/m);
  for (const kind of ['http', 'uwsgi'] as const) assert.equal((await ask(server, kind, '/?x')).body, 'x 3');
  assert.equal(countInLog(server, /DAMN/), 0);
  assert.equal(await server.stop(), 0);
});

test('a socket that a failed reload has opened serves, and is the next one’s', async () => {
  using signs = new Signs();
  signs.give('version', '1');
  const ini = (lines: string) => `[uwsgi]
chdir = ${APPS}
module = versioned:application
env = VERSION_FILE=${signs.path('version')}
http = 127.0.0.1:0
${lines}
`;
  signs.give('app.ini', ini(''));
  await using server = await disposable({ args: ['-c', signs.path('app.ini')] });
  signs.give('app.ini', ini(`socket = ${signs.path('new.sock')}`));
  signs.give('version', 'broken');
  server.kill('SIGHUP');
  await server.waitForLog(/^\*\*\* RELOAD FAILED/m);
  assert.equal((await ask(server, 'uwsgi', '/?x')).body, 'x 1');
  signs.give('version', '2');
  server.kill('SIGHUP');
  await server.waitForLog(/^\*\*\* reload done/m);
  for (const kind of ['http', 'uwsgi'] as const) assert.equal((await ask(server, kind, '/?x')).body, 'x 2');
  assert.equal(await server.stop(), 0);
});

test('a reload reads the configuration again: what may change does, new sockets are opened, the rest waits and is named', async () => {
  using signs = new Signs();
  signs.give('version', '1');
  const ini = (lines: string) => `[uwsgi]
chdir = ${APPS}
module = versioned:application
env = VERSION_FILE=${signs.path('version')}
http = 127.0.0.1:0
${lines}
`;
  signs.give('app.ini', ini('processes = 2'));
  await using server = await disposable({ args: ['-c', signs.path('app.ini')] });
  const unix = signs.path('new.sock');
  signs.give('version', '2');
  signs.give('other', '7');
  const added = `socket = ${unix}\nenv = VERSION_FILE=${signs.path('other')}\ndisable-logging = true`;
  signs.give('app.ini', ini(`processes = 3\n${added}`));
  server.kill('SIGHUP');
  await server.waitForLog(/^changed, but only with the next start: processes$/m);
  await server.waitForLog(/^\*\*\* reload done/m);
  assert.equal((await ask(server, 'http', '/?x')).body, 'x 7');
  assert.equal((await ask(server, 'uwsgi', '/?x')).body, 'x 7');
  assert.equal(countInLog(server, /^\[pid: /), 0);

  const from = server.log().length;
  signs.give('app.ini', ini(`processes = 2\n${added}\nsocket = /nowhere/at/all.sock`));
  server.kill('SIGHUP');
  await server.waitForLog(/^\*\*\* RELOAD FAILED/m, { from });
  signs.give('app.ini', ini('processes = many'));
  server.kill('SIGHUP');
  await until('both to fail', () => countInLog(server, /^\*\*\* RELOAD FAILED/, from) === 2);
  assert.match(server.log().slice(from), /app\.ini:6/);
  assert.equal((await ask(server, 'uwsgi', '/?x')).body, 'x 7');
  assert.equal(await server.stop(), 0);
  assert.equal(existsSync(unix), false);
});
