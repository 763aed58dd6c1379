// PROXY headers in front of HTTP and of TLS, on every engine that reads them: who the client is, and what becomes of connections without one.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { proxyV2, TLVS, V4_CONTENT, V6_CONTENT } from '../helpers/proxy-header.js';
import { type HostPort, runCli } from '../helpers/server.js';
import { CertificateFolder, startEcho } from './https-client.js';
import { APPS, ENGINES, TWINS } from './threads-client.js';

const GET = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
const V1 = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n');
const V2 = proxyV2({ family: 1, content: Buffer.concat([V4_CONTENT, TLVS]) });
const CLOSED = 'closed';
const BAD = /^connection does not begin with a valid PROXY header\. skip\.$/m;

/** Sends the pieces, each in a packet of its own; the peer that the application saw, or CLOSED. */
async function peerSeen(target: HostPort, pieces: readonly Buffer[]): Promise<string> {
  const socket = connect({ ...target, noDelay: true });
  const seen = readPeer(socket);
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve));
    await new Promise(setImmediate);
  }
  return seen;
}

function readPeer(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      const { REMOTE_ADDR, REMOTE_PORT } = JSON.parse(/\{.*\}/.exec(text)?.[0] ?? '{}') as Record<string, string>;
      resolve(REMOTE_ADDR === undefined ? CLOSED : `${REMOTE_ADDR} ${REMOTE_PORT}`);
    });
  });
}

const bytewise = (bytes: Buffer): Buffer[] => Array.from(bytes, (byte) => Buffer.of(byte));

for (const twin of TWINS) {
  test(`the client that the header names is REMOTE_ADDR, ${twin.name}`, async () => {
    await using server = await startEcho(twin, ['--http', '127.0.0.1:0', '--http-enable-proxy-protocol']);
    const target = server.http();
    assert.equal(await peerSeen(target, [Buffer.concat([V1, GET])]), '192.0.2.7 4711');
    assert.equal(await peerSeen(target, [V2, GET]), '192.0.2.7 4711');
    assert.equal(await peerSeen(target, bytewise(Buffer.concat([V1, GET]))), '192.0.2.7 4711');
    assert.equal(await peerSeen(target, bytewise(Buffer.concat([V2, GET]))), '192.0.2.7 4711');
    const v6 = proxyV2({ family: 2, content: V6_CONTENT });
    assert.equal(await peerSeen(target, [Buffer.concat([v6, GET])]), '2001:db8::7 4711');
    for (const unknown of [
      Buffer.from('PROXY UNKNOWN\r\n'),
      proxyV2({ command: 0, family: 0, content: Buffer.alloc(0) }),
    ]) {
      assert.match(await peerSeen(target, [unknown, GET]), /^127\.0\.0\.1 \d+$/);
    }
    assert.equal(await server.stop(), 0);
  });

  test(`a connection keeps its client over all of its requests, large bodies included, ${twin.name}`, async () => {
    await using server = await startEcho(twin, ['--http', '127.0.0.1:0', '--enable-proxy-protocol']);
    const size = 300_000;
    const post = Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    const socket = connect(server.http());
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
    });
    socket.write(Buffer.concat([V1, post, Buffer.alloc(size, 120), post, Buffer.alloc(size, 121), GET]));
    await new Promise((resolve) => socket.once('close', resolve));
    assert.equal(text.match(/"REMOTE_ADDR":"192\.0\.2\.7"/g)?.length, 3);
    assert.equal(text.match(/"bodyBytes":300000/g)?.length, 2);
    assert.equal(await server.stop(), 0);
  });

  test(`without a header, or with a wrong one, a connection is closed unanswered, ${twin.name}`, async () => {
    await using server = await startEcho(twin, ['--http', '127.0.0.1:0', '--http-enable-proxy-protocol']);
    for (const bytes of [GET, Buffer.from('PROXY TCP4 a b c d\r\n'), proxyV2({ family: 9, content: V4_CONTENT })]) {
      const from = server.log().length;
      assert.equal(await peerSeen(server.http(), [Buffer.concat([bytes, GET])]), CLOSED);
      await server.waitForLog(BAD, { from });
    }
    // A balancer that only looks whether the port is open.
    const probe = connect(server.http());
    await new Promise((resolve) => probe.once('connect', resolve));
    probe.destroy();
    assert.equal(await peerSeen(server.http(), [V1, GET]), '192.0.2.7 4711');
    assert.equal(await server.stop(), 0);
  });

  test(`a header that is never completed ends its connection, and does not hold up the stop, ${twin.name}`, async () => {
    const args = ['--http', '127.0.0.1:0', '--http-enable-proxy-protocol', '--http-timeout', '1'];
    await using server = await startEcho(twin, args);
    assert.equal(await peerSeen(server.http(), [V1.subarray(0, 20)]), CLOSED);
    const silent = connect(server.http()).on('error', () => {});
    await new Promise((resolve) => silent.once('connect', resolve));
    assert.equal(await server.stop(), 0);
    silent.destroy();
  });

  test(`with forwarded-allow-ips, only trusted peers send headers, ${twin.name}`, async () => {
    const on = ['--http', '127.0.0.1:0', '--http-enable-proxy-protocol', '--forwarded-allow-ips'];
    await using trusting = await startEcho(twin, [...on, '10.0.0.0/8, 127.0.0.0/8']);
    assert.equal(await peerSeen(trusting.http(), [V1, GET]), '192.0.2.7 4711');
    assert.equal(await trusting.stop(), 0);
    await using wary = await startEcho(twin, [...on, '10.0.0.0/8']);
    // To everybody else the header is a request that cannot be parsed.
    assert.equal(await peerSeen(wary.http(), [Buffer.concat([V1, GET])]), CLOSED);
    assert.match(await peerSeen(wary.http(), [GET]), /^127\.0\.0\.1 \d+$/);
    assert.equal(await wary.stop(), 0);
  });
}

