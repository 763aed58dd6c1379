// Request lines in a running server: formats, JSON, conditions, loggers and routes; destinations that do not take anything.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync, renameSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { request } from '../helpers/uwsgi-client.js';
import { Folder } from './daemon-helpers.js';
import { ask, countInLog, type DisposableServer, SOCKET_KINDS, startApp, TWINS, until } from './threads-client.js';

/** Each some 25 KB in the log: more of them than a log keeps for a destination that does not take them. */
const LONG_REQUESTS = 240;
const longUri = (number: number) => `/?${number}.${'x'.repeat(25_000)}`;

async function askLong(server: DisposableServer): Promise<void> {
  for (let i = 0; i < LONG_REQUESTS; i++) {
    const { status } = await request(server.uwsgi(), { uri: longUri(i) });
    assert.equal(status, 200);
  }
}

function linesOf(folder: Folder, name: string): string[] {
  return folder.read(name).split('\n').slice(0, -1);
}

/** How many lines the server says it has lost. */
async function lostBy(server: DisposableServer): Promise<number> {
  const from = server.log().length;
  server.kill('SIGUSR1');
  const [, lost] = await server.waitForLog(/^log: (\d+) lines lost$/m, { from });
  return Number(lost);
}

for (const twin of TWINS) {
  test(`request lines have a format and a file of their own, ${twin.name}`, async () => {
    using folder = new Folder();
    const format = '%(addr) "%(method) %(uri) %(proto)" %(status) %(rsize) "%(uagent)" %(var.HTTP_X_ID) %(wid)';
    const args = ['--req-logger', `file:${folder.file('req.log')}`, '--log-format', format, '--log-date=%Y'];
    await using server = await startApp(twin, args);
    for (const kind of SOCKET_KINDS) await ask(server, kind, '/peak?a=b');
    await request(server.uwsgi(), {
      uri: '/missing',
      vars: [
        ['HTTP_USER_AGENT', 'x" 200'],
        ['HTTP_X_ID', 'id\n7'],
      ],
    });
    assert.equal(await server.stop(), 0);
    assert.deepEqual(linesOf(folder, 'req.log'), [
      '127.0.0.1 "GET /peak?a=b HTTP/1.1" 200 1 "-" - 1',
      '127.0.0.1 "GET /peak?a=b HTTP/1.1" 200 1 "-" - 1',
      '127.0.0.1 "GET /missing HTTP/1.1" 404 13 "x\\x22 200" id\\x0a7 1',
    ]);
    assert.doesNotMatch(server.log(), /peak/);
    assert.match(server.log(), /^\d{4} - \*\*\* fastwsgi-ts is running/m);
    for (const line of server.log().trimEnd().split('\n')) assert.match(line, /^\d{4} - /);
  });

  test(`log-format = json writes a JSON object for each request, whatever it says, ${twin.name}`, async () => {
    using folder = new Folder();
    const args = ['--req-logger', `file:${folder.file('req.log')}`, '--log-format', 'json'];
    await using server = await startApp(twin, args);
    const uri = '/"},{"a":"\\\u0001\x9b';
    await request(server.uwsgi(), {
      uri,
      vars: [
        ['REMOTE_USER', '"\r\n'],
        ['HTTP_REFERER', '\\'],
      ],
    });
    await ask(server, 'http', '/peak');
    assert.equal(await server.stop(), 0);
    const [hostile, plain, ...more] = linesOf(folder, 'req.log').map((line) => JSON.parse(line));
    assert.deepEqual([hostile.uri, hostile.user, hostile.referer, hostile.status], [uri, '"\r\n', '\\', 404]);
    assert.deepEqual([plain.uri, plain.user, plain.status, plain.bytes], ['/peak', null, 200, 1]);
    assert.deepEqual(more, []);
  });

  test(`with disable-logging what is named is logged all the same, ${twin.name}`, async () => {
    await using server = await startApp(twin, ['--disable-logging', '--log-4xx', '--log-5xx', '--log-slow', '300']);
    for (const uri of ['/peak', '/missing', '/fail']) for (const kind of SOCKET_KINDS) await ask(server, kind, uri);
    assert.equal(await server.stop(), 0);
    assert.equal(countInLog(server, / GET \/missing => generated .* 404\)/), 2);
    assert.equal(countInLog(server, / GET \/fail => generated .* 500\)/), 2);
    assert.equal(countInLog(server, / generated /), 4);
  });

  test(`routes, drains and named loggers sort the lines, ${twin.name}`, async () => {
    using folder = new Folder();
    const args = [
      ...['--logger', `errors file:${folder.file('errors.log')}`, '--log-route', 'errors GET /(missing|fail)'],
      ...['--log-drain', 'GET /peak', '--logger', `file:${folder.file('rest.log')}`, '--logger', 'fd:2'],
    ];
    await using server = await startApp(twin, args);
    for (const uri of ['/peak', '/missing', '/', '/fail']) await ask(server, 'http', uri);
    assert.equal(await server.stop(), 0);
    const errors = folder.read('errors.log');
    assert.match(
      errors,
      /^\[pid: .* GET \/missing => .*\n(GET \/fail: Error.*\n( .*\n)*)?\[pid: .* GET \/fail => .*\n/,
    );
    const rest = folder.read('rest.log');
    assert.match(rest, / GET \/ => generated /);
    assert.doesNotMatch(rest + server.log(), /missing|GET \/fail|peak =>/);
    assert.ok(server.log().includes(rest), 'two loggers without a name get the same');
  });

  test(`request lines go to UDP and to standard output, ${twin.name}`, async () => {
    const receiver = createSocket('udp4');
    const received: string[] = [];
    receiver.on('message', (bytes) => received.push(bytes.toString()));
    receiver.bind(0, '127.0.0.1');
    await once(receiver, 'listening');
    const { port } = receiver.address() as AddressInfo;
    const udp = `127.0.0.1:${port}`;
    const args = ['--req-logger', `rsyslog:${udp},web`, '--req-logger', `socket:${udp},p:`, '--req-logger', 'stdio'];
    await using server = await startApp(twin, [...args, '--log-format', '%(method) %(uri)']);
    await ask(server, 'http', '/peak');
    await server.waitForLog(/^GET \/peak$/m);
    await until('the datagrams', () => received.length === 2);
    receiver.close();
    assert.match(received.sort().join('\n'), /^<29>\w{3} [ \d]\d [\d:]{8} web: GET \/peak\np:GET \/peak$/m);
    assert.equal(await server.stop(), 0);
  });

  test(`a FIFO that nobody reads holds up no request; what it lost is counted, and told later, ${twin.name}`, async () => {
    using folder = new Folder();
    const fifo = folder.file('fifo');
    execFileSync('mkfifo', [fifo]);
    await using server = await startApp(twin, ['--req-logger', `file:${fifo}`, '--log-format', '%(uri)']);
    await askLong(server);
    assert.ok((await lostBy(server)) > 0);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const buffer = Buffer.alloc(1 << 16);
    let text = '';
    const lost = () => {
      try {
        text += buffer.toString('latin1', 0, readSync(reader, buffer));
      } catch {
        // Empty for now.
      }
      const pattern = /^request log: \*\*\* (\d+) log lines were lost: whoever reads the log was too slow \*\*\*$/m;
      return Number(pattern.exec(server.log())?.[1] ?? 0);
    };
    await until('the end of what was kept', () => lost() > 0 && text.split('\n').length - 1 === LONG_REQUESTS - lost());
    assert.equal(await lostBy(server), lost());
    const kept = text.split('\n').slice(0, -1);
    assert.deepEqual(
      kept,
      Array.from({ length: kept.length }, (_, i) => longUri(i)),
    );
    closeSync(reader);
    assert.equal(await server.stop(), 0);
  });

  test(`a full disk holds up no request, and what it lost is counted, ${twin.name}`, async () => {
    await using server = await startApp(twin, ['--req-logger', 'file:/dev/full']);
    await askLong(server);
    assert.ok((await lostBy(server)) > 0);
    await server.waitForLog(/^request log: Cannot write the log \/dev\/full: no space left on device$/m);
    assert.equal((await ask(server, 'http', '/peak')).status, 200);
    assert.equal(await server.stop(), 0);
  });

  test(`request logs are opened again and rotated without losing a line, ${twin.name}`, async () => {
    using folder = new Folder();
    const log = folder.file('req.log');
    const touch = folder.file('touch');
    const args = ['--req-logger', `file:logfile=${log},maxsize=1000,backupname=${folder.file('rotated')}`];
    const routes = ['--logger', `errors file:${folder.file('errors.log')}`, '--log-req-route', 'errors missing'];
    await using server = await startApp(twin, [
      ...args,
      ...routes,
      '--log-format',
      '%(uri)',
      '--touch-logreopen',
      touch,
    ]);
    const send = async (from: number, to: number) => {
      for (let i = from; i < to; i++) await ask(server, 'http', i % 2 === 0 ? `/?${i}` : `/missing?${i}`);
    };
    await send(0, 100);
    renameSync(folder.file('errors.log'), folder.file('errors.old'));
    writeFileSync(touch, '');
    await server.waitForLog(/errors\.log reopened/);
    await send(100, 500);
    await server.waitForLog(/rotated to .*rotated$/m).catch(() => assert.fail('no rotation'));
    assert.equal(await server.stop(), 0);
    const errors = [...linesOf(folder, 'errors.old'), ...linesOf(folder, 'errors.log')];
    assert.deepEqual(
      errors,
      Array.from({ length: 250 }, (_, i) => `/missing?${2 * i + 1}`),
    );
    const rest = [...linesOf(folder, 'rotated'), ...linesOf(folder, 'req.log')];
    assert.deepEqual(rest.filter((line) => line.startsWith('/?')).length, 250);
  });
}
