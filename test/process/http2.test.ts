// HTTP/2 on https sockets: offered beside HTTP/1.1, what becomes of its fields, its limits, and its end.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { answerOf, ask, startStreams } from './http2-client.js';
import { askTls } from './https-client.js';
import { APPS, TWINS, until } from './threads-client.js';

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;

for (const twin of TWINS) {
  describe(`HTTP/2, ${twin.name}`, () => {
    test('the handshake chooses: HTTP/2 for whoever offers it, HTTP/1.1 for the others', async () => {
      await using streams = await startStreams(twin);
      for (const [offered, agreed] of [
        [['h2', 'http/1.1'], 'h2'],
        [['http/1.1', 'h2'], 'h2'],
        [['http/1.1'], 'http/1.1'],
        [undefined, false],
      ] as const) {
        const protocols = offered === undefined ? {} : { ALPNProtocols: [...offered] };
        const socket = connectTls({ ...streams.server.https(), rejectUnauthorized: false, ...protocols });
        await once(socket, 'secureConnect');
        assert.equal(socket.alpnProtocol, agreed);
        socket.destroy();
      }
      assert.equal((await askTls(streams.server.https())).status, 200);
      assert.equal(await streams.server.stop(), 0);
    });

    test('the application sees HTTP/2.0, the authority as Host, and the length of a body that came without one', async () => {
      await using streams = await startStreams(twin, ['--module', 'echo:application']);
      const session = await streams.open();
      const { body } = await ask(
        session,
        '/x%20y?q=1',
        { ':method': 'POST', ':authority': 'a.example' },
        Buffer.alloc(9),
      );
      const vars = JSON.parse(body) as Record<string, string>;
      assert.equal(vars.SERVER_PROTOCOL, 'HTTP/2.0');
      assert.equal(vars.HTTP_HOST, 'a.example');
      assert.equal(vars.CONTENT_LENGTH, '9');
      assert.equal(vars.PATH_INFO, '/x y');
      assert.equal(vars['wsgi.url_scheme'], 'https');
      assert.deepEqual(
        Object.keys(vars).filter((name) => name.includes(':')),
        [],
      );
      await streams.server.waitForLog(/\(HTTP\/2\.0 200\)/);
      assert.equal(await streams.server.stop(), 0);
    });

    test("what is the connection's of a response is not sent, and the connection goes on", async () => {
      await using streams = await startStreams(twin);
      const session = await streams.open();
      const { status, headers, body } = await ask(session, '/close');
      assert.deepEqual([status, body, headers['x-a']], [200, 'closed', 'b']);
      for (const name of ['connection', 'keep-alive', 'upgrade', 'transfer-encoding'])
        assert.ok(!(name in headers), name);
      const facts = JSON.parse((await ask(session, '/')).body) as { version: string };
      assert.equal(facts.version, '2.0');
    });

    test('two hosts, a tunnel, and a target that is no path are refused; the connection goes on', async () => {
      await using streams = await startStreams(twin);
      const session = await streams.open();
      assert.equal((await ask(session, '/', { ':authority': 'a', host: 'b' })).status, 400);
      assert.equal((await ask(session, '/', { ':authority': 'a', host: 'a' })).status, 200);
      const tunnel = await answerOf(session.request({ ':method': 'CONNECT', ':authority': 'a:1' }));
      assert.notEqual(tunnel.status, 200);
      assert.notEqual((await ask(session, 'http://other.example/')).status, 200);
      assert.equal((await ask(session, '/slow?1')).body, 'slow 1');
    });

    test('a body over limit-post is answered 413, announced or not, and the connection goes on', async () => {
      await using streams = await startStreams(twin, ['--limit-post', '100000']);
      const session = await streams.open();
      const large = Buffer.alloc(300_000);
      const announced = await ask(session, '/', { ':method': 'POST', 'content-length': large.length }, large);
      assert.equal(announced.status, 413);
      for (let i = 0; i < 10; i++) {
        const { status, code } = await ask(session, '/', { ':method': 'POST' }, large);
        assert.deepEqual([status, code], [413, NGHTTP2_NO_ERROR]);
      }
      // What was not read has given its room back.
      const { body } = await ask(session, '/', { ':method': 'POST' }, Buffer.alloc(100_000));
      assert.equal((JSON.parse(body) as { bytes: number }).bytes, 100_000);
    });

    test('headers over buffer-size are answered 431, and so are more than a request may have', async () => {
      await using streams = await startStreams(twin, ['--buffer-size', '8192']);
      const session = await streams.open();
      assert.equal((await ask(session, '/', { 'x-large': 'v'.repeat(9000) })).status, 431);
      const many = Object.fromEntries(Array.from({ length: 1020 }, (_, i) => [`x${i}`, '']));
      assert.equal((await ask(session, '/', many)).status, 431);
      assert.equal((await ask(session, '/')).status, 200);
    });

    test('300 requests at once on one connection are all answered', async () => {
      await using streams = await startStreams(twin);
      const session = await streams.open();
      const asked = Array.from({ length: 300 }, (_, i) => ask(session, `/slow?${i % 7}`));
      for (const [i, { body }] of (await Promise.all(asked)).entries()) assert.equal(body, `slow ${i % 7}`);
      assert.equal(session.remoteSettings.maxConcurrentStreams, 128);
    });

    test('harakiri ends one stream with 504, and no other', async () => {
      await using streams = await startStreams(twin, ['--harakiri', '1']);
      const session = await streams.open();
      const stuck = ask(session, '/stuck');
      assert.equal((await ask(session, '/slow?5')).body, 'slow 5');
      assert.equal((await stuck).status, 504);
      assert.equal((await ask(session, '/slow?5')).body, 'slow 5');
    });

    test('streams that are reset as soon as they are open do not keep others from being served', async () => {
      await using streams = await startStreams(twin, ['--disable-logging']);
      const attacker = await streams.open();
      for (let i = 0; i < 3000 && !attacker.destroyed; i++) {
        const stream = attacker.request({ ':path': '/stuck' });
        stream.on('error', () => {});
        stream.close(NGHTTP2_CANCEL);
        if (i % 100 === 0) await new Promise(setImmediate);
      }
      const session = await streams.open();
      for (let i = 0; i < 70; i++) assert.equal((await ask(session, '/slow?1')).body, 'slow 1');
      assert.equal(await streams.server.stop(), 0);
    });

    test('a client that does not read one response is given up after http-timeout; its other streams go on', async () => {
      await using streams = await startStreams(twin, ['--http-timeout', '1']);
      const session = await streams.open();
      const stream = session.request({ ':path': '/large?5000000' });
      stream.on('error', () => {});
      const closed = new Promise((resolve) => stream.once('close', resolve));
      await once(stream, 'response');
      assert.equal((await ask(session, '/slow?5')).body, 'slow 5');
      await closed;
      assert.notEqual(stream.rstCode, NGHTTP2_NO_ERROR);
      assert.equal((await ask(session, '/slow?5')).body, 'slow 5');
    });

    test('a connection without streams ends after http-keepalive, with a word', async () => {
      await using streams = await startStreams(twin, ['--http-keepalive', '1']);
      const session = await streams.open();
      const farewell = once(session, 'goaway');
      assert.equal((await ask(session, '/slow?1')).body, 'slow 1');
      const [code] = (await farewell) as [number];
      assert.equal(code, NGHTTP2_NO_ERROR);
      await until('the end of the connection', () => session.destroyed);
    });

    test('a stop answers what is under way and on its way, says GOAWAY, and does not wait for idle connections', async () => {
      await using streams = await startStreams(twin);
      const [busy, idle] = [await streams.open(), await streams.open()];
      const farewells = Promise.all([once(busy, 'goaway'), once(idle, 'goaway')]);
      const running = ask(busy, '/slow?600');
      assert.equal((await ask(busy, '/slow?1')).body, 'slow 1');
      const stopped = streams.server.stop();
      await farewells;
      assert.equal((await running).body, 'slow 600');
      assert.equal(await stopped, 0);
    });

    test('a reload renews the certificate; connections that are open go on', async () => {
      await using streams = await startStreams(twin);
      const session = await streams.open();
      streams.folder.put('a', 'second');
      streams.server.kill('SIGHUP');
      await streams.server.waitForLog(/certificate and key are read again/);
      assert.equal((await ask(session, '/slow?1')).body, 'slow 1');
      assert.equal((await askTls(streams.server.https())).name, 'second');
      assert.equal((await ask(await streams.open(), '/slow?1')).body, 'slow 1');
      assert.equal(await streams.server.stop(), 0);
    });

    test('files are served, and rules answer, also where a body comes with the request', async () => {
      await using streams = await startStreams(twin, [
        ...['--static-map', `/files=${APPS}`, '--route', '^/gone break:403 Forbidden'],
      ]);
      const session = await streams.open();
      const file = await ask(session, '/files/streams.js', { range: 'bytes=0-9' });
      assert.deepEqual([file.status, file.body.length], [206, 10]);
      for (let i = 0; i < 3; i++) {
        const { status } = await ask(session, '/gone', { ':method': 'POST' }, Buffer.alloc(1_000_000));
        assert.equal(status, 403);
      }
      assert.equal((await ask(session, '/slow?1')).body, 'slow 1');
    });
  });
}
