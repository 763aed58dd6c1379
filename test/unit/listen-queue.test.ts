// How many connections wait in the kernel: of sockets that listen and accept nothing.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadLibc } from '../../dist/system/libc.js';
import { addressText, type BindAddress, listenOn } from '../../dist/system/listen.js';
import { listenQueues } from '../../dist/system/listen-queue.js';

const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-queue-'));
after(() => rmSync(folder, { recursive: true }));
const native = loadLibc();
const libc = 'libc' in native ? native.libc : undefined;
const BACKLOG = 7;

const ADDRESSES: readonly Exclude<BindAddress, { kind: 'abstract' }>[] = [
  { kind: 'tcp', host: '127.0.0.1', port: 0 },
  { kind: 'tcp', host: '::1', port: 0 },
  { kind: 'unix', path: join(folder, 'a.sock') },
];

for (const address of ADDRESSES) {
  const skip = libc === undefined ? 'a socket that accepts nothing needs koffi' : false;
  test(`the backlog of ${address.kind} ${address.kind === 'tcp' ? address.host : ''} is counted`, {
    skip,
  }, async () => {
    assert.ok(libc !== undefined);
    const { fd, port } = listenOn(libc, address, { backlog: BACKLOG, keepAlive: false });
    const name = addressText(address, port);
    assert.deepEqual(listenQueues(libc).get(name), { queue: 0, queueMax: BACKLOG });
    const target = address.kind === 'tcp' ? { host: address.host, port: port ?? 0 } : { path: address.path };
    const sockets = [1, 2, 3].map(() => connect(target).on('error', () => {}));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    // A connection counts when its first bytes have come.
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.write('x', resolve))));
    for (let tries = 0; listenQueues(libc).get(name)?.queue !== 3 && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.deepEqual(listenQueues(libc).get(name), { queue: 3, queueMax: BACKLOG });
    // Without the C library only TCP is told of, and no bound.
    const expected = address.kind === 'tcp' ? { queue: 3, queueMax: 0 } : undefined;
    assert.deepEqual(listenQueues(undefined).get(name), expected);
    for (const socket of sockets) socket.destroy();
    libc.close(fd);
  });
}

test('an abstract socket is found by its name', {
  skip: libc === undefined ? 'it takes koffi to bind one' : false,
}, () => {
  assert.ok(libc !== undefined);
  const address: BindAddress = { kind: 'abstract', name: `fastwsgi-queue-${process.pid}` };
  const { fd } = listenOn(libc, address, { backlog: BACKLOG, keepAlive: false });
  assert.deepEqual(listenQueues(libc).get(addressText(address)), { queue: 0, queueMax: BACKLOG });
  libc.close(fd);
});
