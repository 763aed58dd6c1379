// Python applications that do what none should: close what is not theirs, fork, fail when all was said.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { call, isAlive, pythonMissing, startPython } from './python-client.js';
import { ask, type DisposableServer, Signs, SOCKET_KINDS, TWINS, type Twin, until } from './threads-client.js';

const skip = pythonMissing();

function startHostile(twin: Twin, args: readonly string[] = []): Promise<DisposableServer> {
  return startPython(twin, ['--module', 'hostile:application', ...args]);
}

for (const twin of TWINS) {
  describe(`a Python application that is hostile, on the ${twin.name} twin`, { skip }, () => {
    test('may fork: one of the two answers, and the other serves nobody', async () => {
      using signs = new Signs();
      await using server = await startHostile(twin);
      for (const kind of SOCKET_KINDS) {
        const pid = async () => (await call(server, kind, { uri: '/pid' })).body;
        const own = await pid();
        for (const by of ['return', 'exit', 'stay']) {
          signs.give(by);
          const { status, body } = await call(server, kind, { uri: `/fork?by=${by}&mark=${signs.path(by)}` });
          assert.deepEqual([status, body], [200, own], `${by} ${kind}`);
          await until('it to run', () => signs.read(by).endsWith('\n'));
          const child = Number(signs.read(by));
          if (by !== 'stay') await until('it to end', () => !isAlive(child));
          for (let i = 0; i < 10; i++) assert.equal(await pid(), own, `${by} ${kind}`);
          if (by === 'stay') process.kill(child, 'SIGKILL');
        }
      }
    });

    test('may close what is not its own: it is not answered, why is in the log, a new process comes, whatever its threads do', async () => {
      await using server = await startHostile(twin);
      for (const kind of SOCKET_KINDS) {
        const from = server.log().length;
        // The client's connection was among what it closed, and by then nobody else may answer on it.
        const isDirect = twin.name === 'native' && kind === 'uwsgi';
        assert.equal((await ask(server, kind, '/close-descriptors')).status, isDirect ? 0 : 502, kind);
        await server.waitForLog(/Bad file descriptor/, { from });
        await server.waitForLog(/its Python process \(pid: \d+\) ended with status 1 :\( trying respawn/, { from });
        await server.waitForLog(/^Respawned/m, { from });
        assert.equal((await ask(server, kind, '/pid')).status, 200, kind);
      }
    });

    test('may close its standard streams: it is answered, and so is what fails afterwards', async () => {
      await using server = await startHostile(twin);
      for (const kind of SOCKET_KINDS) {
        assert.equal((await ask(server, kind, '/close-standard-streams')).status, 200, kind);
        assert.equal((await ask(server, kind, '/nothing-of-this-name')).status, 500, kind);
        assert.equal((await ask(server, kind, '/fail-to-close')).body, 'all of it', kind);
        assert.equal((await ask(server, kind, '/pid')).status, 200, kind);
      }
    });

    test('may fail when all was said: the answer is whole, and the log says why', async () => {
      await using server = await startHostile(twin);
      for (const kind of SOCKET_KINDS) {
        for (const uri of ['/fail-to-close', '/fail-to-close?length=1']) {
          const from = server.log().length;
          const { status, body, complete } = await ask(server, kind, uri);
          assert.deepEqual([status, body, complete], [200, 'all of it', true], `${uri} ${kind}`);
          await server.waitForLog(/ValueError: cannot be closed/, { from });
        }
      }
    });

    test('has no interim answers: its client would wait for another one', async () => {
      await using server = await startHostile(twin);
      for (const kind of SOCKET_KINDS) {
        const from = server.log().length;
        assert.equal((await ask(server, kind, '/interim')).status, 500, kind);
        await server.waitForLog(/Invalid status '103 Early Hints': a response has a final one/, { from });
      }
    });
  });
}
