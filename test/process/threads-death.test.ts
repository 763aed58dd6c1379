// A thread that dies takes its own requests with it and nothing else.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { descriptorsBackTo, openDescriptors } from '../helpers/process-status.js';
import { type RunningServer, runCli } from '../helpers/server.js';
import {
  type Answer,
  APPS,
  ask,
  countInLog,
  ENGINES,
  Signs,
  SOCKET_KINDS,
  startApp,
  TWINS,
  until,
} from './threads-client.js';

/** Small, so that running out of it is quick. Of every thread. */
const HEAP = ['--max-old-space-size=64'];

const DEATHS: readonly { readonly by: string; readonly log: RegExp }[] = [
  { by: 'throw', log: /DAMN ! worker \d \(pid: \d+\) died: thrown in a timer :\( trying respawn/ },
  { by: 'reject', log: /DAMN ! worker \d \(pid: \d+\) died: rejected by nobody :\( trying respawn/ },
  { by: 'exit', log: /DAMN ! worker \d \(pid: \d+\) died: worker exited with code: 3 :\( trying respawn/ },
  { by: 'memory', log: /DAMN ! worker \d \(pid: \d+\) died: .*JS heap out of memory :\( trying respawn/ },
];

for (const twin of ENGINES) {
  describe(`on the ${twin.name} twin`, () => {
    let server: RunningServer;
    before(async () => {
      server = await startApp(twin, ['--processes', '3'], { nodeArgs: HEAP });
    });
    after(() => server.stop());

    for (const { by, log } of DEATHS) {
      test(`requests whose threads die by ${by}, two at once, get 502, another worker’s request goes on, and the log says why`, async () => {
        using signs = new Signs();
        const from = server.log().length;
        const other = ask(server, 'http', `/hold?until=${signs.path('go')}`);
        const dying = await Promise.all(SOCKET_KINDS.map((kind) => ask(server, kind, `/die?by=${by}`)));
        for (const { status, complete } of dying) assert.deepEqual([status, complete], [502, true]);
        await server.waitForLog(log, { from });
        await until('two new threads', () => countInLog(server, /^Respawned/, from) === 2);
        signs.give('go');
        assert.equal((await other).status, 200);
        for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, '/')).status, 200);
      });
    }

    test('what an application posts on its thread’s port disturbs nobody', async () => {
      for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, '/post')).body, 'posted');
      for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, '/')).status, 200);
    });

    test('where an uncaught error came from is logged', async () => {
      const from = server.log().length;
      await ask(server, 'http', '/die?by=throw');
      await server.waitForLog(/uncaught: Error: thrown in a timer\n {4}at .*threads\.ts:\d+/, { from });
      await server.waitForLog(/Respawned uWSGI worker/, { from });
    });

    for (const kind of SOCKET_KINDS) {
      test(`a ${kind} response that has begun is cut when its thread dies`, async () => {
        using signs = new Signs();
        const from = server.log().length;
        const answer = await ask(server, kind, `/begin?by=exit&until=${signs.path('die')}`, () => signs.give('die'));
        assert.equal(answer.status, 200);
        assert.ok(!answer.complete, `the client takes ${JSON.stringify(answer)} for complete`);
        await server.waitForLog(/Respawned uWSGI worker/, { from });
      });
    }
  });
}

