import assert from 'node:assert/strict';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WsgiInput } from '../../dist/app/wsgi/input.js';
import { FileBody, MemoryBody } from '../helpers/fake-exchange.js';

function inputOf(text: string): WsgiInput {
  return new WsgiInput(new MemoryBody(Buffer.from(text)));
}

test('read(n) gives exactly n bytes while there are that many, then what is left, then nothing', () => {
  const input = inputOf('abcdefg');
  assert.deepEqual(
    [3, 3, 3, 3].map((size) => input.read(size).toString()),
    ['abc', 'def', 'g', ''],
  );
});

test('read() without a size, with null or with a negative one gives all that is left', () => {
  for (const size of [undefined, null, -1]) {
    const input = inputOf('abcdefg');
    input.read(2);
    assert.equal(input.read(size).toString(), 'cdefg');
    assert.equal(input.read(size).length, 0);
  }
  assert.equal(inputOf('abc').read(0).length, 0);
  assert.throws(() => inputOf('abc').read(1.5), TypeError);
  assert.throws(() => inputOf('abc').read('1' as never), TypeError);
});

test('readline gives lines with their line feed, and the last one without', () => {
  const input = inputOf('one\n\ntwo\r\nthree');
  assert.deepEqual(
    [0, 1, 2, 3, 4].map(() => input.readline().toString()),
    ['one\n', '\n', 'two\r\n', 'three', ''],
  );
});

test('readline stops at its limit, and the rest of the line follows', () => {
  const input = inputOf('abcdef\nxy');
  assert.deepEqual(
    [4, 3, 100].map((limit) => input.readline(limit).toString()),
    ['abcd', 'ef\n', 'xy'],
  );
});

test('readlines and iteration give the lines that are left; a hint bounds them', () => {
  assert.deepEqual(inputOf('a\nb\nc').readlines().map(String), ['a\n', 'b\n', 'c']);
  const input = inputOf('aa\nbb\ncc\n');
  assert.deepEqual(input.readlines(4).map(String), ['aa\n', 'bb\n']);
  assert.deepEqual([...input].map(String), ['cc\n']);
  assert.deepEqual(inputOf('a\nb').readlines(0).map(String), ['a\n', 'b']);
});

test('the asynchronous forms read the same', async () => {
  const input = inputOf('one\ntwo\nthree');
  assert.equal((await input.readAsync(2)).toString(), 'on');
  assert.equal((await input.readlineAsync()).toString(), 'e\n');
  assert.equal(input.readline().toString(), 'two\n');
  const chunks: string[] = [];
  for await (const chunk of input) chunks.push(chunk.toString());
  assert.deepEqual(chunks, ['three']);
  assert.equal(await inputOf('grüße').text(), 'grüße');
  assert.deepEqual(await inputOf('{"a": [1]}').json(), { a: [1] });
  assert.deepEqual(await inputOf('abc').bytes(), Buffer.from('abc'));
  await assert.rejects(inputOf('{').json(), SyntaxError);
});

test('a second read while one is under way is refused, and the first one is right', async () => {
  const input = inputOf('abcdef');
  const first = input.readAsync(3);
  await assert.rejects(input.readAsync(3), /another read is under way/);
  assert.throws(() => input.read(), /another read is under way/);
  assert.equal((await first).toString(), 'abc');
  assert.equal(input.read().toString(), 'def');
});

test('reading after the end of the request throws, also in the middle of a read', async () => {
  const input = inputOf('abcdef');
  const pending = input.readAsync(3);
  input.release();
  await assert.rejects(pending, /The request is over/);
  assert.throws(() => input.read(1), /The request is over/);
  await assert.rejects(input.text(), /The request is over/);
});

test('a body in a file is read by lines and by chunks', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'app-input-'));
  try {
    const lines = Array.from({ length: 30_000 }, (_, i) => `line ${i}\n`);
    const file = join(folder, 'body');
    writeFileSync(file, lines.join(''));
    const length = Buffer.byteLength(lines.join(''));
    const byLine = new WsgiInput(new FileBody(openSync(file, 'r'), length));
    assert.deepEqual(byLine.readlines().map(String), lines);
    const byChunk = new WsgiInput(new FileBody(openSync(file, 'r'), length));
    let text = '';
    for await (const chunk of byChunk) {
      assert.ok(chunk.length <= 65_536);
      text += chunk.toString();
    }
    assert.equal(text, lines.join(''));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
