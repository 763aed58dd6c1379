// What an HTTP front does with honest requests, on every engine: packets, bodies, replies, and what happens when one side goes.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestBody } from '../../dist/app/exchange.js';
import { parseResponses, RawClient, request, talk } from '../helpers/http-client.js';
import { ENGINES, eventually, pattern, respond, startHttp } from '../helpers/http-front.js';

const HAS_IPV6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);
const HEAD = 'HTTP/1.1\r\nHost: a.example\r\n';

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Descriptors of unlinked temporary files. */
function bodyFiles(): string[] {
  const files: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      if (target.startsWith(tmpdir()) && target.endsWith('(deleted)')) files.push(target);
    } catch {
      // The descriptor of the listing itself.
    }
  }
  return files;
}

for (const engine of ENGINES) {
  describe(`http requests on ${engine}`, () => {
    test('become the vars that UWSGI.md names', async () => {
      await using http = await startHttp(engine);
      const target = '/vars/../vars?a=%20b&c';
      const headers =
        'X-One: 1\r\nX-One: 2\r\nCookie: a=1\r\nCookie: b=2\r\nContent-Type: text/x\r\nContent-Length: 3\r\n';
      const response = await request(http.target, `POST ${target} ${HEAD}${headers}\r\nabc`);
      const vars = JSON.parse(response?.body.toString() ?? '') as Record<string, string>;
      const { SERVER_NAME, REMOTE_PORT, ...rest } = vars;
      assert.deepEqual(rest, {
        REQUEST_METHOD: 'POST',
        REQUEST_URI: target,
        PATH_INFO: '/vars',
        QUERY_STRING: 'a=%20b&c',
        SERVER_PROTOCOL: 'HTTP/1.1',
        SCRIPT_NAME: '',
        SERVER_PORT: String(http.target.port),
        REMOTE_ADDR: '127.0.0.1',
        HTTP_HOST: 'a.example',
        HTTP_X_ONE: '1, 2',
        HTTP_COOKIE: 'a=1; b=2',
        CONTENT_TYPE: 'text/x',
        CONTENT_LENGTH: '3',
      });
      assert.notEqual(SERVER_NAME, undefined);
      assert.notEqual(REMOTE_PORT, undefined);
    });

    test('keep the bytes of a UTF-8 path', async () => {
      await using http = await startHttp(engine);
      await request(http.target, Buffer.from(`GET /%C3%A9/x?%C3%BC ${HEAD}X: a ß b\r\n\r\n`));
      const [vars] = http.seen;
      assert.equal(Buffer.from(vars?.PATH_INFO ?? '', 'latin1').toString(), '/é/x');
      assert.equal(vars?.REQUEST_URI, '/%C3%A9/x?%C3%BC');
      assert.equal(vars?.QUERY_STRING, '%C3%BC');
      assert.equal(Buffer.from(vars?.HTTP_X ?? '', 'latin1').toString(), 'a ß b');
    });

    test('tell an empty query from none', async () => {
      await using http = await startHttp(engine);
      await request(http.target, `GET /? ${HEAD}\r\n`);
      await request(http.target, `GET / ${HEAD}\r\n`);
      assert.deepEqual(
        http.seen.map((vars) => vars.REQUEST_URI),
        ['/?', '/'],
      );
    });

    test('are read wherever they are cut', async () => {
      await using http = await startHttp(engine);
      const bytes = `POST /hash ${HEAD}X-Long: ${'x'.repeat(40)}\r\nContent-Length: 5\r\n\r\nhello`;
      const client = new RawClient(http.target);
      for (let cut = 1; cut < bytes.length; cut++) {
        await client.send(bytes.slice(0, cut), bytes.slice(cut));
        const responses = await client.responses(cut);
        assert.equal(responses[cut - 1]?.body.toString(), `5 ${sha256(Buffer.from('hello'))}`, `cut at ${cut}`);
      }
      client.destroy();
    });

    test('may carry 8 KB of cookies', async () => {
      await using http = await startHttp(engine);
      const cookie = 'c'.repeat(8192);
      assert.equal((await request(http.target, `GET / ${HEAD}Cookie: ${cookie}\r\n\r\n`))?.status, 200);
      assert.equal(http.seen[0]?.HTTP_COOKIE, cookie);
    });

    test('are answered 431 when their headers are over buffer-size', async () => {
      await using http = await startHttp(engine, { front: { varsBytesMax: 1000 } });
      const { bytes, closed } = await talk(http.target, [`GET / ${HEAD}Cookie: ${'c'.repeat(1000)}\r\n\r\n`], 5000);
      assert.deepEqual(
        parseResponses(bytes, closed).map((response) => response.status),
        [431],
      );
      assert.equal(closed, true);
      assert.deepEqual(http.seen, []);
    });

    for (const size of [0, 1, 65_535, 65_536, 65_537, 5_000_000]) {
      test(`may have a body of ${size} bytes`, async () => {
        await using http = await startHttp(engine);
        const body = pattern(0, size);
        const bytes = Buffer.concat([Buffer.from(`POST /hash ${HEAD}Content-Length: ${size}\r\n\r\n`), body]);
        const response = await request(http.target, bytes);
        assert.equal(response?.body.toString(), `${size} ${sha256(body)}`);
        await eventually('the body file is closed', () => bodyFiles().length === 0);
      });
    }

    test('hold the body in a file from post-buffering on', async () => {
      const files: number[] = [];
      await using http = await startHttp(engine, {
        front: { postBufferingBytes: 10 },
        handle: (exchange) => {
          files.push(bodyFiles().length);
          respond(exchange, '200 OK', [], '');
        },
      });
      for (const size of [9, 10]) {
        await request(http.target, `POST / ${HEAD}Content-Length: ${size}\r\n\r\n${'x'.repeat(size)}`);
        await eventually('the body file is closed', () => bodyFiles().length === 0);
      }
      assert.deepEqual(files, [0, 1]);
    });

    test('show nothing of the bodies before them, nor of those after', async () => {
      const kept: RequestBody[] = [];
      await using http = await startHttp(engine, {
        handle: (exchange) => {
          const { body } = exchange;
          kept.push(body);
          const read = Buffer.concat([body.readSync(100_000), body.readSync(100_000), body.readSync(100_000)]);
          respond(exchange, '200 OK', [], sha256(read));
        },
      });
      for (const [size, letter] of [
        [200_000, 'a'],
        [70_000, 'b'],
        [150_000, 'c'],
      ] as const) {
        const body = Buffer.alloc(size, letter);
        const bytes = Buffer.concat([Buffer.from(`POST / ${HEAD}Content-Length: ${size}\r\n\r\n`), body]);
        assert.equal((await request(http.target, bytes))?.body.toString(), sha256(body));
        for (const over of kept) assert.equal(over.readSync(1).length, 0);
      }
    });

    test('are told 100 Continue before they send a body', async () => {
      await using http = await startHttp(engine);
      const client = new RawClient(http.target);
      await client.send(`POST /hash ${HEAD}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n`);
      await client.until(() => client.received.length > 0);
      assert.equal(client.received.toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
      await client.send('hello');
      const [response] = await client.responses(1);
      assert.equal(response?.body.toString(), `5 ${sha256(Buffer.from('hello'))}`);
      client.destroy();
    });

    test('are answered 413 before their body is read when it is over limit-post', async () => {
      await using http = await startHttp(engine, { front: { limitPostBytes: 10 } });
      const { bytes, closed } = await talk(http.target, [`POST / ${HEAD}Content-Length: 11\r\n\r\n`], 5000);
      assert.deepEqual(
        parseResponses(bytes, closed).map((response) => response.status),
        [413],
      );
      assert.equal(closed, true);
      assert.equal((await request(http.target, `POST / ${HEAD}Content-Length: 10\r\n\r\n0123456789`))?.status, 200);
    });

    test('are answered 500 when their body cannot be stored', async () => {
      const before = process.env.TMPDIR;
      // Set before the front starts: a thread has an environment of its own.
      process.env.TMPDIR = '/does/not/exist';
      try {
        await using http = await startHttp(engine);
        const bytes = Buffer.concat([Buffer.from(`POST / ${HEAD}Content-Length: 200000\r\n\r\n`), pattern(0, 200_000)]);
        assert.equal((await request(http.target, bytes))?.status, 500);
        await eventually('it is logged', () => /^Cannot store a request body: ENOENT/m.test(http.log.join('\n')));
        assert.equal((await request(http.target, `GET / ${HEAD}\r\n`))?.status, 200);
        await eventually('all slots are free', () => http.worker.busySlots === 0);
      } finally {
        if (before === undefined) delete process.env.TMPDIR;
        else process.env.TMPDIR = before;
      }
    });

    test('leave nothing behind when the client leaves in the middle of an upload', async () => {
      await using http = await startHttp(engine);
      const client = new RawClient(http.target);
      await client.send(
        Buffer.concat([Buffer.from(`POST / ${HEAD}Content-Length: 900000\r\n\r\n`), pattern(0, 300_000)]),
      );
      await eventually('the body goes to a file', () => bodyFiles().length === 1);
      client.destroy();
      await eventually('the body file is closed', () => bodyFiles().length === 0);
      assert.deepEqual(http.seen, []);
      assert.equal(http.worker.busySlots, 0);
    });

    test('wait for a slot, and are answered 503 when too many wait', async () => {
      await using http = await startHttp(engine, { worker: { slots: 1, concurrency: 1, queueMax: 1 } });
      const clients = [0, 1, 2].map(() => new RawClient(http.target));
      for (const client of clients) {
        await client.send(`GET /slow?1500 ${HEAD}\r\n`);
        // In this order: the first one runs before the others come, and these come one after the other.
        await eventually('the first runs', () => http.seen.length === 1);
        await sleep(100);
      }
      const answers: number[] = [];
      for (const client of clients) answers.push((await client.responses(1))[0]?.status ?? 0);
      assert.deepEqual(answers, [200, 200, 503]);
      const [refused] = await (clients[2] as RawClient).responses(1);
      assert.equal(refused?.headers.get('retry-after'), '1');
      // The connection that was refused goes on, unless it was told that it does not.
      if (refused?.headers.get('connection') === 'close') {
        await clients[2]?.until(() => false);
        assert.equal(clients[2]?.closed, true);
      } else {
        await clients[2]?.send(`GET / ${HEAD}\r\n`);
        assert.equal((await (clients[2] as RawClient).responses(2))[1]?.status, 200);
      }
      for (const client of clients) client.destroy();
    });

    test('of HEAD are answered 503 without a body', async () => {
      await using http = await startHttp(engine, { worker: { slots: 1, concurrency: 1, queueMax: 0 } });
      const first = new RawClient(http.target);
      await first.send(`GET /slow?1000 ${HEAD}\r\n`);
      await eventually('the first runs', () => http.seen.length === 1);
      const second = new RawClient(http.target);
      await second.send(`HEAD / ${HEAD}\r\n`);
      const [refusal] = await second.responses(1, ['HEAD']);
      assert.equal(refusal?.status, 503);
      await second.until(() => false, 200);
      assert.match(second.received.toString(), /\r\n\r\n$/);
      second.destroy();
      await first.responses(1);
      first.destroy();
    });

    test('that wait are forgotten when their client leaves', async () => {
      await using http = await startHttp(engine, { worker: { slots: 1, concurrency: 1 } });
      const first = new RawClient(http.target);
      await first.send(`GET /slow?3000 ${HEAD}\r\n`);
      await eventually('the first runs', () => http.seen.length === 1);
      const second = new RawClient(http.target);
      await second.send(`POST /second ${HEAD}Content-Length: 1\r\n\r\nx`);
      await sleep(50);
      second.destroy();
      assert.equal((await first.responses(1))[0]?.status, 200);
      await first.send(`GET / ${HEAD}\r\n`);
      assert.equal((await first.responses(2))[1]?.status, 200);
      assert.deepEqual(
        http.seen.map((vars) => vars.PATH_INFO),
        ['/slow', '/'],
      );
      first.destroy();
    });
  });

  describe(`http replies on ${engine}`, () => {
    test('that are complete at first sight have a Content-Length and a Date', async () => {
      await using http = await startHttp(engine);
      const response = await request(http.target, `GET / ${HEAD}\r\n`);
      assert.equal(response?.statusLine, 'HTTP/1.1 200 OK');
      assert.equal(response?.headers.get('content-length'), '5');
      assert.match(response?.headers.get('date') ?? '', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
      assert.equal(response?.body.toString(), 'hello');
    });

    for (const size of [0, 1, 16_000, 20_000, 60_000, 65_536, 200_000, 3_000_000]) {
      test(`stream ${size} bytes of unknown length in chunks`, async () => {
        await using http = await startHttp(engine);
        const response = await request(http.target, `GET /stream?${size} ${HEAD}\r\n`);
        assert.equal(sha256(response?.body ?? Buffer.alloc(0)), sha256(pattern(0, size)));
      });

      test(`stream ${size} bytes of known length`, async () => {
        await using http = await startHttp(engine);
        const response = await request(http.target, `GET /length?${size} ${HEAD}\r\n`);
        assert.equal(response?.headers.get('content-length'), String(size));
        assert.equal(sha256(response?.body ?? Buffer.alloc(0)), sha256(pattern(0, size)));
      });
    }

    test('to HEAD keep the length and send no body, and the connection goes on', async () => {
      await using http = await startHttp(engine);
      const client = new RawClient(http.target);
      await client.send(`HEAD /length?70000 ${HEAD}\r\n`);
      await client.responses(1, ['HEAD']);
      await client.send(`HEAD /stream?70000 ${HEAD}\r\n`);
      await client.responses(2, ['HEAD', 'HEAD']);
      await client.send(`GET / ${HEAD}\r\n`);
      const responses = await client.responses(3, ['HEAD', 'HEAD', 'GET']);
      assert.deepEqual(
        responses.map((response) => response.headers.get('content-length')),
        ['70000', undefined, '5'],
      );
      assert.equal(responses[2]?.body.toString(), 'hello');
      client.destroy();
    });

    for (const status of ['204 No Content', '304 Not Modified']) {
      test(`of ${status} have no body and no length of ours`, async () => {
        await using http = await startHttp(engine);
        const client = new RawClient(http.target);
        await client.send(`GET /status?${encodeURIComponent(status)} ${HEAD}\r\n`);
        const [response] = await client.responses(1);
        assert.equal(response?.statusLine, `HTTP/1.1 ${status}`);
        assert.equal(response?.headers.has('content-length'), false);
        assert.equal(response?.headers.has('transfer-encoding'), false);
        await client.send(`GET / ${HEAD}\r\n`);
        assert.equal((await client.responses(2))[1]?.body.toString(), 'hello');
        client.destroy();
      });
    }

    test('of errors leave the connection open', async () => {
      await using http = await startHttp(engine, {
        handle: (exchange) => {
          if (exchange.core < 0) return;
          throw new Error('on purpose');
        },
      });
      const client = new RawClient(http.target);
      await client.send(`GET / ${HEAD}\r\n`);
      await client.responses(1);
      await client.send(`GET / ${HEAD}\r\n`);
      const responses = await client.responses(2);
      assert.deepEqual(
        responses.map((response) => response.status),
        [500, 500],
      );
      client.destroy();
    });

    test('keep repeated headers apart and drop what is the connection’s business', async () => {
      await using http = await startHttp(engine, {
        handle: (exchange) => {
          const headers = [
            ['Set-Cookie', 'a=1'],
            ['Set-Cookie', 'b=2'],
            ['Transfer-Encoding', 'chunked'],
            ['Keep-Alive', 'timeout=1000'],
            ['Date', 'Mon, 01 Jan 2024 00:00:00 GMT'],
            ['X-Last', 'z'],
          ] as const;
          respond(exchange, '418 Teapot, short', headers, 'body');
        },
      });
      const response = await request(http.target, `GET / ${HEAD}\r\n`);
      assert.equal(response?.statusLine, 'HTTP/1.1 418 Teapot, short');
      assert.equal(response?.headers.get('set-cookie'), 'a=1, b=2');
      assert.equal(response?.headers.get('content-length'), '4');
      assert.equal(response?.headers.has('transfer-encoding'), false);
      assert.notEqual(response?.headers.get('keep-alive'), 'timeout=1000');
      assert.match(response?.headers.get('date') ?? '', /^[^,]+, [^,]+$/, 'one Date');
      assert.equal(response?.headers.get('x-last'), 'z');
      assert.equal(response?.body.toString(), 'body');
    });

    for (const [name, value] of [
      ['Connection', 'keep-alive'],
      ['Connection', 'X-Hop'],
      ['Keep-Alive', 'timeout=1000'],
      ['Proxy-Connection', 'keep-alive'],
      ['Transfer-Encoding', 'gzip'],
    ] as const) {
      test(`do not pass on ${name}: ${value} of the application`, async () => {
        await using http = await startHttp(engine, {
          handle: (exchange) => respond(exchange, '200 OK', [[name, value]], 'body'),
        });
        const response = await request(http.target, `GET / ${HEAD}\r\n`);
        assert.equal(response?.body.toString(), 'body');
        // What the engine says itself, once, is its own business.
        const said = response?.headers.get(name.toLowerCase());
        if (said !== undefined) assert.match(said, name === 'Connection' ? /^keep-alive$/ : /^timeout=5$/);
      });
    }

    test('of 204 lose the length of the body they do not have', async () => {
      await using http = await startHttp(engine, {
        handle: (exchange) => respond(exchange, '204 No Content', [['Content-Length', '4']], 'body'),
      });
      const client = new RawClient(http.target);
      await client.send(`GET / ${HEAD}\r\n`);
      assert.equal((await client.responses(1))[0]?.headers.has('content-length'), false);
      await client.send(`GET / ${HEAD}\r\n`);
      const [, second] = await client.responses(2);
      assert.equal(second?.status, 204);
      client.destroy();
    });

    test('of 205 have no body, and say so', async () => {
      const headers: readonly (readonly (readonly [string, string])[])[] = [[], [['Content-Length', '4']]];
      let rows = 0;
      await using http = await startHttp(engine, {
        handle: async (exchange) => {
          exchange.response.head('205 Reset Content', headers[rows++ % 2] ?? []);
          exchange.response.write('bo');
          await sleep(5);
          exchange.response.end('dy');
        },
      });
      const client = new RawClient(http.target);
      for (const count of [1, 2, 3, 4]) {
        await client.send(`${count === 4 ? 'HEAD' : 'GET'} / ${HEAD}\r\n`);
        const response = (await client.responses(count))[count - 1];
        assert.equal(response?.status, 205);
        assert.equal(response?.headers.get('content-length'), '0');
        assert.equal(response?.isChunked, false);
      }
      client.destroy();
      assert.deepEqual(http.log, []);
    });

    for (const [name, target] of [
      ['small', '/'],
      ['streamed', '/stream?100000'],
    ]) {
      test(`end the connection when the client asks for it (${name})`, async () => {
        await using http = await startHttp(engine);
        const { bytes, closed } = await talk(http.target, [`GET ${target} ${HEAD}Connection: close\r\n\r\n`], 3000);
        assert.equal(parseResponses(bytes, closed)[0]?.status, 200);
        assert.equal(closed, true);
      });
    }

    test('end the connection when the application asks for it', async () => {
      await using http = await startHttp(engine, {
        handle: (exchange) => respond(exchange, '200 OK', [['Connection', 'close']], 'bye'),
      });
      const { bytes, closed } = await talk(http.target, [`GET / ${HEAD}\r\n`], 3000);
      const [response] = parseResponses(bytes, closed);
      assert.equal(response?.body.toString(), 'bye');
      assert.equal(response?.headers.get('connection'), 'close');
      assert.equal(closed, true);
    });

    test('that end before their Content-Length break the connection off', async () => {
      await using http = await startHttp(engine, {
        handle: async (exchange) => {
          exchange.response.head('200 OK', [['Content-Length', '10']]);
          exchange.response.write('abc');
          await sleep(20);
          exchange.response.end();
        },
      });
      const { bytes, closed } = await talk(http.target, [`GET / ${HEAD}\r\n`], 3000);
      assert.equal(closed, true);
      assert.deepEqual(parseResponses(bytes, closed), []);
      await eventually('it is logged', () => http.log.join().includes('shorter than its Content-Length'));
      await eventually('the slot is free', () => http.worker.busySlots === 0);
    });

    test('that go beyond their Content-Length are cut, and the connection goes on', async () => {
      await using http = await startHttp(engine, {
        handle: async (exchange) => {
          exchange.response.head('200 OK', [['Content-Length', '3']]);
          exchange.response.write('ab');
          await sleep(5);
          exchange.response.write('cde');
          await sleep(5);
          exchange.response.write('fgh');
          exchange.response.end();
        },
      });
      const client = new RawClient(http.target);
      for (const count of [1, 2]) {
        await client.send(`GET / ${HEAD}\r\n`);
        assert.equal((await client.responses(count))[count - 1]?.body.toString(), 'abc');
      }
      const cuts = () => http.log.filter((line) => line.includes('longer than its Content-Length')).length;
      await eventually('it is logged', () => cuts() === 2);
      client.destroy();
      await eventually('the slot is free', () => http.worker.busySlots === 0);
    });

    test('that fail half-way break the connection off', async () => {
      await using http = await startHttp(engine, {
        handle: async (exchange) => {
          exchange.response.head('200 OK', []);
          exchange.response.write('abc');
          await sleep(20);
          throw new Error('on purpose');
        },
      });
      const { bytes, closed } = await talk(http.target, [`GET / ${HEAD}\r\n`], 3000);
      assert.equal(closed, true);
      assert.deepEqual(parseResponses(bytes.subarray(0), false), []);
      await eventually('the slot is free', () => http.worker.busySlots === 0);
    });

    test('with a status that is not final are 500', async () => {
      await using http = await startHttp(engine, {
        handle: (exchange) => {
          exchange.response.head('103 Early Hints', [['X-A', 'b']]);
          exchange.response.end();
        },
      });
      const client = new RawClient(http.target);
      for (const count of [1, 2]) {
        await client.send(`GET / ${HEAD}\r\n`);
        assert.equal((await client.responses(count))[count - 1]?.status, 500);
      }
      client.destroy();
    });

    test('that fail before anything was sent are 500, and others are broken off', async () => {
      await using http = await startHttp(engine, {
        handle: (exchange) => {
          if (exchange.core < 0) return;
          exchange.response.head('200 OK', [['X-A', 'b']]);
          exchange.response.write('abc');
          throw new Error('on purpose');
        },
      });
      const client = new RawClient(http.target);
      await client.send(`GET / ${HEAD}\r\n`);
      if (engine === 'epoll') {
        // The worker has sent the first chunk itself by then.
        await client.until(() => false);
        assert.deepEqual(parseResponses(client.received, false), []);
        assert.equal(client.closed, true);
      } else {
        assert.equal((await client.responses(1))[0]?.status, 500);
      }
      client.destroy();
      assert.deepEqual(http.log, []);
    });

    test('wait for a slow reader instead of filling the memory', async () => {
      let written = 0;
      await using http = await startHttp(engine, {
        handle: async (exchange) => {
          const { response } = exchange;
          response.head('200 OK', [['Content-Length', String(2 ** 40)]]);
          const chunk = Buffer.alloc(50_000);
          while (!response.aborted) {
            if (!response.write(chunk)) await response.drained();
            if (!response.aborted) written += chunk.length;
          }
          response.end();
        },
      });
      const client = new RawClient(http.target);
      client.socket.pause();
      await client.send(`GET / ${HEAD}\r\n`);
      await eventually('the writer has to wait', () => written > 0);
      let before = -1;
      while (before !== written) {
        before = written;
        await sleep(300);
      }
      // What the kernel holds for both ends, and no more.
      assert.ok(written < 32_000_000, `${written} bytes were taken from a reader that reads nothing`);
      client.socket.resume();
      await eventually('the writer goes on', () => written > before + 1_000_000);
      client.destroy();
      await eventually('the slot is free', () => http.worker.busySlots === 0);
    });

    test('stop when the client leaves, and the application hears of it', async () => {
      let aborted = false;
      await using http = await startHttp(engine, {
        handle: async (exchange) => {
          exchange.onAbort = () => {
            aborted = true;
          };
          exchange.response.head('200 OK', []);
          exchange.response.write('first');
          while (!exchange.response.aborted) await sleep(5);
        },
      });
      const client = new RawClient(http.target);
      await client.send(`GET / ${HEAD}\r\n`);
      await client.until(() => client.received.includes('first'));
      client.destroy();
      await eventually('the application is told', () => aborted);
      await eventually('the slot is free', () => http.worker.busySlots === 0);
    });
  });

  describe(`the http front on ${engine}`, () => {
    test('names the address that it cannot have', async () => {
      await using http = await startHttp(engine);
      const address = { kind: 'tcp', host: '127.0.0.1', port: http.target.port ?? 0 } as const;
      await assert.rejects(startHttp(engine, { front: { address } }), {
        code: 'ERR_LISTEN',
        message: `Cannot listen on 127.0.0.1:${address.port}: bind(): Address already in use`,
      });
    });

    if (HAS_IPV6) {
      test('names a client of an IPv6 socket', async () => {
        await using http = await startHttp(engine, { front: { address: { kind: 'tcp', host: '::1', port: 0 } } });
        const response = await request({ ...http.target, host: '::1' }, `GET /vars ${HEAD}\r\n`);
        assert.equal(response?.status, 200);
        assert.equal(http.seen[0]?.REMOTE_ADDR, '::1');
      });
    }

    test('listens on a unix socket with the mode it is told, and replaces a dead one', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-http-'));
      const path = join(folder, 'http.sock');
      for (let round = 0; round < 2; round++) {
        await using http = await startHttp(engine, { front: { address: { kind: 'unix', path }, chmodSocket: 0o600 } });
        const response = await request(http.target, `GET /vars ${HEAD}\r\n`);
        const vars = JSON.parse(response?.body.toString() ?? '') as Record<string, string>;
        assert.equal(vars.REMOTE_ADDR, '');
        assert.equal(vars.SERVER_PORT, '80');
        await assert.rejects(startHttp(engine, { front: { address: { kind: 'unix', path } } }), { code: 'ERR_LISTEN' });
      }
      rmSync(folder, { recursive: true });
    });

    test('answers what is in flight before it closes, and takes nothing new', async () => {
      await using http = await startHttp(engine);
      const idle = new RawClient(http.target);
      await idle.send(`GET / ${HEAD}\r\n`);
      await idle.responses(1);
      const client = new RawClient(http.target);
      await client.send(`GET /slow?100 ${HEAD}\r\n`);
      await eventually('the request runs', () => http.seen.length === 2);
      const closed = http.front.close();
      const [response] = await client.responses(1);
      assert.equal(response?.body.toString(), 'slow 100');
      assert.equal(response?.headers.get('connection'), 'close');
      await closed;
      await client.until(() => false, 2000);
      await idle.until(() => false, 2000);
      assert.deepEqual([client.closed, idle.closed], [true, true]);
      const late = await talk(http.target, [`GET / ${HEAD}\r\n`], 500);
      assert.deepEqual([late.closed, late.bytes.length], [true, 0]);
    });
  });
}

// A worker of the gateway that is declared dead must be dead indeed, or it sends on descriptors that are no longer its
// client's: http-epoll.test.ts ends a real one.
for (const engine of ENGINES.filter((name) => name !== 'epoll')) {
  test(`replies of a worker that died are 502 on ${engine}`, async () => {
    const finish: (() => void)[] = [];
    await using http = await startHttp(engine, {
      handle: () => new Promise<void>((resolve) => finish.push(resolve)),
    });
    const client = new RawClient(http.target);
    const head = new RawClient(http.target);
    await client.send(`GET / ${HEAD}\r\n`);
    await head.send(`HEAD / ${HEAD}\r\n`);
    await eventually('the requests run', () => http.seen.length === 2);
    http.worker.owner.markDead();
    http.worker.turns.schedule();
    const [response] = await client.responses(1);
    assert.equal(response?.status, 502);
    assert.equal((await head.responses(1, ['HEAD']))[0]?.status, 502);
    assert.match(head.received.toString(), /\r\n\r\n$/, 'no body follows');
    assert.equal(http.worker.busySlots, 0);
    client.destroy();
    head.destroy();
    // The thread lives on, as it is the test's own.
    for (const end of finish) end();
  });
}