for (const twin of TWINS) {
  test(`requests that a dying thread had not started are answered by its successor, ${twin.name}`, async () => {
    using signs = new Signs();
    await using server = await startApp(twin, ['--processes', '1']);
    const before = await ask(server, 'http', '/');
    const dying = ask(server, 'http', `/die?by=exit&until=${signs.path('die')}`);
    const waiting: Promise<Answer>[] = [];
    for (let i = 0; i < 40; i++) waiting.push(ask(server, SOCKET_KINDS[i % 2] ?? 'http', '/'));
    signs.give('die');
    assert.equal((await dying).status, 502);
    for (const { status, body } of await Promise.all(waiting)) {
      assert.equal(status, 200);
      assert.match(body, /^\d+$/);
    }
    const after = await ask(server, 'uwsgi', '/');
    assert.notEqual(after.body, before.body);
    assert.equal(await server.stop(), 0);
  });

  test(`fifty deaths leave no descriptor behind, ${twin.name}`, async () => {
    using signs = new Signs();
    const workers = 10;
    await using server = await startApp(twin, ['--processes', String(workers), '--disable-logging']);
    const dieTogether = async (round: string) => {
      const dying: Promise<Answer>[] = [];
      for (let i = 0; i < workers; i++) {
        const by = DEATHS[i % 3]?.by;
        dying.push(ask(server, SOCKET_KINDS[i % 2] ?? 'http', `/die?by=${by}&until=${signs.path(round)}`));
      }
      signs.give(round);
      for (const { status } of await Promise.all(dying)) assert.equal(status, 502);
    };
    const before = openDescriptors(server.pid).length;
    for (let round = 1; round <= 5; round++) {
      await dieTogether(`round-${round}`);
      await until('all are replaced', () => countInLog(server, /^Respawned/) === round * workers);
    }
    await descriptorsBackTo(server.pid, before);
    assert.equal(await server.stop(), 0);
  });

  test(`with need-app a thread that cannot load the application ends the server with status 22, ${twin.name}`, async () => {
    for (const mood of ['throw', 'exit']) {
      using signs = new Signs();
      signs.give('mood', mood);
      const args = ['--chdir', APPS, '--module', 'fragile:application', '--processes', '2', '--need-app'];
      const { code, output } = await runCli({
        args: [...args, '--http', '127.0.0.1:0', '--socket', '127.0.0.1:0', ...twin.args],
        env: { ...twin.env, MOOD: signs.path('mood') },
      });
      assert.equal(code, 22, output);
      assert.match(output, /^\*\*\* no app loaded\. GAME OVER \*\*\*$/m);
      assert.match(output, mood === 'throw' ? /this application does not load/ : /worker exited with code: 4/);
    }
  });

  test(`with need-app a successor that cannot load the application ends the server with status 22, ${twin.name}`, async () => {
    using signs = new Signs();
    signs.give('mood', 'good');
    const args = ['--module', 'fragile:application', '--processes', '1', '--need-app'];
    await using server = await startApp(twin, args, { env: { MOOD: signs.path('mood') } });
    signs.give('mood', 'throw');
    assert.equal((await ask(server, 'http', '/exit')).status, 502);
    assert.equal((await server.exited).code, 22);
    assert.match(server.log(), /^\*\*\* no app loaded\. GAME OVER \*\*\*$/m);
  });

  test(`without need-app an application that does not load is answered 500, and the log says why, ${twin.name}`, async () => {
    await using server = await startApp(twin, ['--module', 'fragile:application', '--processes', '2']);
    for (const kind of SOCKET_KINDS) {
      const answer = await ask(server, kind, '/');
      assert.deepEqual([answer.status, answer.complete], [500, true]);
    }
    assert.match(server.log(), /this application does not load/);
    assert.equal(countInLog(server, /no app loaded/), 2);
    assert.equal(await server.stop(), 0);
  });
}

test('a successor that dies while it loads is tried again with pauses, and serves when it can', async () => {
  using signs = new Signs();
  signs.give('mood', 'good');
  const args = ['--module', 'fragile:application', '--processes', '1'];
  await using server = await startApp(TWINS[0] ?? assert.fail(), args, { env: { MOOD: signs.path('mood') } });
  signs.give('mood', 'exit');
  assert.equal((await ask(server, 'http', '/exit')).status, 502);
  const waiting = SOCKET_KINDS.map((kind) => ask(server, kind, '/'));
  await until('a second pause', () => countInLog(server, /respawning too fast/) >= 2);
  signs.give('mood', 'good');
  for (const { status, body } of await Promise.all(waiting)) assert.deepEqual([status, body], [200, 'loaded']);
  // Five short lives in a row; then there is a pause before each.
  const lives: string[] = server.log().match(/DAMN|too fast/g) ?? [];
  const first = lives.indexOf('too fast');
  assert.ok(first === 6 || first === 7, `a pause after ${first} deaths`);
  assert.deepEqual(lives.slice(first, first + 3), ['too fast', 'DAMN', 'too fast']);
  assert.equal(await server.stop(), 0);
});
