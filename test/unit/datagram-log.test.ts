// Lines as datagrams: syslog's form, UDP and unix sockets, receivers that are slow, absent, or come later.
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatagramPort } from '../../dist/base/datagram-port.js';
import type { DatagramTarget } from '../../dist/base/log-destination.js';
import { DatagramLog } from '../../dist/observe/datagram-log.js';
import { loadLibc, SYS } from '../../dist/system/libc.js';
import { encodeUnix } from '../../dist/system/listen.js';
import { openUnixPort } from '../../dist/system/unix-datagrams.js';

const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-datagrams-'));
after(() => rmSync(folder, { recursive: true }));

const TARGET: DatagramTarget = { kind: 'datagram', to: { path: '/x' }, prefix: '', bytesMax: 0, splits: false };

/** A receiver inside the test, which answers what it is told to. */
class FakePort implements DatagramPort {
  readonly received: string[] = [];
  answer: (text: string) => string | undefined = () => undefined;
  closed = false;

  send(bytes: Uint8Array): string | undefined {
    const text = Buffer.from(bytes).toString();
    const code = this.answer(text);
    if (code === undefined) this.received.push(text);
    return code;
  }

  close(): void {
    this.closed = true;
  }
}

function logTo(port: FakePort, target: Partial<DatagramTarget> = {}): DatagramLog {
  return new DatagramLog({ ...TARGET, ...target }, { openUnixPort: () => port });
}

async function udpReceiver(): Promise<{ socket: Socket; port: number; received: string[] }> {
  const socket = createSocket('udp4');
  const received: string[] = [];
  socket.on('message', (bytes) => received.push(bytes.toString()));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { socket, port: (socket.address() as AddressInfo).port, received };
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(1);
}

test('each line is a datagram, with what the operator wants before it', async () => {
  const port = new FakePort();
  const log = logTo(port, { prefix: 'app: ' });
  log.rawLine('one\ntwo');
  log.rawLine('three');
  assert.deepEqual(port.received, ['app: one', 'app: two', 'app: three']);
  await log.close();
  assert.ok(port.closed);
  log.rawLine('after the end');
  assert.equal(port.received.length, 3);
});

