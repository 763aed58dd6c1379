// What the start-up log finds odd about a configuration.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { bannerLines, oddities } from '../../dist/config/banner.js';
import { loadLines, makeFolder } from './config-fixture.js';

const folder = makeFolder();
const address = (protocol: string, text: string) => ({ protocol, engine: 'net', address: text });

test('a usual configuration has nothing odd', () => {
  const usual = loadLines(['harakiri = 30', 'max-requests = 5000', 'processes = 2', 'chmod-socket = 660'], folder);
  const addresses = ['127.0.0.1:9000', '[::1]:9000', '/run/app.sock', '@app'].map((text) => address('uwsgi', text));
  assert.deepEqual(oddities(usual, [...addresses, address('http', '0.0.0.0:80')]), []);
});

test('each odd thing has its warning', () => {
  for (const [lines, at, warning] of [
    [[], '0.0.0.0:9000', /^Warning: whoever reaches the uwsgi socket 0\.0\.0\.0:9000 can claim any REMOTE_ADDR/],
    [[], '[::]:9000', /^Warning: whoever reaches the uwsgi socket \[::\]:9000 /],
    [['chmod-socket = 666'], '/run/app.sock', /^Warning: chmod-socket = 666: every user of this machine/],
    [['processes = 1000'], '127.0.0.1:1', /^Warning: 1000 workers on \d+ CPUs wait for each other$/],
    [['harakiri = 61'], '127.0.0.1:1', /^Warning: a request may take 61 s \(harakiri\), but .* waits 60 s/],
    [['chdir = srv', 'home = venv'], '127.0.0.1:1', /^Warning: home = venv: there is no such directory/],
    [['max-requests = 99'], '127.0.0.1:1', /^Warning: each worker is replaced after 99 requests/],
  ] as const) {
    const found = oddities(loadLines(lines, folder), [address('uwsgi', at)]);
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] as string, warning);
  }
});

test('the banner names every application', () => {
  const firstLine = (...lines: readonly string[]) => bannerLines(loadLines(lines, folder), [])[0] as string;
  assert.match(firstLine(), /^serving no application from /);
  assert.match(firstLine('module = shop:main'), /^serving shop:main from /);
  assert.match(firstLine('mount = /a=one.mjs', 'mount = /b=two'), /^serving one\.mjs at \/a, two at \/b from /);
  assert.match(firstLine('module = shop', 'mount = /b=two:app'), /^serving shop, two:app at \/b from /);
});

test('the banner names every place where requests are logged', () => {
  const lastLine = (...lines: readonly string[]) => bannerLines(loadLines(lines, folder), []).at(-1) as string;
  assert.match(lastLine('disable-logging'), /; requests are not logged$/);
  assert.match(lastLine('disable-logging', 'log-5xx'), /; some requests are logged to standard error$/);
  const loggers = ['req-logger = stdio', 'req-logger = syslog', 'req-logger = socket:h:1', 'req-logger = file:a'];
  const places = `requests are logged to standard output, /dev/log, h:1, ${join(folder, 'a')}`;
  assert.equal(
    lastLine(...loggers)
      .split('; ')
      .at(-1),
    places,
  );
});
