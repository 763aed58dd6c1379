// What surrounds a Python application: its paths and its environment, and the processes that it starts itself.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { call, PYTHON_APPS, pythonMissing, startPython } from './python-client.js';
import { type DisposableServer, SOCKET_KINDS, TWINS, type Twin } from './threads-client.js';

const skip = pythonMissing();
/** Where the program is that runs the application. */
const PROGRAM = join(import.meta.dirname, '..', '..', 'python');

function start(twin: Twin, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<DisposableServer> {
  return startPython(twin, ['--module', 'environment:application', ...args], { env });
}

for (const twin of TWINS) {
  describe(`around a Python application, on the ${twin.name} twin`, { skip }, () => {
    test('the directories of pythonpath come before chdir, the last one first, as in uWSGI', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'fastwsgi-path-'));
      try {
        const [one, two] = ['one', 'two'].map((name) => join(directory, name)) as [string, string];
        for (const each of [one, two]) mkdirSync(each);
        await using server = await start(twin, ['--pythonpath', one, '--pythonpath', two]);
        for (const kind of SOCKET_KINDS) {
          const { body } = await call(server, kind, { uri: '/path' });
          assert.deepEqual(JSON.parse(body).slice(0, 3), [two, one, PYTHON_APPS], kind);
        }
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    test('PYTHONSAFEPATH keeps nothing from starting, nor do warnings that are errors', async () => {
      await using server = await start(twin, [], { PYTHONSAFEPATH: '1', PYTHONDEVMODE: '1', PYTHONWARNINGS: 'error' });
      for (const kind of SOCKET_KINDS) {
        const paths: string[] = JSON.parse((await call(server, kind, { uri: '/path' })).body);
        assert.deepEqual([paths[0], paths.includes(PROGRAM)], [PYTHON_APPS, false], kind);
      }
    });

    test('multiprocessing starts processes anew, and ends those that it has forked', async () => {
      await using server = await start(twin);
      for (const kind of SOCKET_KINDS) {
        assert.equal((await call(server, kind, { uri: '/spawn' })).body, '[1, 4, 9]', kind);
        assert.equal((await call(server, kind, { uri: '/terminate' })).body, '-15', kind);
      }
    });

    test('programs that the application starts get no connection of a client', async () => {
      await using server = await start(twin);
      for (const kind of SOCKET_KINDS) {
        assert.equal((await call(server, kind, { uri: '/descriptors' })).body, '0', kind);
      }
    });

    test('socket.setdefaulttimeout() is not about responses', async () => {
      await using server = await start(twin);
      for (const kind of SOCKET_KINDS) {
        assert.equal((await call(server, kind, { uri: '/limit' })).status, 200, kind);
        assert.equal((await call(server, kind, { uri: '/large' })).body.length, 20 << 20, kind);
      }
    });

    test('bytes may be returned as they are, as in uWSGI', async () => {
      await using server = await start(twin);
      for (const kind of SOCKET_KINDS) {
        assert.equal((await call(server, kind, { uri: '/bytes' })).body, 'not in a list', kind);
      }
    });
  });
}
