// Workers that are replaced because they are old, large, or too many, and processes that die as a whole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, countInLog, Signs, SOCKET_KINDS, startApp, TWINS, until } from './threads-client.js';

const [FIRST] = TWINS;
assert.ok(FIRST !== undefined);

test('a worker that has kept too much memory is replaced, one that has kept far too much is killed', async () => {
  const limits = ['--reload-on-rss', '100', '--evil-reload-on-rss', '400', '--min-worker-lifetime', '0'];
  await using server = await startApp(FIRST, ['--processes', '1', ...limits]);
  const first = (await ask(server, 'http', '/keep?mb=150')).body;
  await server.waitForLog(/^\.\.\.The work of worker 1 is done: it has \d+ MB, more than 100 MB\. Seeya!$/m);
  await until('another thread to answer', async () => (await ask(server, 'uwsgi', '/')).body !== first);
  assert.equal(countInLog(server, /DAMN/), 0);
  await ask(server, 'http', '/keep?mb=500');
  await server.waitForLog(
    /^DAMN ! worker 1 \(pid: \d+\) died, evil reload: it has \d+ MB, more than 400 MB :\( trying respawn/m,
  );
  for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, '/')).status, 200);
  assert.equal(await server.stop(), 0);
});

test('a worker is replaced at the end of its lifetime, and what runs in it is finished', async () => {
  using signs = new Signs();
  const limits = ['--max-worker-lifetime', '1', '--min-worker-lifetime', '0'];
  await using server = await startApp(FIRST, ['--processes', '1', ...limits]);
  const held = SOCKET_KINDS.map((kind) => ask(server, kind, `/hold?until=${signs.path('go')}`));
  await server.waitForLog(/^\.\.\.The work of worker 1 is done: it has reached its lifetime\. Seeya!$/m);
  await server.waitForLog(/^Respawned uWSGI worker 1/m);
  signs.give('go');
  for (const { status } of await Promise.all(held)) assert.equal(status, 200);
  assert.equal(await server.stop(), 0);
});

test('a worker that is replaced is not waited for beyond worker-reload-mercy', async () => {
  using signs = new Signs();
  const limits = ['--max-requests', '2', '--min-worker-lifetime', '0', '--worker-reload-mercy', '1'];
  await using server = await startApp(FIRST, ['--processes', '1', '--threads', '4', ...limits]);
  const held = ask(server, 'http', `/hold?until=${signs.path('never')}`);
  for (const kind of SOCKET_KINDS) await ask(server, kind, '/');
  await server.waitForLog(/^worker 1 is taking too much time to die\.\.\.NO MERCY !!!$/m);
  assert.equal((await held).status, 502);
  for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, '/')).status, 200);
  assert.equal(await server.stop(), 0);
});

test('min-worker-lifetime keeps a young worker, whatever it has served', async () => {
  await using server = await startApp(FIRST, [
    '--processes',
    '1',
    '--max-requests',
    '1',
    '--min-worker-lifetime',
    '60',
  ]);
  for (let i = 0; i < 20; i++) assert.equal((await ask(server, 'http', '/')).status, 200);
  await sleep(500);
  assert.equal(countInLog(server, /Seeya/), 0);
  assert.equal(await server.stop(), 0);
});

test('cheaper: more workers come when all are busy, idle ones go again', async () => {
  using signs = new Signs();
  const args = ['--processes', '4', '--cheaper', '1', '--cheaper-step', '1', '--idle', '1'];
  await using server = await startApp(FIRST, args);
  assert.equal(countInLog(server, /^spawned uWSGI worker/), 1);
  const held = [1, 2, 3].map(() => ask(server, 'http', `/hold?until=${signs.path('go')}`));
  await until('a worker for each request and one more', () => countInLog(server, /^spawned uWSGI worker/) === 4);
  signs.give('go');
  for (const { status } of await Promise.all(held)) assert.equal(status, 200);
  await until('three to go', () => countInLog(server, /^worker \d is not needed now\. Seeya!$/) === 3);
  assert.equal((await ask(server, 'uwsgi', '/')).status, 200);
  assert.equal(countInLog(server, /DAMN/), 0);
  assert.equal(await server.stop(), 0);
});

test('cheaper: one step is over before the next begins, and what does not come up is not tried again at once', async () => {
  using signs = new Signs();
  signs.give('version', '1');
  const args = ['--module', 'versioned:application', '--processes', '4', '--cheaper', '1'];
  const env = { VERSION_FILE: signs.path('version') };
  await using broken = await startApp(FIRST, args, { env });
  await using slow = await startApp(FIRST, args, { env });
  signs.give('version', 'broken');
  const first = ask(broken, 'http', '/?wait');
  await broken.waitForLog(/^more workers do not come up: .*this version does not load/m);
  signs.give('version', 'hang');
  const second = ask(slow, 'http', '/?wait');
  await until('one to load', () => signs.count('version.hangs') === 1);
  await sleep(1000);
  assert.equal(signs.count('version.hangs'), 1);
  assert.equal(countInLog(broken, /^more workers do not come up/), 1);
  signs.give('version.go');
  for (const { body } of await Promise.all([first, second])) assert.equal(body, 'wait 1');
  for (const server of [broken, slow]) assert.equal(await server.stop(), 0);
});

