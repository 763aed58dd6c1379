// `https = ADDR,CERT,KEY`: served, its vars, certificates of clients, renewal by a reload, and everything that can be wrong with the files.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { runCli } from '../helpers/server.js';
import { NEEDS_ROOT } from './daemon-helpers.js';
import { askTls, CertificateFolder, startEcho, varsOverTls } from './https-client.js';
import { APPS, disposable, TWINS, type Twin, until } from './threads-client.js';

const TWIN: Twin = TWINS[0] ?? assert.fail();
const CERTIFICATE_READ = /^https 127\.0\.0\.1:0: certificate and key are read again$/m;

for (const twin of TWINS) {
  test(`https beside http: the vars say so, bodies of every size arrive, ${twin.name}`, async () => {
    using folder = new CertificateFolder();
    folder.put('a');
    await using server = await startEcho(twin, ['--http', '127.0.0.1:0', '--https', folder.line('a')]);
    const answer = await askTls({ ...server.https(), path: '/x%20y?q=1' });
    assert.equal(answer.name, 'a');
    const vars = JSON.parse(answer.body) as Record<string, string>;
    assert.equal(vars.HTTPS, 'on');
    assert.equal(vars.REQUEST_SCHEME, 'https');
    assert.equal(vars['wsgi.url_scheme'], 'https');
    assert.equal(vars.SERVER_PORT, String(server.https().port));
    assert.equal(vars.REMOTE_ADDR, '127.0.0.1');
    assert.equal(vars.PATH_INFO, '/x y');
    for (const size of [1, 70_000, 3_000_000]) {
      const { body } = await askTls({ ...server.https(), method: 'POST' }, Buffer.alloc(size, 120));
      assert.equal((JSON.parse(body) as { bodyBytes: number }).bodyBytes, size);
    }
    const plain = await fetch(`http://127.0.0.1:${server.http().port}/`);
    const plainVars = (await plain.json()) as Record<string, string>;
    assert.equal(plainVars['wsgi.url_scheme'], 'http');
    assert.equal('HTTPS' in plainVars, false);
    assert.equal(await server.stop(), 0);
  });
}

test('a reload serves a renewed certificate, keeps the old one when the new one is broken, and no request fails meanwhile', async () => {
  using folder = new CertificateFolder();
  folder.put('a', 'first');
  await using server = await startEcho(TWIN, ['--https', folder.line('a')]);
  const name = async (): Promise<string> => (await askTls(server.https())).name;
  assert.equal(await name(), 'first');
  folder.put('a', 'second');
  server.kill('SIGHUP');
  await server.waitForLog(CERTIFICATE_READ);
  assert.equal(await name(), 'second');

  writeFileSync(folder.file('a.crt'), 'this is no certificate');
  server.kill('SIGHUP');
  const [line] = await server.waitForLog(/^https 127\.0\.0\.1:0 keeps its old certificate: .*$/m);
  assert.match(line, /a\.crt is no certificate in PEM/);
  assert.equal(await name(), 'second');

  // The key of another certificate: half of a renewal.
  folder.put('b');
  folder.put('a', 'third');
  writeFileSync(folder.file('a.key'), makeKeyOf(folder));
  server.kill('SIGHUP');
  await server.waitForLog(
    /keeps its old certificate: Cannot use https: \S+a\.crt and \S+a\.key do not belong together/,
  );
  assert.equal(await name(), 'second');

  const from = server.log().length;
  folder.put('a', 'fourth');
  server.kill('SIGHUP');
  await server.waitForLog(CERTIFICATE_READ, { from });
  assert.equal(await name(), 'fourth');
  assert.equal(await server.stop(), 0);
});

function makeKeyOf(folder: CertificateFolder): string {
  return folder.put('b').key;
}

test('a connection that is open keeps its certificate over a reload, and is answered', async () => {
  using folder = new CertificateFolder();
  folder.put('a', 'first');
  await using server = await startEcho(TWIN, ['--https', folder.line('a')]);
  const socket = connectTls({ ...server.https(), rejectUnauthorized: false });
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  const ask = () => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  ask();
  await until('the first answer', () => received.includes('bodyBytes'));
  folder.put('a', 'second');
  server.kill('SIGHUP');
  await server.waitForLog(CERTIFICATE_READ);
  ask();
  await until('the second answer', () => received.split('bodyBytes').length === 3);
  socket.destroy();
  assert.equal(await server.stop(), 0);
});

