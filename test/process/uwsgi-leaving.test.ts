// Clients of a uwsgi socket that leave: at every point of a request and its response. What they held is freed, the
// application's iterator is closed, and the next request is served by the same, only worker.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { descriptorsBackTo, idleDescriptors, openDescriptors } from '../helpers/process-status.js';
import type { RunningServer } from '../helpers/server.js';
import { generatedBody } from '../helpers/uwsgi-app.js';
import { header, parseResponse, request, requestBytes, UwsgiClient } from '../helpers/uwsgi-client.js';
import { startUwsgiServer, TRANSPORTS, UWSGI_ENGINES } from '../helpers/uwsgi-server.js';

const MB = 1024 * 1024;
/** More than sockets, rings and buffers on the way hold together. */
const ENDLESS = 1024 * MB;

// Mostly waiting: the servers are tested at the same time.
describe('clients of a uwsgi socket that leave', { concurrency: true }, () => {
  for (const engine of UWSGI_ENGINES) {
    for (const transport of TRANSPORTS) {
      describe(`a ${engine} server on ${transport}`, { concurrency: 1 }, () => {
        let server: RunningServer;
        let descriptors: number;
        let from: number;

        before(async () => {
          server = await startUwsgiServer(engine, transport, ['--socket-timeout', '1', '--threads', '1']);
          await request(server.uwsgi());
          descriptors = await idleDescriptors(server.pid);
          from = server.log().length;
        });

        afterEach(async () => {
          assert.equal((await request(server.uwsgi())).status, 200);
          await descriptorsBackTo(server.pid, descriptors);
          from = server.log().length;
        });

        after(async () => {
          assert.equal(await server.stop(), 0);
        });

        /** A client whose request has reached the server. */
        async function start(bytes: Buffer): Promise<UwsgiClient> {
          const client = new UwsgiClient(server.uwsgi());
          await client.send(bytes);
          return client;
        }

        const closed = (id: string) =>
          server.waitForLog(new RegExp(`^closed ${id}(?: after (\\d+) bytes)?$`, 'm'), { from });

        const upload = requestBytes({ method: 'POST', uri: '/hash', body: generatedBody(MB) });
        for (const [where, bytes] of [
          ['before the packet', Buffer.alloc(0)],
          ['in the header', header(0, 100).subarray(0, 2)],
          ['in the vars', requestBytes({}).subarray(0, 100)],
          ['in a small body', requestBytes({ method: 'POST', contentLength: '100', body: Buffer.from('abc') })],
          ['in a large body', upload.subarray(0, MB / 2)],
          ['after the request', requestBytes({})],
          ['after an upload', upload],
        ] as const) {
          test(`is not bothered by a client that leaves ${where}`, async () => {
            const clients = await Promise.all(Array.from({ length: 5 }, () => start(bytes)));
            for (const client of clients) client.leave();
          });
        }

        test('closes the iterator of a client that leaves while the application waits', async () => {
          const client = await start(requestBytes({ uri: '/wait?ms=60000&id=waits' }));
          await server.waitForLog(/^waiting waits$/m, { from });
          client.leave();
          await closed('waits');
        });

        test('never starts the request of a client that leaves while it is queued', async () => {
          // Accepted before the worker is busy: from then on new connections wait in the kernel.
          const queued = requestBytes({ uri: '/wait?ms=0&id=leaves' });
          const leaves = await start(queued.subarray(0, 50));
          await connections(server, descriptors, 1);
          const running = await start(requestBytes({ uri: '/wait?ms=60000&id=running' }));
          await server.waitForLog(/^waiting running$/m, { from });
          await leaves.send(queued.subarray(50));
          leaves.leave();
          await descriptorsBackTo(server.pid, descriptors + 1);
          const stays = await start(requestBytes({ uri: '/wait?ms=0&id=stays' }));
          running.leave();
          await closed('running');
          assert.equal(parseResponse((await stays.outcome).bytes).body.toString(), 'waited');
          assert.doesNotMatch(server.log().slice(from), /^waiting leaves$/m);
        });

        test('survives a client that leaves while the application blocks its thread', async () => {
          const client = await start(requestBytes({ uri: '/spin?ms=400&id=spins' }));
          await server.waitForLog(/^spinning spins$/m, { from });
          client.leave();
        });

        for (const route of ['stream', 'stream-async']) {
          test(`closes the iterator of a client that leaves in the middle of its response: /${route}`, async () => {
            const client = await start(requestBytes({ uri: `/${route}?bytes=${ENDLESS}&id=${route}` }));
            await client.received(MB);
            client.leave();
            const [, given] = await closed(route);
            assert.ok(Number(given) < ENDLESS, `${given} bytes were asked for`);
          });

          test(`closes the iterator of a client that stops reading: /${route}`, async () => {
            const client = await start(requestBytes({ uri: `/${route}?bytes=${ENDLESS}&id=${route}` }));
            await client.received(MB);
            client.socket.pause();
            await server.waitForLog(/^timeout: the client read nothing for 1000 ms. skip.$/m, { from });
            const [, given] = await closed(route);
            assert.ok(Number(given) < ENDLESS, `${given} bytes were asked for`);
            client.leave();
          });
        }

        test('goes on when a client leaves in the middle of write()', async () => {
          const client = await start(requestBytes({ uri: `/write?bytes=${64 * MB}` }));
          await client.received(100_000);
          client.leave();
        });

        test('reuses slots of clients that left for requests that find nothing of them', async () => {
          for (let i = 0; i < 50; i++) {
            const client = await start(requestBytes({ uri: `/whole?bytes=${MB}` }));
            await client.received(1);
            client.leave();
            const body = Buffer.from(`body ${i}`);
            const response = await request(server.uwsgi(), { method: 'POST', uri: '/echo', body });
            assert.equal(response.body.toString(), body.toString());
          }
        });
      });
    }
  }
});

/** Waits until a server holds `count` connections: descriptors beyond `idle`. */
async function connections(server: RunningServer, idle: number, count: number): Promise<void> {
  const deadline = performance.now() + 5000;
  while (openDescriptors(server.pid).length < idle + count) {
    assert.ok(performance.now() < deadline, 'the server accepts the connections');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
