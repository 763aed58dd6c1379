// Applications of kind python: PEP 3333, from the environ to close(), on both twins and both kinds of socket.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { call, pythonMissing, startPython } from './python-client.js';
import { type Answer, ask, type DisposableServer, Signs, SOCKET_KINDS, TWINS, until } from './threads-client.js';

const skip = pythonMissing();
const MB = 1 << 20;

for (const twin of TWINS) {
  for (const kind of SOCKET_KINDS) {
    describe(`a Python application by ${kind} on the ${twin.name} twin`, { skip }, () => {
      let server: DisposableServer;
      const get = (uri: string) => call(server, kind, { uri });
      before(async () => {
        server = await startPython(twin, ['--processes', '2', '--set-ph', 'my-own=value']);
      });
      after(() => server.stop());

      test('answers, in the log as any other', async () => {
        const from = server.log().length;
        const { status, headers, body } = await get('/');
        assert.deepEqual([status, headers['content-type'], body], [200, 'text/plain', 'Hello World\n']);
        await server.waitForLog(/GET \/ => generated 12 bytes in \d+ msecs \(HTTP\/1\.1 200\) 1 headers in \d+ bytes/, {
          from,
        });
      });

      test('finds the environ that PEP 3333 asks for', async () => {
        const environ = JSON.parse((await get('/environ?q=%C3%A4')).body);
        assert.deepEqual(
          ['REQUEST_METHOD', 'PATH_INFO', 'QUERY_STRING', 'SERVER_PROTOCOL', 'wsgi.url_scheme'].map(
            (key) => environ[key],
          ),
          ['GET', '/environ', 'q=%C3%A4', 'HTTP/1.1', 'http'],
        );
        const { 'wsgi.multithread': thread, 'wsgi.multiprocess': process, 'wsgi.run_once': once, types } = environ;
        assert.deepEqual([thread, process, once, types], [false, true, false, ['str']]);
      });

      test('reads its variables as latin-1', async () => {
        const path = Buffer.from('/environ/').toString('latin1');
        const uri = kind === 'http' ? '/environ?x=%E4' : '/environ?x=\xe4\xff';
        const environ = JSON.parse((await get(uri)).body);
        assert.equal(environ.PATH_INFO, path.slice(0, -1));
        assert.equal(environ.QUERY_STRING, uri.slice('/environ?'.length));
      });

      for (const length of [0, 1, 65_535, 65_536, 5 * MB]) {
        test(`reads a body of ${length} bytes in each way there is, and echoes it`, async () => {
          const body = randomBytes(length);
          const expected = `${length} ${createHash('sha1').update(body).digest('hex')}`;
          for (const how of ['all', 'sized', 'line', 'lines', 'iteration']) {
            assert.equal(
              (await call(server, kind, { uri: `/body?how=${how}`, method: 'POST', body })).body,
              expected,
              how,
            );
          }
          const echoed = await call(server, kind, { uri: '/echo', method: 'POST', body });
          assert.ok(Buffer.from(echoed.body, 'latin1').equals(body));
        });
      }

      test('streams 30 MB', async () => {
        assert.equal((await get(`/stream?bytes=${30 * MB}`)).body.length, 30 * MB);
      });

      test('sends what write() is given, and then what is returned', async () => {
        assert.equal((await get('/write')).body, 'written and returned');
      });

      test('replaces a head that has not been sent, given exc_info', async () => {
        const { status, headers, body } = await get('/replaced-head');
        assert.deepEqual([status, headers['x-why'], body], [503, 'error', 'an error page']);
      });

      for (const [path, why] of [
        ['/head-twice', 'start_response was called again, without exc_info'],
        ['/no-head', 'The application did not call start_response'],
        ['/raise', "KeyError: 'a failure'"],
        ['/exit-python', 'SystemExit: 3'],
        ['/text', 'expected bytes'],
        ['/header?value=a%0Ab', 'Header X-Test holds a character that cannot be sent'],
        ['/header?value=%E4%BD%A0', 'Header X-Test holds a character that cannot be sent'],
        ['/header?name=a%20b', "Invalid header name 'a b'"],
        ['/header?status=20', "Invalid status '20'"],
        ['/header?status=2000', "Invalid status '2000'"],
        ['/length?length=ten', "Invalid Content-Length 'ten'"],
      ] as const) {
        test(`answers 500 to ${path}, and logs why`, async () => {
          const from = server.log().length;
          assert.equal((await get(path)).status, 500);
          await until(why, () => server.log().slice(from).includes(why));
        });
      }

      test('gives a bare status its reason, and 204, 304 and HEAD no body', async () => {
        assert.deepEqual((await get('/header?status=404')).body, 'sent');
        for (const status of [204, 304]) {
          const { status: sent, body } = await get(`/header?status=${status}`);
          assert.deepEqual([sent, body], [status, '']);
        }
        const { status, body } = await call(server, kind, { uri: '/stream?bytes=1000000', method: 'HEAD' });
        assert.deepEqual([status, body], [200, '']);
        assert.deepEqual((await get('/nothing')).body, '');
      });

      test('sends no more than Content-Length says', async () => {
        assert.equal((await get('/length?length=6')).body, '012345');
        assert.equal((await get('/length?length=10')).body, '0123456789');
        assert.equal((await get('/length?length=0')).body, '');
      });

      test('sends files and what is like one, from where they stand', async () => {
        using signs = new Signs();
        const content = randomBytes(3 * MB);
        writeFileSync(signs.path('file'), content);
        const path = encodeURIComponent(signs.path('file'));
        const whole = await get(`/file?path=${path}`);
        assert.ok(Buffer.from(whole.body, 'latin1').equals(content));
        const part = await get(`/file?path=${path}&from=1000&length=70000`);
        assert.ok(Buffer.from(part.body, 'latin1').equals(content.subarray(1000, 71_000)));
        assert.equal((await get('/memory-file')).body, 'z'.repeat(25_000));
        const head = await call(server, kind, { uri: `/file?path=${path}&length=${3 * MB}`, method: 'HEAD' });
        assert.deepEqual([head.body, head.headers['content-length']], ['', String(3 * MB)]);
      });

      function assertBroken({ status, body, complete }: Answer): void {
        const isPortable = twin.env.FASTWSGI_NATIVE === '0';
        // A front that had sent nothing yet answers 500.
        if (isPortable && status === 500) return;
        assert.equal(status, 200);
        assert.ok('begun '.startsWith(body), body);
        // On a uwsgi socket a reset that comes together with the last bytes is taken for an end: libuv's short cut.
        if (kind === 'http') assert.equal(complete, false);
      }

      test('closes what it was given: at the end, on an error, and when the client leaves', async () => {
        using signs = new Signs();
        const closed = (name: string) => until(name, () => signs.count(name) === 1 && signs.read(name) === 'closed\n');
        assert.equal((await get(`/close?mark=${signs.path('end')}`)).body, 'begun ended');
        await closed('end');
        const cut = await ask(server, kind, `/close?by=raise&mark=${signs.path('raise')}`);
        assertBroken(cut);
        await closed('raise');
        const { promise: begun, resolve } = Promise.withResolvers?.<void>() ?? withResolvers();
        const leaving = new AbortController();
        void leave(kind, `/close?by=forever&mark=${signs.path('leave')}`, resolve, leaving.signal);
        await begun;
        leaving.abort();
        await closed('leave');
      });

      async function leave(how: typeof kind, uri: string, onBegun: () => void, signal: AbortSignal): Promise<void> {
        const { connect } = await import('node:net');
        const { requestBytes } = await import('../helpers/uwsgi-client.js');
        const target = how === 'http' ? server.http() : server.uwsgi();
        const socket = connect(target as { host: string; port: number });
        socket.write(how === 'http' ? `GET ${uri} HTTP/1.1\r\nHost: a\r\n\r\n` : requestBytes({ uri }));
        socket.once('data', onBegun);
        signal.addEventListener('abort', () => socket.destroy());
      }

      test('breaks off a response whose head comes too late', async () => {
        const from = server.log().length;
        assertBroken(await ask(server, kind, '/late-head'));
        await server.waitForLog(/ValueError: much too late/, { from });
      });

      test('logs what goes to wsgi.errors, print() and descriptor 1, and none of it reaches the client', async () => {
        const from = server.log().length;
        assert.equal((await get('/log')).body, 'Hello World\n');
        for (const what of ['wsgi.errors', 'standard output', 'descriptor 1']) {
          await server.waitForLog(new RegExp(`^said to ${what}$`, 'm'), { from });
        }
      });

      test('finds the uwsgi module, and in it what there is', async () => {
        const found = JSON.parse((await get('/uwsgi')).body);
        assert.equal(found.absent, 'fastwsgi-ts has no uwsgi.cache_get');
        assert.deepEqual(
          [found.numproc, found.master, found.mine, found.postfork, found.has_spool, found.rss],
          [2, server.pid, 'value', ['ran'], false, true],
        );
        assert.ok([1, 2].includes(found.worker));
        await server.waitForLog(/^said to uwsgi\.log$/m);
      });
    });
  }

  test(`the contract holds with wsgiref.validate around it (${twin.name})`, { skip }, async () => {
    await using server = await startPython(twin, ['--module', 'contract:validated']);
    for (const kind of SOCKET_KINDS) {
      for (const uri of ['/', '/environ', '/write', '/stream?bytes=300000', '/memory-file', '/nothing']) {
        assert.equal((await call(server, kind, { uri })).status, 200, uri);
      }
      for (const how of ['all', 'sized', 'line', 'lines', 'iteration']) {
        for (const length of [10, 200_000]) {
          // The validator asks for an argument to read(), and warns of nothing else.
          if (how === 'all') continue;
          const body = Buffer.alloc(length, 'line\n');
          const { status, body: text } = await call(server, kind, { uri: `/body?how=${how}`, method: 'POST', body });
          assert.deepEqual([status, text.split(' ')[0]], [200, String(length)], how);
        }
      }
    }
    assert.doesNotMatch(server.log(), /AssertionError|WSGIWarning/);
  });

  test(`a timer of uwsgidecorators runs, and atexit when the server stops (${twin.name})`, { skip }, async () => {
    await using server = await startPython(twin);
    await until('a tick', async () => Number((await call(server, 'http', { uri: '/ticks' })).body) > 0);
    assert.equal(await server.stop(), 0);
    assert.match(server.log(), /^said at the exit$/m);
  });

  test(`a file is loaded by its path, whatever its name (${twin.name})`, { skip }, async () => {
    using folder = new Signs();
    folder.give(
      'my app.wsgi.py',
      "def application(environ, start):\n    start('200 OK', [])\n    return [b'by path']\n",
    );
    await using server = await startPython(twin, ['--wsgi-file', folder.path('my app.wsgi.py')]);
    assert.equal((await call(server, 'http', { uri: '/' })).body, 'by path');
  });

  test(`with threads a request is over when it is, and no deadline follows it (${twin.name})`, { skip }, async () => {
    await using server = await startPython(twin, ['--threads', '4', '--harakiri', '1']);
    for (const kind of SOCKET_KINDS) {
      for (let i = 0; i < 5; i++) {
        const from = server.log().length;
        assert.equal((await call(server, kind, { uri: `/?${kind}` })).status, 200);
        // By itself: no other request comes.
        await server.waitForLog(new RegExp(`GET /\\?${kind} => generated`), { from });
      }
    }
    assert.doesNotMatch(server.log(), /HARAKIRI/);
  });

  test(`threads run at the same time in one process (${twin.name})`, { skip }, async () => {
    await using server = await startPython(twin, ['--threads', '4']);
    const { body } = await call(server, 'http', { uri: '/environ' });
    assert.equal(JSON.parse(body)['wsgi.multithread'], true);
    const answers = await Promise.all(
      [0, 1, 2, 3].map((i) => call(server, SOCKET_KINDS[i % 2] ?? 'http', { uri: '/together?count=4' })),
    );
    assert.deepEqual(
      answers.map((answer) => answer.body),
      ['4', '4', '4', '4'],
    );
    const streams = await Promise.all(
      [0, 1, 2, 3, 4, 5].map((i) => call(server, SOCKET_KINDS[i % 2] ?? 'http', { uri: `/stream?bytes=${5 * MB}` })),
    );
    for (const { body } of streams) assert.equal(body.length, 5 * MB);
  });
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
