import assert from 'node:assert/strict';
import { closeSync, readSync } from 'node:fs';
import { afterEach, describe, test } from 'node:test';
import { BodyFiles } from '../../dist/front/gateway/body-files.js';
import { BodyStore } from '../../dist/front/gateway/body-store.js';

const MB = 1024 * 1024;
const closed: number[] = [];
const files = new BodyFiles((fd) => {
  closed.push(fd);
  closeSync(fd);
});

function open(): number {
  const fd = files.open();
  assert.ok(typeof fd === 'number', String(fd));
  return fd;
}

function openMany(count: number): number[] {
  return Array.from({ length: count }, open);
}

describe('the files of request bodies', () => {
  afterEach(() => {
    files.closeAll();
    closed.length = 0;
  });

  test('are used again, the last one first', () => {
    const [first, second] = openMany(2) as [number, number];
    files.giveBack(first, MB);
    files.giveBack(second, MB);
    assert.equal(open(), second);
    assert.equal(open(), first);
    assert.deepEqual(closed, []);
    files.close(first, MB);
    files.close(second, MB);
  });

  test('are closed when their body was large, and beyond eight', () => {
    const [large, ...others] = openMany(10) as [number, ...number[]];
    files.giveBack(large, 16 * MB + 1);
    assert.deepEqual(closed, [large]);
    for (const fd of others) files.giveBack(fd, 16 * MB);
    assert.deepEqual(closed, [large, others[8]]);
    files.closeAll();
    assert.deepEqual(closed.sort(), [large, ...others].sort());
  });

  test('are closed when nobody has wanted them for a second', () => {
    const [old, young] = openMany(2) as [number, number];
    files.tick(10_000);
    files.giveBack(old, 1);
    files.tick(10_400);
    files.giveBack(young, 1);
    files.tick(11_000);
    assert.deepEqual(closed, []);
    files.tick(11_001);
    assert.deepEqual(closed, [old]);
    files.tick(11_401);
    assert.deepEqual(closed, [old, young]);
  });

  test('hold a shorter body in front of what is left of the one before', () => {
    const store = new BodyStore(4, files);
    assert.equal(store.push(Buffer.from('secret words'), 0, 12), true);
    const { fd } = store;
    assert.ok(fd >= 0);
    store.release();
    for (const letter of 'other') assert.equal(store.push(Buffer.from(letter), 0, 1), true);
    assert.equal(store.fd, fd);
    assert.equal(store.bytes, 5);
    const body = Buffer.alloc(5);
    readSync(fd, body, 0, 5, 0);
    assert.equal(body.toString(), 'other');
    store.forget();
    assert.deepEqual(closed, [fd]);
  });
});
