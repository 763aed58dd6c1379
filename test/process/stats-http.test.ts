// The stats over HTTP: JSON for programs, the page for browsers, and nothing for pages of other sites.
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { boundTo, type HttpAnswer, httpAsk, readRaw } from '../helpers/stats-client.js';
import { type DisposableServer, Signs, startApp, TWINS } from './threads-client.js';

function start(...args: readonly string[]): Promise<DisposableServer> {
  return startApp(TWINS[0] as (typeof TWINS)[number], ['--stats', '127.0.0.1:0', '--stats-http', ...args]);
}

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

test('whoever does not ask for HTML gets the JSON, on every path', async () => {
  await using server = await start();
  const target = boundTo(server, 'stats');
  for (const [path, headers] of [
    ['/', {}],
    ['/', { accept: 'application/json' }],
    ['/stats/', HTML],
    ['/index.html', HTML],
    ['/../../../etc/passwd', HTML],
    ['/page.js.map', {}],
  ] as const) {
    const { status, headers: answered, body } = await httpAsk(target, path, headers);
    assert.equal(status, 200);
    assert.equal(answered['content-type'], 'application/json');
    assert.equal(answered['cache-control'], 'no-store');
    assert.equal(answered['access-control-allow-origin'], undefined);
    assert.equal((JSON.parse(body) as { pid: number }).pid, server.pid);
  }
});

test('a browser gets the page, which may load nothing from elsewhere', async () => {
  await using server = await start();
  const target = boundTo(server, 'stats');
  const page = await httpAsk(target, '/?x=1', HTML);
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  assert.match(
    String(page.headers['content-security-policy']),
    /^default-src 'none'; script-src 'self'; style-src 'self'/,
  );
  assert.equal(page.headers['x-frame-options'], 'DENY');
  assert.doesNotMatch(page.body, /https?:|style=|onload|<script>/);
  const parts = [...page.body.matchAll(/(?:href|src)="(?!data:)([^"]+)"/g)].map(([, path = '']) => `/${path}`);
  assert.deepEqual(parts.sort(), ['/page.js', '/style.css']);
  for (const path of [...parts, '/chart.js', '/rates.js']) {
    const { status, headers, body } = await httpAsk(target, path);
    assert.equal(status, 200);
    assert.match(headers['content-type'] ?? '', path.endsWith('.css') ? /^text\/css/ : /^text\/javascript/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.doesNotMatch(body, /https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
  }
});

test('a name that anybody’s DNS may give this address is not answered', async () => {
  await using server = await start();
  const target = boundTo(server, 'stats');
  const ask = async (host: string): Promise<HttpAnswer> => httpAsk(target, '/', { host });
  for (const host of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost.evil.example', 'a b']) {
    const { status, body } = await ask(host);
    assert.notEqual(status, 200, host);
    assert.doesNotMatch(body, /workers/);
  }
  for (const host of [
    '127.0.0.1',
    `127.0.0.1:${target.port}`,
    'localhost:9',
    'LOCALHOST',
    '[::1]:80',
    '10.0.0.1',
    hostname(),
  ]) {
    assert.equal((await ask(host)).status, 200, host);
  }
});

test('it is read-only', async () => {
  await using server = await start();
  const target = boundTo(server, 'stats');
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const { status, headers } = await httpAsk(target, '/', {}, method);
    assert.deepEqual([status, headers.allow], [405, 'GET, HEAD']);
  }
  assert.deepEqual(await httpAsk(target, '/', {}, 'HEAD').then(({ status, body }) => [status, body]), [200, '']);
});

test('a port alone is on the loopback, and the log says so', async () => {
  using signs = new Signs();
  const twin = TWINS[0] as (typeof TWINS)[number];
  await using server = await startApp(twin, ['--stats', ':0', '--metrics', signs.path('metrics.sock')]);
  assert.match(server.log(), /^Option "stats" on the command line is bound to 127\.0\.0\.1 only: write 0\.0\.0\.0:0/m);
  assert.equal(boundTo(server, 'stats').host, '127.0.0.1');
  assert.match(await readRaw(boundTo(server, 'stats')), /"workers"/);
});

test('the guard holds the stats address as every other: a new server has it again', async () => {
  const twin = TWINS[0] as (typeof TWINS)[number];
  await using server = await startApp(twin, ['--stats', '127.0.0.1:0', '--stats-http', '--master']);
  const target = boundTo(server, 'stats');
  const pid = async () => (JSON.parse((await httpAsk(target, '/')).body) as { pid: number }).pid;
  const first = await pid();
  assert.notEqual(first, server.pid);
  process.kill(first, 'SIGKILL');
  await server.waitForLog(/fastwsgi-ts is running[\s\S]*fastwsgi-ts is running/);
  assert.notEqual(await pid(), first);
  assert.equal(await server.stop(), 0);
});
