// What the log says when a function of two parameters was taken for the other kind of application.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, countInLog, startApp, TWINS, until } from './threads-client.js';

const IS_NODE = /^The application looks like \(req, res\), .* set app-kind = node$/;
const IS_WSGI = /^The application looks like \(environ, startResponse\), .* set app-kind = wsgi$/;

for (const twin of TWINS) {
  for (const [name, hint, kind] of [
    ['listener', IS_NODE, 'node'],
    ['laterListener', IS_NODE, 'node'],
    ['misnamed', IS_WSGI, 'wsgi'],
  ] as const) {
    test(`${name}, called as the wrong kind, brings its error and one hint, and the hint is right, ${twin.name}`, async () => {
      const module = ['--module', `guessed:${name}`, '--processes', '1'];
      await using server = await startApp(twin, module);
      for (let i = 0; i < 3; i++) assert.equal((await ask(server, 'http', '/x')).status, 500);
      await until('all of the log', () => countInLog(server, /TypeError: .* is not a function$/) === 3);
      assert.equal(countInLog(server, hint), 1);
      await using named = await startApp(twin, [...module, '--app-kind', kind]);
      assert.deepEqual((await ask(named, 'http', '/x')).status, 200);
    });
  }

  test(`an application that fails by itself brings no hint, ${twin.name}`, async () => {
    await using server = await startApp(twin, ['--module', 'guessed:broken', '--processes', '1']);
    assert.equal((await ask(server, 'http', '/x')).status, 500);
    await server.waitForLog(/TypeError: environ\.get is not a function/);
    assert.equal(countInLog(server, /The application looks like/), 0);
  });
}
