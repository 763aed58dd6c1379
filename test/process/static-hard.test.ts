// Static files under bad conditions: clients that leave, do not read or read slowly, files that change while they are sent,
// many files and a large one. Whatever happens, no file stays open and the process does not grow.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { open } from '../helpers/http-stream.js';
import { descriptorsBackTo, idleDescriptors, MemoryWatch, openDescriptors } from '../helpers/process-status.js';
import { parseResponse, UwsgiClient } from '../helpers/uwsgi-client.js';
import { get, Site, uwsgiBytes } from './static-site.js';
import { type DisposableServer, ENGINES, SOCKET_KINDS, type SocketKind, until } from './threads-client.js';

const MB = 2 ** 20;
const GB = 2 ** 30;
const MANY = 10_000;
const OPTIONS = ['--check-static', 'www', '--http-timeout', '1', '--socket-timeout', '1', '--disable-logging'];
/** uWebSockets.js has its own idea of how long a client may not read. */
const GIVEN_UP_MS = 30_000;

/** The head and the first bytes of a file's answer; nothing more is read. */
async function beginReading(server: DisposableServer, kind: SocketKind, path: string): Promise<{ leave(): void }> {
  if (kind === 'uwsgi') {
    const client = new UwsgiClient(server.uwsgi());
    await client.send(uwsgiBytes({ path }));
    await client.received(1);
    client.socket.pause();
    return client;
  }
  const response = await open({ socket: server.http().port, path });
  await new Promise((resolve) => response.once('readable', resolve));
  response.on('error', () => {});
  return { leave: () => response.destroy() };
}

/** Bytes of body that come of a file whose reading was begun, and whether the answer says that this is all. */
async function readOn(response: IncomingMessage): Promise<{ bytes: number; complete: boolean }> {
  let bytes = 0;
  try {
    for await (const chunk of response) bytes += (chunk as Buffer).length;
  } catch {
    return { bytes, complete: false };
  }
  return { bytes, complete: true };
}

function isOpen(server: DisposableServer, file: string): boolean {
  return openDescriptors(server.pid).some((what) => what.startsWith(file));
}

for (const twin of ENGINES) {
  describe(`static files under bad conditions on the ${twin.name} engines`, () => {
    const site = new Site();
    const sparse = site.path('www/sparse.bin');
    let server: DisposableServer;
    let descriptors = 0;

    before(async () => {
      writeFileSync(sparse, '');
      truncateSync(sparse, GB);
      mkdirSync(site.path('www/many'));
      for (let i = 0; i < MANY; i++) writeFileSync(site.path(`www/many/${i}.txt`), `file ${i} ${'x'.repeat(i % 3000)}`);
      server = await site.serve(twin, OPTIONS);
      // What is opened once, with the first requests, is open from then on.
      for (const kind of SOCKET_KINDS) for (const path of ['/hello.txt', '/none']) await get(server, kind, path);
      descriptors = await idleDescriptors(server.pid);
    });

    after(async () => {
      await server[Symbol.asyncDispose]();
      site[Symbol.dispose]();
    });

    for (const kind of SOCKET_KINDS) {
      test(`clients that leave in the middle leave no file open over ${kind}`, async () => {
        const clients = await Promise.all(Array.from({ length: 20 }, () => beginReading(server, kind, '/sparse.bin')));
        assert.ok(isOpen(server, sparse));
        for (const client of clients) client.leave();
        await descriptorsBackTo(server.pid, descriptors, GIVEN_UP_MS);
        assert.equal((await get(server, kind, '/hello.txt'))?.status, 200);
      });

      test(`a client that does not read is given up over ${kind}`, async () => {
        const client = await beginReading(server, kind, '/sparse.bin');
        assert.ok(isOpen(server, sparse));
        await until('the file is closed', () => !isOpen(server, sparse), GIVEN_UP_MS);
        client.leave();
        await descriptorsBackTo(server.pid, descriptors, GIVEN_UP_MS);
      });
    }

    test('a file that becomes shorter while it is sent ends in a broken answer, not in a short one', async () => {
      const path = site.path('www/shrinking.bin');
      writeFileSync(path, '');
      truncateSync(path, 300 * MB);
      const response = await open({ socket: server.http().port, path: '/shrinking.bin' });
      truncateSync(path, MB);
      const { bytes, complete } = await readOn(response);
      assert.equal(complete, false);
      assert.ok(bytes < 300 * MB);
      await server.waitForLog(/Response broken off: its file cannot be read to the end/);
      truncateSync(path, 300 * MB);
      const client = new UwsgiClient(server.uwsgi());
      await client.send(uwsgiBytes({ path: '/shrinking.bin' }));
      await client.received(1);
      truncateSync(path, MB);
      const { body, headers } = parseResponse((await client.outcome).bytes);
      assert.equal(new Map(headers).get('Content-Length'), String(300 * MB));
      assert.ok(body.length < 300 * MB);
      await descriptorsBackTo(server.pid, descriptors, GIVEN_UP_MS);
    });

    test('a file that is removed while it is sent is sent to its end', async () => {
      const path = site.path('www/vanishing.bin');
      writeFileSync(path, Buffer.alloc(40 * MB, 'v'));
      const response = await open({ socket: server.http().port, path: '/vanishing.bin' });
      rmSync(path);
      assert.deepEqual(await readOn(response), { bytes: 40 * MB, complete: true });
      assert.equal((await get(server, 'http', '/vanishing.bin'))?.status, 404);
    });

    test('a client that reads slowly gets all of it, and others are served meanwhile', async () => {
      const path = site.path('www/slow.bin');
      writeFileSync(path, Buffer.alloc(40 * MB, 's'));
      const response = await open({ socket: server.http().port, path: '/slow.bin' });
      let bytes = 0;
      let pauses = 3;
      for await (const chunk of response) {
        bytes += (chunk as Buffer).length;
        if (bytes < (4 - pauses) * 10 * MB || pauses === 0) continue;
        pauses--;
        await sleep(500);
        assert.equal((await get(server, 'http', '/hello.txt'))?.status, 200);
      }
      assert.equal(bytes, 40 * MB);
      assert.equal(pauses, 0);
    });

    test(`${MANY} files and one of a gigabyte do not grow the process`, async () => {
      const fetchMany = async (from: number, to: number) => {
        let next = from;
        const client = async () => {
          for (let i = next++; i < to; i = next++) {
            const answer = await get(server, i % 2 === 0 ? 'http' : 'uwsgi', `/many/${i}.txt`);
            assert.equal(answer?.body.length, `file ${i} `.length + (i % 3000));
          }
        };
        await Promise.all(Array.from({ length: 8 }, client));
      };
      await fetchMany(0, 1000);
      const memory = new MemoryWatch(server.pid);
      await fetchMany(1000, MANY);
      const { bytes, complete } = await readOn(await open({ socket: server.http().port, path: '/sparse.bin' }));
      assert.deepEqual([bytes, complete], [GB, true]);
      const grown = memory.stop();
      // A quarter of the large file: heaps of JavaScript grow before they are collected.
      assert.ok(grown < GB / 4, `${(grown / MB).toFixed(0)} MB more`);
      await descriptorsBackTo(server.pid, descriptors, GIVEN_UP_MS);
    });
  });
}
