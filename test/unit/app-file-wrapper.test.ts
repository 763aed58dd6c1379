import assert from 'node:assert/strict';
import { closeSync, createReadStream, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { fileWrapper } from '../../dist/app/wsgi/file-wrapper.js';
import { WsgiInput } from '../../dist/app/wsgi/input.js';
import { wsgiKind } from '../../dist/app/wsgi/kind.js';
import type { WsgiApplication } from '../../dist/app/wsgi/types.js';
import { FakeContext, FakeExchange, MemoryBody } from '../helpers/fake-exchange.js';

const folder = mkdtempSync(join(tmpdir(), 'app-file-wrapper-'));
const file = join(folder, 'data');
const content = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251));
writeFileSync(file, content);
after(() => rmSync(folder, { recursive: true }));

/** Whether `fd` is open and is the test's file. */
function isOpen(fd: number): boolean {
  try {
    return fstatSync(fd).size === content.length;
  } catch {
    return false;
  }
}

async function collect(body: Iterable<Uint8Array> | AsyncIterable<Uint8Array | string>): Promise<Buffer[]> {
  const blocks: Buffer[] = [];
  for await (const block of body) blocks.push(Buffer.from(block));
  return blocks;
}

test('a path, a URL, a descriptor, a FileHandle, a stream and anything with read() give the bytes of the file', async () => {
  const handle = await open(file);
  const reader = openSync(file, 'r');
  const { readSync } = await import('node:fs');
  const readable = {
    read: (size: number) => {
      const block = Buffer.alloc(size);
      return block.subarray(0, readSync(reader, block));
    },
    close: () => closeSync(reader),
  };
  const asyncReadable = new WsgiInput(new MemoryBody(content));
  const sources = [
    file,
    pathToFileURL(file),
    openSync(file, 'r'),
    handle,
    createReadStream(file),
    readable,
    asyncReadable,
  ];
  for (const source of sources) {
    const body = fileWrapper(source);
    assert.ok(Buffer.concat(await collect(body)).equals(content));
    await body.close();
  }
  assert.equal(handle.fd, -1);
  assert.equal(isOpen(reader), false);
});

test('blocks have the size that was asked for, the last one what is left', async () => {
  const body = fileWrapper(file, 65_000);
  const blocks = await collect(body);
  assert.deepEqual(
    blocks.map((block) => block.length),
    [65_000, 65_000, 65_000, 5000],
  );
  body.close();
});

test('a file is read from where it stands', async () => {
  const { readSync } = await import('node:fs');
  const fd = openSync(file, 'r');
  readSync(fd, Buffer.alloc(1000));
  const body = fileWrapper(fd);
  assert.ok(Buffer.concat(await collect(body)).equals(content.subarray(1000)));
  body.close();
});

test('close() closes the descriptor, once, and ends the iteration', () => {
  const fd = openSync(file, 'r');
  const body = fileWrapper(fd) as Iterable<Uint8Array> & { close(): void };
  const iterator = body[Symbol.iterator]();
  assert.equal(iterator.next().done, false);
  body.close();
  assert.equal(isOpen(fd), false);
  const reused = openSync(file, 'r');
  assert.equal(reused, fd);
  body.close();
  assert.ok(isOpen(reused));
  assert.equal(iterator.next().done, true);
  closeSync(reused);
});

test('a missing file throws at once, and so does what is no file', () => {
  assert.throws(() => fileWrapper(join(folder, 'missing')), { code: 'ENOENT' });
  assert.throws(() => fileWrapper({} as never), /expected a path, a file descriptor/);
  assert.throws(() => fileWrapper(null as never), /expected a path, a file descriptor/);
  assert.throws(() => fileWrapper(file, 0), /block size/);
});

test('as a response it is sent block by block to a slow client, and closed when the client leaves', async () => {
  for (const abortAtWrite of [undefined, 3]) {
    const fd = openSync(file, 'r');
    const application: WsgiApplication = (environ, startResponse) => {
      startResponse('200 OK', []);
      return environ['wsgi.file_wrapper'](fd, 10_000);
    };
    const exchange = new FakeExchange({ roomBytes: 15_000, ...(abortAtWrite && { abortAtWrite }) });
    await (await wsgiKind.create(application, new FakeContext())).handle(exchange);
    assert.equal(isOpen(fd), false);
    const sent = abortAtWrite === undefined ? content : content.subarray(0, 20_000);
    assert.ok(exchange.response.bytes.equals(sent));
  }
});
