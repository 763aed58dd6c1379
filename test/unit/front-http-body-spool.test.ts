import assert from 'node:assert/strict';
import { fstatSync, readSync } from 'node:fs';
import { describe, test } from 'node:test';
import { BodySpool, closeQuietly, type SpoolOwner } from '../../dist/front/body-spool.js';
import { eventually, pattern } from '../helpers/http-front.js';

class Owner implements SpoolOwner {
  drained = 0;
  complete = 0;
  failures: string[] = [];

  onSpoolDrained(): void {
    this.drained++;
  }

  onSpoolComplete(): void {
    this.complete++;
  }

  onSpoolFailed(reason: string): void {
    this.failures.push(reason);
  }
}

function isOpen(fd: number): boolean {
  try {
    return fstatSync(fd).nlink === 0;
  } catch {
    return false;
  }
}

function readFile(fd: number): Buffer {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  for (let at = 0; at < bytes.length; ) at += readSync(fd, bytes, at, bytes.length - at, at);
  return bytes;
}

describe('the body spool', () => {
  test('keeps a body of up to its limit in memory, whatever it is cut into', () => {
    for (const chunkBytes of [1, 7, 100]) {
      const spool = new BodySpool(100, new Owner());
      for (let at = 0; at < 100; at += chunkBytes)
        assert.equal(spool.push(pattern(at, Math.min(100, at + chunkBytes))), true);
      assert.equal(spool.end(), true);
      const target = Buffer.alloc(110);
      spool.copyTo(target, 5);
      assert.deepEqual(target.subarray(5, 105), pattern(0, 100));
      assert.equal(spool.releaseFile(), -1);
    }
  });

  test('copies what it is given', () => {
    const spool = new BodySpool(100, new Owner());
    const chunk = Buffer.from('abc');
    spool.push(chunk);
    chunk.fill('x');
    const target = Buffer.alloc(3);
    spool.copyTo(target, 0);
    assert.equal(target.toString(), 'abc');
  });

  for (const size of [101, 262_144, 262_145, 3_000_000]) {
    for (const chunkBytes of [50, 65_536, 400_000]) {
      test(`moves a body of ${size} bytes in chunks of ${chunkBytes} to an unlinked file`, async () => {
        const owner = new Owner();
        const spool = new BodySpool(100, owner);
        for (let at = 0; at < size; at += chunkBytes) {
          const before = owner.drained;
          const goOn = spool.push(pattern(at, Math.min(size, at + chunkBytes)));
          if (!goOn) await eventually('the spool has drained', () => owner.drained > before);
        }
        if (!spool.end()) await eventually('the body is complete', () => owner.complete === 1);
        assert.equal(spool.bytes, size);
        const fd = spool.releaseFile();
        assert.equal(isOpen(fd), true);
        assert.equal(readFile(fd).equals(pattern(0, size)), true);
        closeQuietly(fd);
        await eventually('the file is closed', () => !isOpen(fd));
      });
    }
  }

  test('holds its feeder back while the disk is behind', () => {
    const spool = new BodySpool(0, new Owner());
    const chunk = Buffer.alloc(262_144);
    assert.equal(spool.push(chunk), true);
    assert.equal(spool.push(chunk), true);
    assert.equal(spool.push(chunk), false);
    spool.destroy();
  });

  test('closes its file when it is destroyed, also under a write', async () => {
    for (const blocks of [1, 5]) {
      const spool = new BodySpool(0, new Owner());
      for (let i = 0; i < blocks; i++) spool.push(Buffer.alloc(262_144));
      const { fd } = spool;
      assert.equal(isOpen(fd), true);
      spool.destroy();
      await eventually('the file is closed', () => !isOpen(fd));
    }
  });

  test('tells its owner when there is no room for the file, once', async () => {
    const before = process.env.TMPDIR;
    process.env.TMPDIR = '/does/not/exist';
    const owner = new Owner();
    const spool = new BodySpool(10, owner);
    try {
      assert.equal(spool.push(Buffer.alloc(20)), false);
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
    assert.equal(spool.push(Buffer.alloc(20)), false);
    assert.equal(spool.end(), false);
    assert.deepEqual(owner.failures, []);
    await eventually('the owner knows', () => owner.failures.length > 0);
    assert.match(owner.failures.join(), /^ENOENT/);
    spool.destroy();
  });
});