test('before TLS: the header first, then the handshake, in any pieces', async () => {
  using folder = new CertificateFolder();
  folder.put('a');
  const [twin] = TWINS;
  assert.ok(twin);
  await using server = await startEcho(twin, ['--https', folder.line('a'), '--http-enable-proxy-protocol']);
  for (const pieces of [[V1], bytewise(V2)]) {
    const socket = connect({ ...server.https(), noDelay: true });
    await new Promise((resolve) => socket.once('connect', resolve));
    for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve));
    const tls = connectTls({ socket, rejectUnauthorized: false });
    const seen = readPeer(tls);
    tls.write(GET);
    assert.equal(await seen, '192.0.2.7 4711');
  }
  const bare = connectTls({ ...server.https(), rejectUnauthorized: false });
  assert.equal(await readPeer(bare), CLOSED);
  await server.waitForLog(BAD);
  assert.equal(await server.stop(), 0);
});

test('uWebSockets.js cannot: auto takes another engine, asked for by name it is an error', async () => {
  const args = [
    '--chdir',
    APPS,
    '--module',
    'echo:application',
    '--http',
    '127.0.0.1:0',
    '--http-enable-proxy-protocol',
  ];
  const check = await runCli({ args: [...args, '--http-engine', 'uws', '--check'] });
  assert.match(check.output, /uWebSockets\.js cannot read the PROXY protocol/);
  assert.equal(check.code, 1);
  if (ENGINES.length > TWINS.length) {
    const start = await runCli({ args: [...args, '--http-engine', 'uws'] });
    assert.match(start.output, /Cannot use http-engine uws: uWebSockets\.js cannot read the PROXY protocol/);
    assert.equal(start.code, 1);
  }
});

test('what is no address in forwarded-allow-ips is an error with its place', async () => {
  const ini = '[uwsgi]\nhttp = :0\nforwarded-allow-ips = 10.0.0.1, proxy.local\n';
  const { code, output } = await runCli({ ini });
  assert.equal(code, 1);
  assert.match(output, /"forwarded-allow-ips" at \S+app\.ini:3:23: an IP address, .* is wanted, got "proxy\.local"/);
});