test('with CA a client may show a certificate, which the application sees; one that nobody has signed is turned away', async () => {
  using folder = new CertificateFolder();
  folder.put('a');
  const authority = folder.put('ca', 'the authority');
  const good = folder.put('good', 'good client', authority);
  const stranger = folder.put('stranger', 'stranger');
  await using server = await startEcho(TWIN, ['--https', folder.line('a', `,,${folder.file('ca.crt')}`)]);
  const without = await varsOverTls(server.https());
  assert.equal('HTTPS_DN' in without, false);
  const vars = await varsOverTls({ ...server.https(), cert: good.certificate, key: good.key });
  assert.equal(vars.HTTPS_DN, '/CN=good client');
  assert.match(vars.HTTPS_CLIENT_CERTIFICATE ?? '', /good client/);
  await assert.rejects(askTls({ ...server.https(), cert: stranger.certificate, key: stranger.key }));
  assert.equal(await server.stop(), 0);
});

test('with !CA a client must show a certificate', async () => {
  using folder = new CertificateFolder();
  folder.put('a');
  const authority = folder.put('ca', 'the authority');
  const good = folder.put('good', 'good client', authority);
  await using server = await startEcho(TWIN, ['--https', folder.line('a', `,HIGH:!aNULL,!${folder.file('ca.crt')}`)]);
  await assert.rejects(askTls(server.https()));
  assert.equal((await askTls({ ...server.https(), cert: good.certificate, key: good.key })).status, 200);
  assert.equal(await server.stop(), 0);
});

test('clients that speak no TLS, or never finish to, harm nobody and do not hold up the stop', async () => {
  using folder = new CertificateFolder();
  folder.put('a');
  await using server = await startEcho(TWIN, ['--https', folder.line('a')]);
  const plain = connect(server.https());
  plain.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await new Promise((resolve) => plain.once('close', resolve).on('error', () => {}));
  const silent = connect(server.https()).on('error', () => {});
  const half = connect(server.https()).on('error', () => {});
  // The beginning of a ClientHello.
  half.write(Buffer.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01));
  assert.equal((await askTls(server.https())).status, 200);
  const begun = performance.now();
  assert.equal(await server.stop(), 0);
  assert.ok(performance.now() - begun < 10_000, 'long before reload-mercy');
  silent.destroy();
  half.destroy();
});

interface Wrong {
  readonly what: string;
  readonly line: (folder: CertificateFolder) => string;
  readonly says: RegExp;
}

const WRONG: readonly Wrong[] = [
  {
    what: 'a certificate that is not there',
    line: (folder) => folder.line('a').replace('a.crt', 'missing.crt'),
    says: /Cannot read \S+missing\.crt: no such file or directory/,
  },
  {
    what: 'a folder in place of the key',
    line: (folder) => folder.line('a').replace('a.key', ''),
    says: /Cannot read \S+: it is a directory/,
  },
  {
    what: 'a key in place of the certificate',
    line: (folder) => folder.line('a').replace('a.crt', 'a.key'),
    says: /a\.key is no certificate in PEM/,
  },
  {
    what: 'a certificate in place of the key',
    line: (folder) => folder.line('a').replace('a.key', 'a.crt'),
    says: /a\.crt is no open private key in PEM/,
  },
  {
    what: "another certificate's key",
    line: (folder) => folder.line('a').replace('a.key', 'b.key'),
    says: /a\.crt and \S+b\.key do not belong together/,
  },
  {
    what: 'ciphers that do not exist',
    line: (folder) => folder.line('a', ',NOPE'),
    says: /the ciphers "NOPE" are not known/,
  },
  {
    what: 'a CA that is none',
    line: (folder) => folder.line('a', `,,${folder.file('a.key')}`),
    says: /a\.key is no certificate in PEM/,
  },
  { what: 'no key at all', line: () => '127.0.0.1:0,a.crt', says: /ADDR,CERT,KEY\[,CIPHERS\[,CA\]\] is wanted/ },
  { what: 'a wrong address', line: () => 'nowhere:x,a.crt,a.key', says: /a port is wanted after the colon/ },
];

for (const { what, line, says } of WRONG) {
  test(`${what} ends the start, and --check finds it, too`, async () => {
    using folder = new CertificateFolder();
    folder.put('a');
    folder.put('b');
    const args = ['--chdir', APPS, '--module', 'echo:application', '--https', line(folder)];
    for (const more of [[], ['--check']]) {
      const { code, output } = await runCli({ args: [...args, ...more] });
      assert.equal(code, 1, output);
      assert.match(output, says);
    }
  });
}

