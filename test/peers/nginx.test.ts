// Through a real nginx: uwsgi_pass on TCP and on a unix socket to each uwsgi engine, with and without nginx's buffers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { open, send } from '../helpers/http-stream.js';
import { type Nginx, nginxMissing, startNginx } from '../helpers/nginx.js';
import { descriptorsBackTo, idleDescriptors } from '../helpers/process-status.js';
import type { RunningServer } from '../helpers/server.js';
import { blocks, generatedBody, generatedHash } from '../helpers/uwsgi-app.js';
import { startUwsgiServer, TRANSPORTS, UWSGI_ENGINES } from '../helpers/uwsgi-server.js';

const MB = 1024 * 1024;
const LIMIT_POST = 50 * MB;
const skip = nginxMissing();

for (const engine of UWSGI_ENGINES) {
  for (const transport of TRANSPORTS) {
    describe(`nginx in front of a ${engine} server on ${transport}`, { skip }, () => {
      let server: RunningServer;
      let nginx: Nginx;
      let descriptors: number;

      before(async () => {
        server = await startUwsgiServer(engine, transport, ['--limit-post', String(LIMIT_POST), '--processes', '2']);
        const upstream = server.uwsgi();
        nginx = await startNginx({
          buffered: { upstream },
          unbuffered: { upstream, settings: ['uwsgi_request_buffering off;', 'uwsgi_buffering off;'] },
        });
        await send({ socket: nginx.sockets.buffered as string, path: '/' });
        descriptors = await idleDescriptors(server.pid);
      });

      after(async () => {
        await nginx?.stop();
        assert.equal(await server.stop(), 0);
      });

      for (const site of ['buffered', 'unbuffered']) {
        const socketOf = () => nginx.sockets[site] as string;

        async function environ(path: string, headers = {}): Promise<Record<string, string>> {
          const { status, body } = await send({ socket: socketOf(), path, headers });
          assert.equal(status, 200, body.toString());
          return JSON.parse(body.toString()) as Record<string, string>;
        }

        test(`passes a GET with 8 KB of cookies (${site})`, async () => {
          const cookie = Array.from({ length: 160 }, (_, i) => `name${i}=${'v'.repeat(43)}`).join('; ');
          assert.ok(cookie.length > 8192);
          assert.equal((await environ('/environ', { cookie })).HTTP_COOKIE, cookie);
        });

        for (const length of [0, 1, 65_535, 65_536, 5 * MB]) {
          test(`passes a POST of ${length} bytes, and what is echoed (${site})`, async () => {
            const body = generatedBody(length);
            const headers = { 'Content-Length': String(length) };
            const hashed = await send({ socket: socketOf(), method: 'POST', path: '/hash', headers, body: [body] });
            assert.equal(hashed.body.toString(), `${length} ${generatedHash(length)}`);
            const echoed = await send({ socket: socketOf(), method: 'POST', path: '/echo', headers, body: [body] });
            assert.ok(echoed.body.equals(body));
          });
        }

        test(`passes a chunked upload (${site})`, async () => {
          const headers = { 'Transfer-Encoding': 'chunked' };
          const body = blocks(3 * MB + 17);
          const { body: answer } = await send({ socket: socketOf(), method: 'PUT', path: '/hash', headers, body });
          assert.equal(answer.toString(), `${3 * MB + 17} ${generatedHash(3 * MB + 17)}`);
        });

        test(`passes HEAD and 304 without a body (${site})`, async () => {
          const head = await send({ socket: socketOf(), method: 'HEAD', path: `/whole?bytes=${MB}&length` });
          assert.equal(head.status, 200);
          assert.equal(head.headers['content-length'], String(MB));
          assert.equal(head.body.length, 0);
          const notModified = await send({ socket: socketOf(), path: '/status?status=304' });
          assert.equal(notModified.status, 304);
          assert.equal(notModified.headers['x-test'], 'yes');
          assert.equal(notModified.body.length, 0);
        });

        test(`passes duplicate headers both ways (${site})`, async () => {
          const { headers } = await send({ socket: socketOf(), path: '/cookies' });
          assert.deepEqual(headers['set-cookie'], ['a=1; Path=/', 'b=2; Path=/']);
          // Up to 1.21 nginx sends two variables of one name, later ones a joined one.
          const twice = (await environ('/environ', { 'X-Twice': ['a', 'b'] })).HTTP_X_TWICE;
          assert.ok(twice === 'b' || twice === 'a, b', twice);
        });

        test(`passes percent-encoded and UTF-8 paths (${site})`, async () => {
          const decoded = '/environ/ä 你/%?x';
          const path = '/environ/%C3%A4%20%E4%BD%A0/%25%3Fx?q=%E4%20+&r=%2F';
          const vars = await environ(path);
          // Variables are latin-1: each character is a byte of the UTF-8 path.
          assert.equal(Buffer.from(vars.PATH_INFO ?? '', 'latin1').toString(), decoded);
          assert.equal(vars.REQUEST_URI, path);
          assert.equal(vars.QUERY_STRING, 'q=%E4%20+&r=%2F');
          const raw = Buffer.from('/environ/ä你').toString('latin1');
          assert.equal((await environ(raw)).PATH_INFO, raw);
        });

        test(`passes an error of the application (${site})`, async () => {
          assert.equal((await send({ socket: socketOf(), path: '/throw-early' })).status, 500);
        });

        test(`closes the iterator when nginx's client leaves (${site})`, async () => {
          const from = server.log().length;
          const response = await open({ socket: socketOf(), path: `/stream-async?bytes=${1024 * MB}&id=${site}` });
          await new Promise((resolve) => response.once('data', resolve));
          response.destroy();
          const [, given] = await server.waitForLog(new RegExp(`^closed ${site} after (\\d+) bytes$`, 'm'), { from });
          assert.ok(Number(given) < 1024 * MB);
        });
      }

      test('passes 413 to a client that is still sending', async () => {
        const socket = nginx.sockets.unbuffered as string;
        const headers = { 'Content-Length': String(LIMIT_POST + 1) };
        const body = blocks(LIMIT_POST + 1);
        assert.equal((await send({ socket, method: 'POST', path: '/hash', headers, body })).status, 413);
      });

      // A unix socket knows no reset: nginx cannot tell there.
      if (transport === 'tcp') {
        test('does not let nginx take a response that failed in the middle for a complete one', async () => {
          await assert.rejects(send({ socket: nginx.sockets.unbuffered as string, path: '/throw-late' }));
        });
      }

      test('has no descriptor open that it had not before', () => descriptorsBackTo(server.pid, descriptors));
    });
  }
}
