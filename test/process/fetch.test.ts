// Applications of kind fetch in a whole server: leaving clients, deadlines, errors, and work that outlives its response.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { requestBytes, UwsgiClient } from '../helpers/uwsgi-client.js';
import {
  ask,
  type DisposableServer,
  Signs,
  SOCKET_KINDS,
  type SocketKind,
  startApp,
  TWINS,
  until,
} from './threads-client.js';

/** Asks, and leaves when `left` is called. */
function visit(server: DisposableServer, kind: SocketKind, path: string): () => void {
  if (kind === 'uwsgi') {
    const client = new UwsgiClient(server.uwsgi());
    void client.send(requestBytes({ uri: path }));
    client.outcome.catch(() => {});
    return () => client.socket.destroy();
  }
  const socket = connect(server.http());
  socket.on('error', () => {}).resume();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
  return () => socket.destroy();
}

for (const twin of TWINS) {
  describe(`kind fetch, ${twin.name}`, () => {
    const start = (signs: Signs, args: readonly string[] = []) =>
      startApp(twin, ['--module', 'fetch', ...args], { env: { SIGNS: signs.path('') } });

    test('a stream is cancelled, and the signal fires, when the client leaves', async () => {
      using signs = new Signs();
      await using server = await start(signs);
      for (const kind of SOCKET_KINDS) {
        const leaveStream = visit(server, kind, `/endless/s-${kind}`);
        const leaveHandler = visit(server, kind, `/abort/a-${kind}`);
        await until('both run', () => signs.count(`s-${kind}-pulled`) + signs.count(`a-${kind}-begun`) === 2);
        leaveStream();
        leaveHandler();
        await until('the stream is cancelled', () => signs.count(`s-${kind}-cancelled`) === 1);
        await until('the signal has fired', () => signs.count(`a-${kind}-aborted`) === 1);
      }
      assert.equal(await server.stop(), 0);
      assert.doesNotMatch(server.log(), /Error/);
    });

    test('the signal fires on harakiri, and the client gets 504', async () => {
      using signs = new Signs();
      await using server = await start(signs, ['--harakiri', '1']);
      for (const kind of SOCKET_KINDS) {
        const answer = await ask(server, kind, `/abort/h-${kind}`);
        assert.equal(answer.status, 504);
        await until('the signal has fired', () => signs.count(`h-${kind}-aborted`) === 1);
      }
      assert.equal((await ask(server, 'http', '/')).body, 'nothing');
    });

    test('an error is in the log, and the client learns nothing of it', async () => {
      using signs = new Signs();
      await using server = await start(signs);
      for (const kind of SOCKET_KINDS) {
        const from = server.log().length;
        const thrown = await ask(server, kind, '/throw');
        assert.deepEqual([thrown.status, thrown.body], [500, 'Internal Server Error\n']);
        const broken = await ask(server, kind, `/break/${kind}`, () => signs.give(kind));
        assert.deepEqual([broken.status, broken.complete], [200, false]);
        assert.doesNotMatch(broken.body, /secret/);
        await server.waitForLog(/GET \/throw: Error: the secret of the application\n +at .*fetch\.ts:\d+/, { from });
        await server.waitForLog(/GET \/break\/\w+: Error: the secret of the stream/, { from });
      }
    });

    test('a stop waits for what waitUntil was given', async () => {
      using signs = new Signs();
      await using server = await start(signs);
      for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, `/keep/${kind}`)).body, 'answered');
      assert.equal(await server.stop(), 0);
      assert.deepEqual([signs.count('http-kept'), signs.count('uwsgi-kept')], [1, 1]);
    });

    test('a stop waits for it no longer than reload-mercy', async () => {
      using signs = new Signs();
      await using server = await start(signs, ['--reload-mercy', '1']);
      assert.equal((await ask(server, 'http', '/keep-forever/x')).body, 'answered');
      assert.equal(await server.stop(), 0);
      assert.match(server.log(), /NO MERCY/);
    });

    test('a reload waits for it, and the new worker serves meanwhile', async () => {
      using signs = new Signs();
      await using server = await start(signs);
      await ask(server, 'http', '/keep/reloaded');
      server.kill('SIGHUP');
      await server.waitForLog(/chain|reload/i);
      assert.equal((await ask(server, 'http', '/')).body, 'nothing');
      await until('it is done', () => signs.count('reloaded-kept') === 1);
      assert.equal(await server.stop(), 0);
    });
  });
}
