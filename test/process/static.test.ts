// Static files, on every engine and both kinds of socket: what is served, how, and that no worker is asked for it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { RawClient } from '../helpers/http-client.js';
import { pattern } from '../helpers/http-front.js';
import { get, httpBytes, LARGE_BYTES, Site, type SiteAnswer, type SiteRequest } from './static-site.js';
import type { DisposableServer } from './threads-client.js';
import { ENGINES, Signs, SOCKET_KINDS, until } from './threads-client.js';

const OPTIONS = ['--static-map', '/m=www', '--static-index', 'index.html', '--static-map', '/one=www/hello.txt'];

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

for (const twin of ENGINES) {
  describe(`static files on the ${twin.name} engines`, () => {
    const site = new Site();
    let server: DisposableServer;

    before(async () => {
      server = await site.serve(twin, OPTIONS);
    });

    after(async () => {
      await server[Symbol.asyncDispose]();
      site[Symbol.dispose]();
    });

    for (const kind of SOCKET_KINDS) {
      const ask = async (what: SiteRequest | string): Promise<SiteAnswer> => {
        const answer = await get(server, kind, what);
        assert.ok(answer !== undefined, `no answer to ${JSON.stringify(what)}`);
        return answer;
      };

      test(`a file comes with its type, length and validators over ${kind}`, async () => {
        const { status, headers, body } = await ask('/m/hello.txt');
        assert.equal(status, 200);
        assert.equal(body.toString(), 'hello\n');
        assert.equal(headers.get('content-type'), 'text/plain');
        assert.equal(headers.get('content-length'), '6');
        assert.equal(headers.get('accept-ranges'), 'bytes');
        assert.equal(
          headers.get('last-modified'),
          new Date(statSync(site.path('www/hello.txt')).mtimeMs).toUTCString(),
        );
        assert.match(headers.get('etag') ?? '', /^"[\w-]+"$/);
        assert.equal(headers.has('x-application'), false);
        assert.equal(headers.has('date'), kind === 'http');
      });

      test(`an empty file, one with an umlaut, a single mapped file and an index come over ${kind}`, async () => {
        assert.deepEqual([(await ask('/m/empty.txt')).status, (await ask('/m/empty.txt')).body.length], [200, 0]);
        assert.equal((await ask('/m/umlaut-%C3%A4.txt')).body.toString(), 'ä\n');
        assert.equal((await ask('/one')).body.toString(), 'hello\n');
        assert.equal((await ask('/m/sub/')).body.toString(), '<p>sub\n');
        assert.equal((await ask('/m')).body.toString(), '<p>index\n');
      });

      test(`a large file comes whole, and in ranges, over ${kind}`, async () => {
        const whole = pattern(0, LARGE_BYTES);
        assert.equal(sha256((await ask('/m/large.bin')).body), sha256(whole));
        for (const [range, from, to] of [
          ['bytes=0-0', 0, 1],
          ['bytes=100-1999999', 100, 2_000_000],
          ['bytes=2999990-', 2_999_990, LARGE_BYTES],
          ['bytes=-7', LARGE_BYTES - 7, LARGE_BYTES],
          ['bytes=2999999-9999999', LARGE_BYTES - 1, LARGE_BYTES],
        ] as const) {
          const { status, headers, body } = await ask({ path: '/m/large.bin', headers: { Range: range } });
          assert.equal(status, 206, range);
          assert.equal(headers.get('content-range'), `bytes ${from}-${to - 1}/${LARGE_BYTES}`);
          assert.equal(sha256(body), sha256(whole.subarray(from, to)), range);
        }
        const beyond = await ask({ path: '/m/large.bin', headers: { Range: 'bytes=3000000-' } });
        assert.deepEqual([beyond.status, beyond.headers.get('content-range')], [416, `bytes */${LARGE_BYTES}`]);
        const several = await ask({ path: '/m/large.bin', headers: { Range: 'bytes=0-1,5-6' } });
        assert.deepEqual([several.status, several.body.length], [200, LARGE_BYTES]);
      });

      test(`HEAD gets the same head and no body over ${kind}`, async () => {
        for (const path of ['/m/hello.txt', '/m/large.bin']) {
          const whole = await ask(path);
          const { status, headers, body } = await ask({ path, method: 'HEAD' });
          assert.deepEqual([status, body.length], [200, 0]);
          for (const name of ['content-type', 'content-length', 'etag', 'last-modified']) {
            assert.equal(headers.get(name), whole.headers.get(name), name);
          }
        }
      });

      test(`conditions are answered 304 and 412, without a body, over ${kind}`, async () => {
        const { headers } = await ask('/m/hello.txt');
        const etag = headers.get('etag') ?? '';
        const modified = headers.get('last-modified') ?? '';
        const cases: readonly (readonly [Record<string, string>, number])[] = [
          [{ 'If-None-Match': etag }, 304],
          [{ 'If-None-Match': `"x", W/${etag}` }, 304],
          [{ 'If-None-Match': '"x"', 'If-Modified-Since': modified }, 200],
          [{ 'If-Modified-Since': modified }, 304],
          [{ 'If-Modified-Since': 'Sun, 06 Nov 1994 08:49:37 GMT' }, 200],
          [{ 'If-Match': '"x"' }, 412],
          [{ 'If-Match': etag, 'If-None-Match': etag }, 304],
          [{ 'If-Unmodified-Since': 'Sun, 06 Nov 1994 08:49:37 GMT' }, 412],
          [{ Range: 'bytes=0-1', 'If-Range': etag }, 206],
          [{ Range: 'bytes=0-1', 'If-Range': '"x"' }, 200],
        ];
        for (const [conditions, status] of cases) {
          const answer = await ask({ path: '/m/hello.txt', headers: conditions });
          assert.equal(answer.status, status, JSON.stringify(conditions));
          if (status === 304 || status === 412) assert.equal(answer.body.length, 0);
          if (status === 304) assert.equal(answer.headers.get('etag'), etag);
        }
      });

      test(`what is no file, and what is not asked for with GET, is the application's over ${kind}`, async () => {
        for (const what of ['/m/none.txt', '/other', '/mm/hello.txt', '/m/hello.txt/', '/one/hello.txt']) {
          assert.equal((await ask(what)).headers.get('x-application'), 'yes', what);
        }
        for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
          const { body } = await ask({ path: '/m/hello.txt', method });
          assert.equal(body.toString(), `the application has ${method}\n`);
        }
      });
    }

    test('a request for a file is logged as one that no application had, and counted', async () => {
      await get(server, 'http', '/m/hello.txt?logged');
      const [, number] = await server.waitForLog(
        /app: -1\|req: -1\/(\d+)\] 127\.0\.0\.1 \(\) \{\d+ vars in \d+ bytes\} .* GET \/m\/hello\.txt\?logged => generated 6 bytes in \d+ msecs \(HTTP\/1\.1 200\) \d headers in \d+ bytes \(0 switches on core 0\)/,
      );
      await get(server, 'http', '/other?counted');
      const [, next] = await server.waitForLog(/app: 0\|req: \d+\/(\d+)\] .* GET \/other\?counted /);
      // Workers count theirs a moment after their clients have the answer.
      assert.ok(Number(next) > Number(number));
    });

    test('answers of ours and of the application take turns on one connection', async () => {
      const client = new RawClient(server.http());
      const paths = ['/m/hello.txt', '/a', '/m/large.bin', '/m/none', '/m/hello.txt', '/m/sub/', '/b'];
      for (const [index, path] of paths.entries()) {
        await client.send(httpBytes({ path }));
        assert.equal((await client.responses(index + 1)).length, index + 1, path);
      }
      const answers = await client.responses(paths.length);
      client.destroy();
      assert.deepEqual(
        answers.map(({ status, body }) => [status, body.length]),
        [
          [200, 6],
          [404, 24],
          [200, LARGE_BYTES],
          [404, 24],
          [200, 6],
          [200, 7],
          [404, 24],
        ],
      );
    });

    test('a file that is replaced, and a root that is a link to another folder by now, are served as they are', async () => {
      site.write('www/changing.txt', 'one\n');
      const first = await get(server, 'http', '/m/changing.txt');
      site.write('www/changing.txt', 'two\n');
      utimesSync(site.path('www/changing.txt'), 1e9, 1e9);
      const second = await get(server, 'http', '/m/changing.txt');
      assert.deepEqual([first?.body.toString(), second?.body.toString()], ['one\n', 'two\n']);
      assert.equal(second?.headers.get('last-modified'), 'Sun, 09 Sep 2001 01:46:40 GMT');
      rmSync(site.path('www/changing.txt'));
      assert.equal((await get(server, 'http', '/m/changing.txt'))?.status, 404);
    });
  });

  test(`workers that are all busy hold up no file on the ${twin.name} engines`, async () => {
    using site = new Site();
    using signs = new Signs();
    await using server = await site.serve(twin, OPTIONS);
    const blocked = get(server, 'http', `/x?block=${signs.path('go')}`);
    // Its worker does not turn any more: only the front can answer.
    for (let i = 0; i < 20; i++) assert.equal((await get(server, 'http', '/m/hello.txt'))?.status, 200);
    signs.give('go');
    assert.equal((await blocked)?.status, 404);
  });

  test(`a deployment that changes the link to the root is seen at once on the ${twin.name} engines`, async () => {
    using site = new Site();
    site.write('releases/1/page.txt', 'release 1\n');
    site.write('releases/2/page.txt', 'release 2\n');
    site.link('releases/1', 'current');
    await using server = await site.serve(twin, ['--check-static', 'current']);
    assert.equal((await get(server, 'http', '/page.txt'))?.body.toString(), 'release 1\n');
    site.link('releases/2', 'next');
    renameSync(site.path('next'), site.path('current'));
    assert.equal((await get(server, 'http', '/page.txt'))?.body.toString(), 'release 2\n');
  });
}

for (const twin of ENGINES.filter(({ name }) => !name.includes('uws'))) {
  test(`thousands of requests for files sent ahead are answered in order on the ${twin.name} engines`, async () => {
    using site = new Site();
    await using server = await site.serve(twin, OPTIONS);
    const client = new RawClient(server.http());
    const count = 2000;
    const bytes = Array.from({ length: count }, (_, i) => httpBytes({ path: i % 10 === 9 ? '/a' : '/m/hello.txt' }));
    await client.send(Buffer.concat(bytes));
    await until('all are answered', async () => (await client.responses(count)).length === count);
    const statuses = (await client.responses(count)).map(({ status }) => status);
    client.destroy();
    assert.deepEqual(
      statuses,
      Array.from({ length: count }, (_, i) => (i % 10 === 9 ? 404 : 200)),
    );
  });
}
