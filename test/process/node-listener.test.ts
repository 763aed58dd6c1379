// Kind node in a whole server: an application that listens by itself, on both kinds of socket, native and not.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { describe, test } from 'node:test';
import type { RunningServer } from '../helpers/server.js';
import { ask, SOCKET_KINDS, startApp, TWINS, until } from './threads-client.js';

const ARGS = ['--module', 'listener', '--need-app'];

async function seen(server: RunningServer): Promise<readonly string[]> {
  return JSON.parse((await ask(server, 'http', '/seen')).body) as string[];
}

/** Leaves when the first bytes of the answer are there. */
function leave(server: RunningServer, path: string): Promise<void> {
  return new Promise((resolve) => {
    const asked = httpRequest({ ...server.http(), path, agent: false }, (response) => {
      response.on('error', () => {});
      response.once('data', () => asked.destroy());
    });
    asked.on('error', () => {}).on('close', resolve);
    asked.end();
  });
}

for (const twin of TWINS) {
  describe(`an application that listens by itself, ${twin.name}`, () => {
    test('answers on every socket, fails alone, and hears of clients that leave', async () => {
      await using server = await startApp(twin, ARGS);
      for (const kind of SOCKET_KINDS) {
        assert.deepEqual(await ask(server, kind, '/a?b'), { status: 200, body: 'GET /a?b', complete: true });
        assert.equal((await ask(server, kind, '/throw')).status, 500);
        const half = await ask(server, kind, `/half?name=${kind}`);
        assert.deepEqual(half, { status: 200, body: 'half', complete: false });
        const large = await ask(server, kind, '/large');
        assert.deepEqual([large.body.length, large.complete], [20_000_000, true]);
      }
      assert.match(server.log(), /GET \/throw: Error: before the head/);
      assert.match(server.log(), /GET \/half\?name=http: Error: after the head/);
      await leave(server, '/never?name=left');
      await leave(server, '/large?name=slow');
      await until('both are told', async () => {
        const all = await seen(server);
        return all.includes('left cut') && all.includes('left aborted') && all.some((line) => line.startsWith('slow '));
      });
      assert.equal((await ask(server, 'http', '/still')).body, 'GET /still');
      assert.equal(await server.stop(), 0);
    });

    test('reads bodies of every size', async () => {
      await using server = await startApp(twin, ARGS);
      for (const size of [0, 1, 65_535, 65_536, 65_537, 90_000, 5_000_000]) {
        const response = await fetch(`http://127.0.0.1:${server.http().port}/read`, {
          method: 'POST',
          body: Buffer.alloc(size),
        });
        assert.equal(await response.text(), String(size));
      }
    });
  });
}
