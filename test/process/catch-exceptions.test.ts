// `catch-exceptions`: a client whose request fails is shown the error, whatever the kind of application; nobody is without it.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { test } from 'node:test';
import type { RunningServer } from '../helpers/server.js';
import { Folder } from './daemon-helpers.js';
import { ask, disposable, SOCKET_KINDS, TWINS } from './threads-client.js';

const LONG = 3_000_000;

/** Each fails before its response has begun, or behind its first piece; the text of the error is in the query. */
const APPLICATIONS = {
  'wsgi.mjs': `
    export function application(environ, start) {
      const fail = () => { throw new TypeError(text(environ.QUERY_STRING), { cause: new Error('deeper down') }); };
      if (environ.PATH_INFO !== '/late') fail();
      start('200 OK', []);
      return (function* () { yield 'begun'; fail(); })();
    }
    const text = (query) => (query === 'long' ? 'x'.repeat(${LONG}) : 'told by ' + decodeURIComponent(query));`,
  'fetch.mjs': `
    export default { async fetch(request) { throw new TypeError('told by ' + new URL(request.url).search.slice(1)); } };`,
  'node.mjs': `
    export default (req, res) => { throw new TypeError('told by ' + req.url.split('?')[1]); };`,
  'python.py': `
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/html'), ('Set-Cookie', 'a=b')])
    raise TypeError('told by ' + environ['QUERY_STRING'])
    yield b''
`,
} as const;

function start(folder: Folder, file: string, args: readonly string[], env: NodeJS.ProcessEnv, ini = '') {
  for (const [name, text] of Object.entries(APPLICATIONS)) writeFileSync(folder.file(name), text);
  writeFileSync(folder.file('app.ini'), `[uwsgi]\n${ini}\n`);
  const sockets = ['--http', '127.0.0.1:0', '--socket', '127.0.0.1:0'];
  return disposable({
    args: ['-c', folder.file('app.ini'), '--wsgi-file', folder.file(file), ...sockets, ...args],
    env,
  });
}

/** Of a HEAD, or a GET: type and body. */
function visit(server: RunningServer, method: string, path: string) {
  return new Promise<{ readonly type: string | undefined; readonly body: string }>((resolve, reject) => {
    const sent = request({ ...server.http(), path, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject).on('end', () => resolve({ type: response.headers['content-type'], body }));
    });
    sent.on('error', reject).end();
  });
}

for (const twin of TWINS) {
  for (const file of Object.keys(APPLICATIONS)) {
    test(`catch-exceptions answers with the error, its stack and the variables of the request, ${file}, ${twin.name}`, async () => {
      using folder = new Folder();
      await using server = await start(folder, file, ['--catch-exceptions', ...twin.args], twin.env);
      await server.waitForLog(/^Option "catch-exceptions" on the command line shows code and variables/m);
      for (const kind of SOCKET_KINDS) {
        const { status, body } = await ask(server, kind, `/some/where?${kind}`);
        assert.equal(status, 500);
        assert.match(body, new RegExp(`^fastwsgi-ts exceptions catcher for "GET /some/where\\?${kind}"\n`));
        assert.match(body, new RegExp(`TypeError: told by ${kind}\n`));
        assert.ok(body.includes(folder.file(file)), body);
        assert.match(body, new RegExp(`^REQUEST_URI = /some/where\\?${kind}$`, 'm'));
        await server.waitForLog(new RegExp(`TypeError: told by ${kind}`));
      }
      assert.equal((await visit(server, 'GET', '/?a')).type, 'text/plain; charset=utf-8');
      assert.deepEqual((await visit(server, 'HEAD', '/?a')).body, '');
      assert.equal(await server.stop(), 0);
    });

    test(`without catch-exceptions nobody is told what went wrong, ${file}, ${twin.name}`, async () => {
      using folder = new Folder();
      await using server = await start(folder, file, twin.args, twin.env);
      for (const kind of SOCKET_KINDS) {
        const { status, body } = await ask(server, kind, '/?secret');
        assert.deepEqual([status, body], [500, 'Internal Server Error\n']);
      }
      assert.equal(await server.stop(), 0);
    });
  }

  test(`an error that is longer than a socket takes is told whole, one behind the head cuts the response, ${twin.name}`, async () => {
    using folder = new Folder();
    await using server = await start(folder, 'wsgi.mjs', ['--catch-exceptions', ...twin.args], twin.env);
    for (const kind of SOCKET_KINDS) {
      const { status, body, complete } = await ask(server, kind, '/?long');
      assert.deepEqual([status, complete], [500, true]);
      assert.ok(body.includes('x'.repeat(LONG)), `${body.length} characters`);
      assert.match(body.slice(-2000), /caused by: Error: deeper down\n.*^REQUEST_METHOD = GET$/ms);
      assert.doesNotMatch((await ask(server, kind, '/late?x')).body, /told by/);
    }
    // On a uwsgi socket the end of the connection is the end of any response.
    const late = await ask(server, 'http', '/late?x');
    assert.ok(late.status !== 200 || !late.complete, `status ${late.status}, whole`);
    assert.equal(await server.stop(), 0);
  });

  test(`what clients have sent steers no terminal that shows the answer, ${twin.name}`, async () => {
    using folder = new Folder();
    await using server = await start(folder, 'wsgi.mjs', ['--catch-exceptions', ...twin.args], twin.env);
    const { body } = await visit(server, 'GET', '/%1b%0aX?%1b[2J%c3%a9');
    assert.match(body, /TypeError: told by \\x1b\[2Jé\n/);
    assert.match(body, /^PATH_INFO = \/\\x1b\\x0aX$/m);
    assert.equal(await server.stop(), 0);
  });

  test(`a reload takes catch-exceptions over, and warns of it, ${twin.name}`, async () => {
    using folder = new Folder();
    await using server = await start(folder, 'wsgi.mjs', twin.args, twin.env);
    assert.equal((await ask(server, 'http', '/?x')).body, 'Internal Server Error\n');
    writeFileSync(folder.file('app.ini'), '[uwsgi]\ncatch-exceptions = true\n');
    server.kill('SIGHUP');
    await server.waitForLog(/^\*\*\* reload done/m);
    assert.match(server.log(), /^Option "catch-exceptions" at \S+app\.ini:2:20 shows code and variables/m);
    assert.match((await ask(server, 'http', '/?x')).body, /TypeError: told by x/);
    assert.equal(await server.stop(), 0);
  });
}
