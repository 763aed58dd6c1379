// A gigabyte each way through a real nginx, with a client that reads slowly: the hashes agree, and the server's memory stays
// as it was.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { download, send } from '../helpers/http-stream.js';
import { type Nginx, nginxMissing, startNginx } from '../helpers/nginx.js';
import { descriptorsBackTo, idleDescriptors, MemoryWatch } from '../helpers/process-status.js';
import type { RunningServer } from '../helpers/server.js';
import { blocks, generatedHash } from '../helpers/uwsgi-app.js';
import { startUwsgiServer, TRANSPORTS, UWSGI_ENGINES } from '../helpers/uwsgi-server.js';

const MB = 1024 * 1024;
const GB = 1024 * MB;
/** A tenth of the body: what the heaps take before they collect is up to half of it. */
const GROWTH_BYTES_MAX = GB / 10;
const skip = nginxMissing();
const hash = skip === undefined ? generatedHash(GB) : '';

for (const engine of UWSGI_ENGINES) {
  for (const transport of TRANSPORTS) {
    // On one transport nginx collects the upload and sends it at once, on the other it hands it on as it comes.
    const buffering = transport === 'tcp' ? 'on' : 'off';

    describe(`nginx in front of a ${engine} server on ${transport}`, { skip }, () => {
      let server: RunningServer;
      let nginx: Nginx;
      let descriptors: number;

      before(async () => {
        server = await startUwsgiServer(engine, transport, []);
        // No temporary file for responses: a slow reader is to slow down the server, not to fill nginx's disk.
        const settings = [
          `uwsgi_request_buffering ${buffering};`,
          `uwsgi_buffering ${buffering};`,
          'uwsgi_max_temp_file_size 0;',
        ];
        nginx = await startNginx({ site: { upstream: server.uwsgi(), settings } });
        await send({ socket: nginx.sockets.site as string, path: `/stream?bytes=${8 * MB}&id=warm-up` });
        const headers = { 'Content-Length': String(8 * MB) };
        await send({
          socket: nginx.sockets.site as string,
          method: 'POST',
          path: '/hash',
          headers,
          body: blocks(8 * MB),
        });
        descriptors = await idleDescriptors(server.pid);
      });

      after(async () => {
        await nginx?.stop();
        assert.equal(await server.stop(), 0);
      });

      test(`takes an upload of 1 GB, request buffering ${buffering}`, async (t) => {
        const memory = new MemoryWatch(server.pid);
        const { status, body } = await send({
          socket: nginx.sockets.site as string,
          method: 'POST',
          path: '/hash',
          headers: { 'Content-Length': String(GB) },
          body: blocks(GB),
        });
        const growth = memory.stop();
        t.diagnostic(`the server grew by ${growth} bytes`);
        assert.equal(status, 200);
        assert.equal(body.toString(), `${GB} ${hash}`);
        assert.ok(growth < GROWTH_BYTES_MAX, `the server grew by ${growth} bytes`);
        await descriptorsBackTo(server.pid, descriptors);
      });

      test(`streams 1 GB to a client that reads slowly, buffering ${buffering}`, async (t) => {
        const memory = new MemoryWatch(server.pid);
        const what = { socket: nginx.sockets.site as string, path: `/stream?bytes=${GB}&id=large` };
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
}
