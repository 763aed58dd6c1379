// wsgi.input against a reference that has the whole body: any sequence of reads, over a body that comes in any pieces.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WsgiInput } from '../../dist/app/wsgi/input.js';
import { MemoryBody } from '../helpers/fake-exchange.js';

/** What Python's io.BytesIO would do. */
class Reference {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  read(size: number): Buffer {
    const end = size < 0 ? this.bytes.length : Math.min(this.bytes.length, this.at + size);
    const part = this.bytes.subarray(this.at, end);
    this.at = end;
    return part;
  }

  readline(limit: number): Buffer {
    const feed = this.bytes.indexOf(10, this.at);
    const line = (feed < 0 ? this.bytes.length : feed + 1) - this.at;
    return this.read(limit < 0 ? line : Math.min(limit, line));
  }

  readlines(): Buffer[] {
    const lines: Buffer[] = [];
    for (let line = this.readline(-1); line.length > 0; line = this.readline(-1)) lines.push(line);
    return lines;
  }
}

const body = fc.oneof(
  fc
    .array(fc.constantFrom('a', 'b', '\n', '\r\n', '\u00e9'), { maxLength: 60 })
    .map((parts) => Buffer.from(parts.join(''))),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);
const size = fc.integer({ min: -1, max: 40 });
const operation = fc.record({ name: fc.constantFrom('read', 'readline', 'readAsync', 'readlineAsync'), size });

test('any sequence of reads, synchronous or not, gives what the whole body has, over any pieces', async () => {
  await fc.assert(
    fc.asyncProperty(
      body,
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      fc.array(operation),
      async (bytes, cuts, operations) => {
        let cut = 0;
        const input = new WsgiInput(new MemoryBody(bytes, () => cuts[cut++ % cuts.length] ?? 1));
        const reference = new Reference(bytes);
        for (const { name, size } of operations) {
          if (name === 'read') assert.deepEqual(input.read(size), reference.read(size));
          else if (name === 'readline') assert.deepEqual(input.readline(size), reference.readline(size));
          else if (name === 'readAsync') assert.deepEqual(await input.readAsync(size), reference.read(size));
          else assert.deepEqual(await input.readlineAsync(size), reference.readline(size));
        }
        assert.deepEqual(input.readlines(), reference.readlines());
        assert.equal(input.read().length, 0);
      },
    ),
    { numRuns: 500 },
  );
});