for (const master of [[], ['--master']]) {
  const how = master.length > 0 ? 'under the guard' : 'without a guard';
  test(`a key that only root may read serves an unprivileged server, ${how}; a reload that may not read it says so`, {
    skip: NEEDS_ROOT,
  }, async () => {
    using folder = new CertificateFolder();
    folder.put('a', 'first');
    chmodSync(folder.path, 0o755);
    await using server = await startEcho(TWIN, [
      '--https',
      folder.line('a'),
      '--uid',
      '64123',
      '--gid',
      '64124',
      ...master,
    ]);
    assert.equal((await askTls(server.https())).name, 'first');
    folder.put('a', 'second');
    server.kill('SIGHUP');
    const [line] = await server.waitForLog(/^https 127\.0\.0\.1:0 keeps its old certificate: .*$/m);
    assert.match(
      line,
      /Cannot read \S+a\.key: permission denied \(a reload reads it as the user that the server has become\)/,
    );
    assert.equal((await askTls(server.https())).name, 'first');
    assert.equal(await server.stop(), 0);
  });
}

test('https on a unix socket, bound by the guard, with its mode; vacuum removes it', async () => {
  using folder = new CertificateFolder();
  folder.put('a');
  const line = folder.line('a').replace('127.0.0.1:0', folder.file('tls.sock'));
  await using server = await startEcho(TWIN, ['--https', line, '--master', '--chmod-socket', '600', '--vacuum']);
  const vars = await varsOverTls({ socketPath: folder.file('tls.sock'), headers: { Host: 'a' } });
  assert.equal(vars.SERVER_PORT, '443');
  assert.equal(vars.REMOTE_ADDR, '');
  assert.equal(await server.stop(), 0);
  assert.throws(() => rmSync(folder.file('tls.sock')), /ENOENT/);
});

test('an https line that a reload brings is served, and one whose files change reads the others', async () => {
  using folder = new CertificateFolder();
  folder.put('a');
  folder.put('b');
  const ini = folder.file('app.ini');
  const write = (lines: readonly string[]) =>
    writeFileSync(
      ini,
      ['[uwsgi]', `chdir = ${APPS}`, 'module = echo:application', ...lines.map((line) => `https = ${line}`)].join('\n'),
    );
  write([folder.line('a')]);
  await using server = await startEcho(TWIN, ['-c', ini]);
  const port = server.https().port;
  const unix = folder.file('more.sock');
  write([folder.line('b'), folder.line('a').replace('127.0.0.1:0', unix)]);
  server.kill('SIGHUP');
  await server.waitForLog(CERTIFICATE_READ);
  assert.equal((await askTls({ host: '127.0.0.1', port })).name, 'b');
  assert.equal((await askTls({ socketPath: unix })).name, 'a');
  assert.equal(await server.stop(), 0);
});

test('WebSockets go through TLS, also of a client that a PROXY header names', async () => {
  using folder = new CertificateFolder();
  folder.put('a');
  const args = ['--chdir', APPS, '--module', 'sockets', '--https', folder.line('a'), '--http-enable-proxy-protocol'];
  await using server = await disposable({ args: [...args, ...TWIN.args], env: TWIN.env });
  const plain = connect(server.https());
  plain.write('PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n');
  const secure = connectTls({ socket: plain, rejectUnauthorized: false });
  await once(secure, 'secureConnect');
  const agent = Object.assign(new Agent(), { createConnection: () => secure });
  const socket = new WebSocket('ws://localhost/chat', 'chat', { agent });
  const [greeting] = (await once(socket, 'message')) as [Buffer];
  assert.match(greeting.toString(), /192\.0\.2\.7/);
  const message = Buffer.alloc(200_000, 'x');
  socket.send(message);
  const [back] = (await once(socket, 'message')) as [Buffer];
  assert.ok(back.equals(message));
  socket.close();
  await once(socket, 'close');
  assert.equal(await server.stop(), 0);
});

for (const isTls of [true, false]) {
  test(`a request with a body that offers another protocol is answered ${isTls ? 'over TLS' : 'without TLS'} behind a PROXY header`, async () => {
    using folder = new CertificateFolder();
    folder.put('a');
    const line = isTls ? ['--https', folder.line('a')] : ['--http', '127.0.0.1:0', '--http-engine', 'node'];
    await using server = await disposable({
      args: ['--chdir', APPS, '--module', 'echo:application', '--http-enable-proxy-protocol', ...line],
      env: TWIN.env,
    });
    const plain = connect(isTls ? server.https() : server.http());
    plain.write('PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n');
    const socket = isTls ? connectTls({ socket: plain, rejectUnauthorized: false }) : plain;
    const head =
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\n';
    socket.write(`${head}abc`);
    const chunks: Buffer[] = [];
    for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
    const answer = Buffer.concat(chunks).toString();
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, /"REMOTE_ADDR":"192\.0\.2\.7".*"bodyBytes":3/);
    assert.equal(await server.stop(), 0);
  });
}
