// What a Python application sets for its line in the log: on both twins and both kinds of socket.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { call, pythonMissing, startPython } from './python-client.js';
import { ask, type DisposableServer, Signs, SOCKET_KINDS, TWINS, type Twin, until } from './threads-client.js';

const skip = pythonMissing();
const FORMAT = '%(var.QUERY_STRING) %(status) mine=%(mine) late=%(late) closed=%(closed) held=%(held)';

function start(twin: Twin, signs: Signs, args: readonly string[] = []): Promise<DisposableServer> {
  const format = ['--log-format', FORMAT, '--app-kind', 'python'];
  return startPython(twin, ['--req-logger', `file:${signs.path('requests')}`, ...format, ...args]);
}

/** The lines of so many requests, sorted. */
async function lines(signs: Signs, count: number): Promise<string[]> {
  const read = () => readFileSync(signs.path('requests'), 'utf8').split('\n').slice(0, -1);
  await until(`${count} lines`, () => read().length >= count);
  return read().sort();
}

for (const twin of TWINS) {
  test(`what uwsgi.set_logvar() sets is in the request's line, and in no other (${twin.name})`, { skip }, async () => {
    using signs = new Signs();
    await using server = await start(twin, signs);
    const expected: string[] = [];
    for (const kind of SOCKET_KINDS) {
      // Where Python answers the client itself, the request is over when close() has returned.
      const closed = kind === 'uwsgi' && twin.name === 'native' ? 'ÿ\\x0a' : '-';
      for (const [query, status, mine, late] of [
        ['set=%0a%22forged%22%c3%a9', 200, '\\x0a"forged"é', '-'],
        ['', 200, '-', '-'],
        ['late=l', 200, '-', 'l'],
        ['set=s&raise=1', 500, 's', '-'],
        ['set=again', 200, 'again', '-'],
      ] as const) {
        assert.equal((await call(server, kind, { uri: `/log-variables?${query}` })).status, status);
        const end = status === 500 ? '-' : closed;
        expected.push(`${query || '-'} ${status} mine=${mine} late=${late} closed=${end} held=-`);
      }
    }
    assert.deepEqual(await lines(signs, expected.length), expected.sort());
  });

  test(`the variables of a request are bounded, and there are none without a request (${twin.name})`, {
    skip,
  }, async () => {
    using signs = new Signs();
    await using server = await start(twin, signs);
    for (const kind of SOCKET_KINDS) {
      assert.deepEqual(JSON.parse((await call(server, kind, { uri: '/log-variables-bounds?' })).body), [
        'The name of a log variable has 1 to 255 bytes, not 0',
        'The name of a log variable has 1 to 255 bytes, not 256',
        'A log variable is str or bytes, not int',
        'A log variable is str or bytes, not NoneType',
        'A request has 64 log variables at most',
        'There is no request in this thread',
      ]);
    }
    const line = `- 200 mine=${'x'.repeat(254)} late=${'y'.repeat(255)} closed=- held=-`;
    assert.deepEqual(await lines(signs, 2), [line, line]);
  });

  test(`requests that run at the same time have their own (${twin.name})`, { skip }, async () => {
    using signs = new Signs();
    await using server = await start(twin, signs, ['--threads', '4']);
    const names = Array.from({ length: 24 }, (_, i) => `n${i}`);
    const kindOf = (i: number) => SOCKET_KINDS[i % 2] ?? 'http';
    const uri = (name: string) => `/log-variables?set=${name}&hold=${name}`;
    const answers = await Promise.all(names.map((name, i) => ask(server, kindOf(i), uri(name))));
    for (const { status } of answers) assert.equal(status, 200);
    const found = (await lines(signs, names.length)).map((line) => line.replace(/closed=\S+/, ''));
    assert.deepEqual(
      found,
      names.map((name) => `set=${name}&hold=${name} 200 mine=${name} late=-  held=${name}`).sort(),
    );
  });
}