test('syslog gets the priority, the date and the name', async () => {
  const port = new FakePort();
  const log = logTo(port, { prefix: { priority: 30, name: 'uwsgi' } });
  log.rawLine('hello');
  assert.match(
    port.received[0] as string,
    /^<30>(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d uwsgi: hello$/,
  );
  await log.close();
});

test('a long line is cut between characters, or goes on in the next datagram', async () => {
  for (const [splits, expected] of [
    [false, ['p:aéé']],
    [true, ['p:aéé', 'p:éébc', 'p:d']],
  ] as const) {
    const port = new FakePort();
    const log = logTo(port, { prefix: 'p:', bytesMax: 8, splits });
    log.rawLine('aéééébcd');
    assert.deepEqual(port.received, expected);
    await log.close();
  }
});

test('a slow receiver gets everything in order, later', async () => {
  const port = new FakePort();
  let room = 3;
  port.answer = () => (room-- > 0 ? undefined : 'EAGAIN');
  const log = logTo(port);
  for (let i = 0; i < 10; i++) log.rawLine(String(i));
  assert.equal(port.received.length, 3);
  room = 1000;
  await until(() => port.received.length === 10);
  assert.deepEqual(port.received.map(Number), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(log.lostByAll, 0);
  await log.close();
});

test('what finds no room is dropped, counted, and told of when there is room again', async () => {
  const port = new FakePort();
  port.answer = () => 'EAGAIN';
  const log = logTo(port);
  const total = 3000;
  for (let i = 0; i < total; i++) log.rawLine(`${i} ${'x'.repeat(1000)}`);
  const lost = log.lostByAll;
  assert.ok(lost > 0 && lost < total, String(lost));
  port.answer = () => undefined;
  log.flush();
  assert.equal(port.received.length, total - lost + 1);
  assert.equal(port.received.at(-1), `*** ${lost} log lines were lost: whoever receives them was too slow ***`);
  await log.close();
});

test('a datagram that is too large is lost by itself', async () => {
  const port = new FakePort();
  port.answer = (text) => (text === 'large' ? 'EMSGSIZE' : undefined);
  const log = logTo(port);
  for (const line of ['a', 'large', 'b']) log.rawLine(line);
  assert.deepEqual(port.received, ['a', '*** 1 log line was lost: EMSGSIZE ***', 'b']);
  assert.equal(log.lostByAll, 1);
  await log.close();
});

test('one who is not there is waited for, and the end is not held up by him', async () => {
  const port = new FakePort();
  port.answer = () => 'ENOENT';
  const log = logTo(port);
  log.rawLine('early');
  port.answer = () => undefined;
  await until(() => port.received.length === 1);
  port.answer = () => 'ECONNREFUSED';
  log.rawLine('late');
  await log.close();
  assert.deepEqual(port.received, ['early']);
  assert.equal(log.lostByAll, 1);
});

test('lost lines of all threads are counted together', async () => {
  const port = new FakePort();
  port.answer = () => 'EMSGSIZE';
  const first = new DatagramLog(TARGET, { openUnixPort: () => port, tell: () => {} });
  const second = new DatagramLog(TARGET, { openUnixPort: () => port, tell: () => {}, ...first.forThread() });
  first.rawLine('a');
  second.rawLine('b\nc');
  assert.deepEqual([first.lostByAll, second.lostByAll], [3, 3]);
  await Promise.all([first.close(), second.close()]);
});

test('lines go over UDP, to a name that is looked up', async () => {
  const { socket, port, received } = await udpReceiver();
  const log = new DatagramLog({ ...TARGET, to: { host: 'localhost', port } }, { openUnixPort });
  const ipv4 = new DatagramLog({ ...TARGET, to: { host: '127.0.0.1', port } }, { openUnixPort });
  for (let i = 0; i < 20; i++) ipv4.rawLine(`line ${i}`);
  await ipv4.drain();
  await until(() => received.length === 20);
  assert.deepEqual(
    received,
    Array.from({ length: 20 }, (_, i) => `line ${i}`),
  );
  await Promise.all([ipv4.close(), log.close()]);
  socket.close();
});

test('lines go to a unix socket, where the C library is there', async () => {
  const loaded = loadLibc();
  const path = join(folder, 'log.sock');
  if (!('libc' in loaded)) {
    assert.ok('reason' in openUnixPort(path));
    return;
  }
  const { libc } = loaded;
  const log = new DatagramLog({ ...TARGET, to: { path } }, { openUnixPort, tell: () => {} });
  log.rawLine('before anybody listens');
  const fd = libc.socket(SYS.AF_UNIX, SYS.SOCK_DGRAM | SYS.SOCK_NONBLOCK | SYS.SOCK_CLOEXEC, 0);
  const address = encodeUnix(Buffer.from(path), path);
  assert.equal(libc.bind(fd, address, address.length), 0);
  const buffer = Buffer.alloc(1000);
  const receive = () => {
    const count = libc.recv(fd, buffer, buffer.length, 0);
    return count < 0 ? undefined : buffer.toString('utf8', 0, count);
  };
  let first: string | undefined;
  await until(() => {
    first ??= receive();
    return first !== undefined;
  });
  assert.equal(first, 'before anybody listens');
  // More than the socket's queue holds: the kernel says EAGAIN, and nothing is lost.
  for (let i = 0; i < 2000; i++) log.rawLine(`line ${i}`);
  const lines: string[] = [];
  await until(() => {
    for (let line = receive(); line !== undefined; line = receive()) lines.push(line);
    return lines.length === 2000;
  });
  assert.deepEqual(
    lines,
    Array.from({ length: 2000 }, (_, i) => `line ${i}`),
  );
  await log.close();
  libc.close(fd);
});
