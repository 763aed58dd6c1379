// The worker that waits in reserve, where `cheaper` leaves room for one: it has loaded the application before it is needed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, pythonMissing, startPython } from './python-client.js';
import {
  ask,
  countInLog,
  type DisposableServer,
  Signs,
  SOCKET_KINDS,
  TWINS,
  type Twin,
  until,
} from './threads-client.js';

const skip = pythonMissing();

/** Two workers at first, so that one that is at work does not call for more; the third one is the reserve. */
function start(twin: Twin, signs: Signs, args: readonly string[] = []): Promise<DisposableServer> {
  signs.give('version', '1');
  const counts = ['--processes', '3', '--cheaper', '2'];
  return startPython(twin, ['--module', 'reserve', ...counts, ...args], { env: { SIGNS: signs.path('') } });
}

const inReserve = (server: DisposableServer, workerId: number, from = 0) =>
  server.waitForLog(new RegExp(`^worker ${workerId} has loaded the application and waits in reserve$`, 'm'), { from });

/** Number and process of each start so far. */
const starts = (signs: Signs) =>
  signs
    .read('starts')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ').map(Number) as [number, number]);

/** The number of the worker in whose place the one in reserve has come. */
async function engaged(server: DisposableServer, reserved: number, from = 0): Promise<number> {
  const line = new RegExp(`^DAMN ! worker (\\d) .*\\nworker ${reserved} comes from the reserve$`, 'm');
  return Number((await server.waitForLog(line, { from }))[1]);
}

/**
 * What two requests at the same time get, sorted: they are answered by two workers. Comes last: it may look as if there were
 * work for a third one.
 */
async function bothAnswers(server: DisposableServer, signs: Signs): Promise<string[]> {
  const held = ask(server, 'http', '/hold');
  await until('it to be held', () => signs.count('held') === 1);
  const other = await ask(server, 'uwsgi', '/');
  signs.give('go');
  const answers = [other, await held].map(({ body }) => body);
  for (const name of ['held', 'go']) signs.remove(name);
  return answers.sort();
}

/** The answers of the workers with these numbers, whose postfork hook has seen its own number and no other. */
const said = (workerIds: readonly (number | undefined)[], version: string) =>
  workerIds.map((id) => `worker ${id} forked [${id}] version ${version}`).sort();

/** The process of worker 3, which was started last. */
const reservedPid = (signs: Signs) => starts(signs).findLast(([workerId]) => workerId === 3)?.[1] ?? 0;

/** The workers serve, and nothing is started for a while. */
async function isLeftAlone(server: DisposableServer, signs: Signs): Promise<void> {
  const count = starts(signs).length;
  for (let i = 0; i < 4; i++) {
    const { body } = await ask(server, SOCKET_KINDS[i % 2] ?? 'http', '/');
    assert.match(body, /^worker [12] forked \[[12]\] version 1$/);
  }
  await sleep(1500);
  assert.equal(starts(signs).length, count);
}

for (const twin of TWINS) {
  describe(`a Python worker in reserve on the ${twin.name} twin`, { skip }, () => {
    for (const [uri, status, how] of [
      ['/die', 502, 'ends'],
      ['/sleep', 504, 'is killed'],
    ] as const) {
      test(`takes the place of one that ${how}, while nothing can be loaded`, async () => {
        using signs = new Signs();
        await using server = await start(twin, signs, ['--harakiri', '3']);
        await inReserve(server, 3);
        // From here on a start does not come to its end.
        signs.give('hang');
        assert.equal((await ask(server, 'uwsgi', uri)).status, status);
        const dead = await engaged(server, 3);
        assert.deepEqual(await bothAnswers(server, signs), said([3, 3 - dead], '1'));
      });
    }

    test('that has come to serve is followed by another one', async () => {
      using signs = new Signs();
      await using server = await start(twin, signs);
      let reserved = 3;
      for (let i = 0; i < 3; i++) {
        await inReserve(server, reserved);
        const from = server.log().length;
        assert.equal((await ask(server, 'http', '/die')).status, 502);
        reserved = await engaged(server, reserved, from);
        await inReserve(server, reserved, from);
      }
      assert.equal(starts(signs).length, 6);
      assert.equal(await server.stop(), 0);
    });

    test('serves at once when there has to be one worker more', async () => {
      using signs = new Signs();
      await using server = await start(twin, signs, ['--processes', '2', '--cheaper', '1']);
      await inReserve(server, 2);
      signs.give('hang');
      assert.deepEqual(await bothAnswers(server, signs), said([1, 2], '1'));
      await server.waitForLog(/^worker 2 comes from the reserve$/m);
      assert.equal(starts(signs).length, 2);
    });

    test('is of the new code after a reload', async () => {
      using signs = new Signs();
      await using server = await start(twin, signs);
      await inReserve(server, 3);
      const old = reservedPid(signs);
      signs.give('version', '2');
      const from = server.log().length;
      server.kill('SIGHUP');
      await server.waitForLog(/^\*\*\* reload done/m, { from });
      await inReserve(server, 3, from);
      await until('the old one to end', () => !isAlive(old));
      assert.equal((await ask(server, 'uwsgi', '/die')).status, 502);
      const dead = await engaged(server, 3, from);
      assert.deepEqual(await bothAnswers(server, signs), said([3, 3 - dead], '2'));
    });

    test('that does not load is told of once, and harms nobody', async () => {
      using signs = new Signs();
      await using server = await start(twin, signs);
      await inReserve(server, 3);
      signs.give('version', 'broken');
      const from = server.log().length;
      server.kill('SIGHUP');
      await server.waitForLog(/^\*\*\* RELOAD FAILED/m, { from });
      const failure = /^worker 3 does not come up for the reserve: [\s\S]*this version does not load/m;
      await server.waitForLog(failure, { from });
      await isLeftAlone(server, signs);
    });

    test('that dies harms nobody, and is not started again at once', async () => {
      using signs = new Signs();
      await using server = await start(twin, signs);
      await inReserve(server, 3);
      process.kill(reservedPid(signs), 'SIGKILL');
      await server.waitForLog(/^worker 3, in reserve, died: its Python process \(pid: \d+\) was killed by SIGKILL$/m);
      await isLeftAlone(server, signs);
      assert.equal(countInLog(server, /DAMN/), 0);
    });

    test('ends with the server, however that ends, whether it has loaded or not', async () => {
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        for (const hangs of [false, true]) {
          using signs = new Signs();
          await using server = await start(twin, signs);
          if (hangs) signs.give('hang');
          await until('its start', () => starts(signs).length === 3);
          if (!hangs) await inReserve(server, 3);
          server.kill(signal);
          await server.exited;
          for (const [, pid] of starts(signs)) await until(`${pid} to end after ${signal}`, () => !isAlive(pid));
        }
      }
    });
  });
}