test('broken code does not serve beside code that works', async () => {
  using signs = new Signs();
  signs.give('version', '1');
  const args = ['--module', 'versioned:application', '--processes', '2'];
  await using server = await startApp(FIRST, args, { env: { VERSION_FILE: signs.path('version') } });
  signs.give('version', 'broken');
  await ask(server, 'http', '/?die');
  await server.waitForLog(/^DAMN ! worker \d \(pid: \d+\) died: .*this version does not load/m);
  assert.equal(countInLog(server, /^Respawned/), 0);
  for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, '/?x')).body, 'x 1');
  signs.give('version', '1');
  await server.waitForLog(/^Respawned uWSGI worker/m);
  assert.equal(await server.stop(), 0);
});

test('a stop during a reload ends both', async () => {
  using signs = new Signs();
  signs.give('version', '1');
  const args = ['--module', 'versioned:application', '--processes', '4'];
  for (const delayMs of [0, 20, 60, 150]) {
    await using server = await startApp(FIRST, args, { env: { VERSION_FILE: signs.path('version') } });
    server.kill('SIGHUP');
    await sleep(delayMs);
    server.kill('SIGTERM');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.equal(countInLog(server, /DAMN|RELOAD FAILED/), 0);
  }
});

test('a pause keeps requests waiting until it ends, also over a reload', async () => {
  await using server = await startApp(FIRST, ['--processes', '2']);
  server.kill('SIGTSTP');
  await server.waitForLog(/paused/);
  let answered = 0;
  const waiting = SOCKET_KINDS.map((kind) => ask(server, kind, '/').finally(() => answered++));
  server.kill('SIGHUP');
  await server.waitForLog(/reload done/);
  assert.equal(answered, 0);
  server.kill('SIGTSTP');
  for (const { status } of await Promise.all(waiting)) assert.equal(status, 200);
  assert.equal(await server.stop(), 0);
});

for (const twin of TWINS) {
  test(`a stop ends a pause: what waits in the server is answered (${twin.name})`, async () => {
    await using server = await startApp(twin, ['--processes', '1']);
    server.kill('SIGTSTP');
    await server.waitForLog(/paused/);
    await sleep(200);
    let answered = false;
    const waiting = ask(server, 'http', '/').finally(() => {
      answered = true;
    });
    await sleep(200);
    assert.equal(answered, false);
    server.kill('SIGTERM');
    assert.equal((await waiting).status, 200);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.equal(countInLog(server, /NO MERCY/), 0);
  });
}

test('a server that stops is not paused any more', async () => {
  using signs = new Signs();
  await using server = await startApp(FIRST, ['--processes', '1']);
  const running = ask(server, 'http', `/hold?until=${signs.path('go')}&mark=${signs.path('begun')}`);
  await until('it runs', () => signs.count('begun') === 1);
  const waiting = ask(server, 'http', '/');
  await sleep(200);
  server.kill('SIGTERM');
  await server.waitForLog(/^SIGTERM: goodbye/m);
  server.kill('SIGTSTP');
  await sleep(200);
  signs.give('go');
  for (const { status } of await Promise.all([running, waiting])) assert.equal(status, 200);
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('process.abort is not for threads: it throws, and nothing else happens', async () => {
  await using server = await startApp(FIRST, ['--processes', '1']);
  for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, '/die?by=abort')).status, 500);
  assert.equal(countInLog(server, /DAMN/), 0);
});

test('the guard starts the server again when all of it dies; without the guard it stays dead', async () => {
  await using guarded = await startApp(FIRST, ['--master', '--processes', '2']);
  for (let times = 1; times <= 2; times++) {
    assert.equal((await ask(guarded, 'http', '/die?by=crash')).status, 0);
    await until('its successor', () => countInLog(guarded, /^\*\*\* fastwsgi-ts is running/) === times + 1);
    for (const kind of SOCKET_KINDS) assert.equal((await ask(guarded, kind, '/')).status, 200);
  }
  assert.equal(countInLog(guarded, /^DAMN ! server \(pid: \d+\) died, killed by signal 6 :\( trying respawn/), 2);
  assert.equal(await guarded.stop(), 0);
  await using alone = await startApp(FIRST, ['--processes', '2']);
  assert.equal((await ask(alone, 'uwsgi', '/die?by=crash')).status, 0);
  assert.equal((await alone.exited).signal, 'SIGABRT');
});
