// A gigabyte each way straight to HTTP, on every engine that does all of it: the hashes agree, and the server's memory stays as it was.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WHOLE_ENGINES } from '../helpers/http-front.js';
import { download, send } from '../helpers/http-stream.js';
import { descriptorsBackTo, idleDescriptors, MemoryWatch } from '../helpers/process-status.js';
import { type RunningServer, startServer } from '../helpers/server.js';
import { blocks, generatedHash } from '../helpers/uwsgi-app.js';

const MB = 1024 * 1024;
const GB = 1024 * MB;
/** A tenth of the body: what the heaps take before they collect is up to half of it. */
const GROWTH_BYTES_MAX = GB / 10;
const hash = generatedHash(GB);
const APPLICATION = join(import.meta.dirname, '..', 'helpers', 'uwsgi-app.js');

for (const engine of WHOLE_ENGINES) {
  describe(`a server with HTTP on ${engine}`, () => {
    let server: RunningServer;
    let socket: number;
    let descriptors: number;

    const upload = (bytes: number, isChunked: boolean) => {
      const headers = isChunked ? {} : { 'Content-Length': String(bytes) };
      return send({ socket, method: 'POST', path: '/hash', headers, body: blocks(bytes) });
    };

    before(async () => {
      const http = ['--http', '127.0.0.1:0', '--http-engine', engine];
      server = await startServer({ args: [...http, '--wsgi-file', APPLICATION, '--need-app', '--processes', '1'] });
      socket = server.http().port;
      await send({ socket, path: `/stream?bytes=${8 * MB}&id=warm-up` });
      await upload(8 * MB, false);
      descriptors = await idleDescriptors(server.pid);
    });

    after(async () => {
      assert.equal(await server.stop(), 0);
      // Node warns, for one, of descriptors whose owners it loses sight of.
      assert.doesNotMatch(server.log(), /Warning: /);
    });

    for (const [how, isChunked] of [
      ['with its length', false],
      ['in chunks', true],
    ] as const) {
      test(`takes an upload of 1 GB ${how}`, async (t) => {
        const memory = new MemoryWatch(server.pid);
        const { status, body } = await upload(GB, isChunked);
        const growth = memory.stop();
        t.diagnostic(`the server grew by ${growth} bytes`);
        assert.equal(status, 200);
        assert.equal(body.toString(), `${GB} ${hash}`);
        assert.ok(growth < GROWTH_BYTES_MAX, `the server grew by ${growth} bytes`);
        await descriptorsBackTo(server.pid, descriptors);
      });
    }

    test('streams 1 GB to a client that reads slowly', async (t) => {
      const memory = new MemoryWatch(server.pid);
      const what = { socket, path: `/stream?bytes=${GB}&id=large` };
      const { bytes, sha256 } = await download(what, [1, 50 * MB, 100 * MB], 400);
      const growth = memory.stop();
      t.diagnostic(`the server grew by ${growth} bytes`);
      assert.equal(bytes, GB);
      assert.equal(sha256, hash);
      assert.ok(growth < GROWTH_BYTES_MAX, `the server grew by ${growth} bytes`);
      await descriptorsBackTo(server.pid, descriptors);
    });
  });
}
