// What every engine but uWebSockets.js does: chunked requests, HTTP/1.0, pipelining, other targets than a path, timeouts as configured.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../dist/base/errors.js';
import { parseResponses, RawClient, request, type Target, talk } from '../helpers/http-client.js';
import { eventually, pattern, sampleApplication, startHttp, WHOLE_ENGINES } from '../helpers/http-front.js';

const HEAD = 'HTTP/1.1\r\nHost: a\r\n';
const GET = `GET / ${HEAD}\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const LAST_CHUNK = '0\r\nX-Trailer: dropped\r\n\r\n';

function chunked(body: Buffer, chunkBytes: number, end = LAST_CHUNK): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += chunkBytes) {
    const chunk = body.subarray(at, at + chunkBytes);
    parts.push(Buffer.from(`${chunk.length.toString(16)};name="value"\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from(end)]);
}

/** A client that only closes its sending side after `bytes`. */
async function halfClosed(target: Target, bytes: string): Promise<RawClient> {
  const client = new RawClient(target);
  client.socket.allowHalfOpen = true;
  await client.send(bytes);
  client.socket.end();
  return client;
}

for (const engine of WHOLE_ENGINES) {
  describe(`chunked requests on ${engine}`, () => {
    for (const size of [0, 1, 65_535, 65_536, 1_000_000]) {
      test(`arrive decoded, with the length of ${size} bytes`, async () => {
        await using http = await startHttp(engine);
        const body = pattern(0, size);
        const bytes = Buffer.concat([Buffer.from(`POST /hash ${HEAD}${CHUNKED}\r\n`), chunked(body, 7000)]);
        const response = await request(http.target, bytes);
        assert.equal(response?.body.toString(), `${size} ${sha256(body)}`);
        const [vars] = http.seen;
        assert.equal(vars?.CONTENT_LENGTH, String(size));
        assert.equal(vars?.HTTP_TRANSFER_ENCODING, undefined);
        assert.equal(vars?.HTTP_X_TRAILER, undefined);
      });
    }

    test('are read byte by byte', async () => {
      await using http = await startHttp(engine);
      const bytes = Buffer.concat([Buffer.from(`POST /hash ${HEAD}${CHUNKED}\r\n`), chunked(pattern(0, 40), 7)]);
      const client = new RawClient(http.target);
      await client.send(...[...bytes].map((byte) => Buffer.of(byte)));
      const [response] = await client.responses(1);
      assert.equal(response?.body.toString(), `40 ${sha256(pattern(0, 40))}`);
      client.destroy();
    });

    test('are answered 413 as soon as they are over limit-post', async () => {
      await using http = await startHttp(engine, { front: { limitPostBytes: 100_000 } });
      const client = new RawClient(http.target);
      await client.send(Buffer.from(`POST / ${HEAD}${CHUNKED}\r\n`), chunked(pattern(0, 90_000), 1000, ''));
      await sleep(20);
      assert.equal(client.received.length, 0);
      await client.send(chunked(pattern(0, 20_000), 1000, ''));
      await client.until(() => false, 5000);
      assert.deepEqual(
        parseResponses(client.received, client.closed).map((response) => response.status),
        [413],
      );
      assert.equal(client.closed, true);
      assert.deepEqual(http.seen, []);
    });

    test('are told 100 Continue', async () => {
      await using http = await startHttp(engine);
      const client = new RawClient(http.target);
      await client.send(`POST /hash ${HEAD}${CHUNKED}Expect: 100-Continue\r\n\r\n`);
      await client.until(() => client.received.length > 0);
      assert.equal(client.received.toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
      await client.send(chunked(Buffer.from('hello'), 5));
      assert.equal((await client.responses(1))[0]?.status, 200);
      client.destroy();
    });
  });

  describe(`HTTP/1.0 on ${engine}`, () => {
    test('is answered and closed, with no Host needed', async () => {
      await using http = await startHttp(engine);
      const { bytes, closed } = await talk(http.target, ['GET /vars HTTP/1.0\r\n\r\n'], 3000);
      const [response] = parseResponses(bytes, closed);
      assert.equal(response?.status, 200);
      assert.equal(closed, true);
      assert.equal(http.seen[0]?.SERVER_PROTOCOL, 'HTTP/1.0');
    });

    test('keeps the connection when asked to', async () => {
      await using http = await startHttp(engine);
      const client = new RawClient(http.target);
      await client.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      const [first] = await client.responses(1);
      assert.equal(first?.headers.get('connection'), 'keep-alive');
      await client.send('GET / HTTP/1.0\r\n\r\n');
      assert.equal((await client.responses(2)).length, 2);
      client.destroy();
    });

    test('gets a stream of unknown length until the close, without chunks', async () => {
      await using http = await startHttp(engine);
      const { bytes, closed } = await talk(
        http.target,
        ['GET /stream?200000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
        5000,
      );
      const [response] = parseResponses(bytes, closed);
      assert.equal(response?.isChunked, false);
      assert.equal(sha256(response?.body ?? Buffer.alloc(0)), sha256(pattern(0, 200_000)));
      assert.equal(closed, true);
    });

    test('is reset when a stream of unknown length is cut: it has no other sign of its end', async () => {
      let fail = (): void => {};
      await using http = await startHttp(engine, {
        handle: async (exchange) => {
          exchange.response.head('200 OK', []);
          exchange.response.write('first');
          await new Promise<void>((resolve) => {
            fail = resolve;
          });
          throw new Error('on purpose');
        },
      });
      const client = new RawClient(http.target);
      await client.send('GET / HTTP/1.0\r\n\r\n');
      await client.until(() => client.received.includes('first'));
      fail();
      await client.until(() => false);
      assert.equal(client.closed, true);
      assert.equal(errorCode(client.socket.errored), 'ECONNRESET');
    });

    test('must not use chunks', async () => {
      await using http = await startHttp(engine);
      const { bytes, closed } = await talk(http.target, [`POST / HTTP/1.0\r\n${CHUNKED}\r\n0\r\n\r\n`], 3000);
      assert.equal(parseResponses(bytes, closed)[0]?.status, 400);
      assert.deepEqual(http.seen, []);
    });
  });

  describe(`pipelined requests on ${engine}`, () => {
    test('run one after the other, and are answered in order', async () => {
      let running = 0;
      await using http = await startHttp(engine, {
        handle: async (exchange) => {
          assert.equal(++running, 1, 'each waits for the one before');
          await sampleApplication(exchange);
          running--;
        },
      });
      const client = new RawClient(http.target);
      const requests = [60, 30, 0].map((ms) => `GET /slow?${ms} ${HEAD}\r\n`);
      await client.send(`${requests.join('')}POST /hash ${HEAD}Content-Length: 3\r\n\r\nabcGET / ${HEAD}\r\n`);
      const responses = await client.responses(5);
      assert.deepEqual(
        responses.map((response) => response.body.toString()),
        ['slow 60', 'slow 30', 'slow 0', `3 ${sha256(Buffer.from('abc'))}`, 'hello'],
      );
      client.destroy();
    });

    test('are all answered, however many there are', async () => {
      await using http = await startHttp(engine);
      const client = new RawClient(http.target);
      await client.send(`GET / ${HEAD}\r\n`.repeat(1000));
      const responses = await client.responses(1000);
      assert.equal(responses.length, 1000);
      client.destroy();
    });

    test('after one that closes the connection are not run', async () => {
      await using http = await startHttp(engine);
      const bytes = `GET / ${HEAD}Connection: close\r\n\r\nGET /never ${HEAD}\r\n`;
      const talked = await talk(http.target, [bytes], 3000);
      assert.equal(parseResponses(talked.bytes, talked.closed).length, 1);
      assert.equal(talked.closed, true);
      assert.deepEqual(
        http.seen.map((vars) => vars.PATH_INFO),
        ['/'],
      );
    });
  });

  describe(`request targets on ${engine}`, () => {
    test('may be absolute; their host replaces Host', async () => {
      await using http = await startHttp(engine);
      assert.equal((await request(http.target, `GET http://b:8080/p?q ${HEAD}\r\n`))?.status, 200);
      const [vars] = http.seen;
      assert.deepEqual([vars?.HTTP_HOST, vars?.PATH_INFO, vars?.QUERY_STRING], ['b:8080', '/p', 'q']);
    });

    test('may be an asterisk with OPTIONS', async () => {
      await using http = await startHttp(engine);
      assert.equal((await request(http.target, `OPTIONS * ${HEAD}\r\n`))?.status, 200);
      assert.equal(http.seen[0]?.PATH_INFO, '*');
    });
  });

  describe(`refusals of HEAD on ${engine}`, () => {
    for (const [status, rest] of [
      [431, `HTTP/1.1\r\nHost: a\r\nCookie: ${'c'.repeat(1000)}\r\n\r\n`],
      [400, 'HTTP/1.1\r\n\r\n'],
      [413, `HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n`],
      [413, `HTTP/1.1\r\nHost: a\r\n${CHUNKED}\r\nb\r\n0123456789a\r\n`],
      [400, `HTTP/1.1\r\nHost: a\r\n${CHUNKED}\r\nno chunk\r\n`],
    ] as const) {
      test(`tell the length of the body that GET gets, and leave it out: ${status} ${rest.length}`, async () => {
        await using http = await startHttp(engine, { front: { varsBytesMax: 1000, limitPostBytes: 10 } });
        const get = await talk(http.target, [`GET / ${rest}`], 3000);
        const head = await talk(http.target, [`HEAD / ${rest}`], 3000);
        const withoutDate = ({ bytes }: { bytes: Buffer }) => bytes.toString().replace(/^Date: .*\r\n/m, '');
        const [refusal] = parseResponses(get.bytes, true);
        assert.equal(refusal?.status, status);
        assert.equal(withoutDate(head), withoutDate(get).slice(0, -(refusal?.body.length ?? 0)));
        assert.equal(head.closed, true);
        assert.deepEqual(http.seen, []);
      });
    }
  });

  describe(`upgrades on ${engine}`, () => {
    test('that the application does not take are answered as if they had not been offered', async () => {
      await using http = await startHttp(engine);
      const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
      assert.equal((await request(http.target, `GET / ${HEAD}${upgrade}\r\n`))?.status, 200);
    });

    test('do not lose what is pipelined behind them without a word', async () => {
      await using http = await startHttp(engine);
      const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
      for (const offer of [
        `GET / ${HEAD}${upgrade}\r\n`,
        `POST /hash ${HEAD}${upgrade}Content-Length: 1\r\n\r\nx`,
        `POST /hash ${HEAD}${upgrade}${CHUNKED}\r\n1\r\nx\r\n0\r\n\r\n`,
      ]) {
        const { bytes, closed } = await talk(http.target, [`${offer}GET / ${HEAD}Connection: close\r\n\r\n`], 3000);
        const responses = parseResponses(bytes, closed);
        const answers = responses.map(({ status, headers }) => [status, headers.get('connection') === 'close']);
        // Some versions of Node drop what follows an offer with a body: then its answer says that it is the last.
        if (answers.length > 1) assert.deepEqual(answers.shift(), [200, false]);
        assert.deepEqual(answers, [[200, true]]);
        assert.equal(closed, true);
      }
    });
  });

  describe(`connections on ${engine}`, () => {
    test('carry hundreds of requests, one after the other', async () => {
      await using http = await startHttp(engine);
      const client = new RawClient(http.target);
      for (let count = 1; count <= 300; count++) {
        await client.send(count % 3 === 0 ? `POST /hash ${HEAD}Content-Length: 1\r\n\r\nx` : `GET / ${HEAD}\r\n`);
        assert.equal((await client.responses(count)).length, count);
      }
      client.destroy();
    });

    test('take the next request while one is slow, and run it after it', async () => {
      await using http = await startHttp(engine);
      const client = new RawClient(http.target);
      await client.send(`GET /slow?60 ${HEAD}\r\n`, `GET /vars?1 ${HEAD}\r\n`, `GET /vars?2 ${HEAD}\r\n`);
      const [slow, ...others] = await client.responses(3);
      assert.equal(slow?.body.toString(), 'slow 60');
      assert.deepEqual(
        others.map((response) => JSON.parse(response.body.toString()).QUERY_STRING),
        ['1', '2'],
      );
      client.destroy();
    });

    test('take a request right behind an upload that went to a file', async () => {
      await using http = await startHttp(engine);
      const body = pattern(0, 300_000);
      const client = new RawClient(http.target);
      await client.send(
        Buffer.concat([
          Buffer.from(`POST /hash ${HEAD}Content-Length: ${body.length}\r\n\r\n`),
          body,
          Buffer.from(`POST /hash ${HEAD}${CHUNKED}\r\n`),
          chunked(body, 7000),
          Buffer.from(`GET / ${HEAD}\r\n`),
        ]),
      );
      const responses = await client.responses(3);
      const hash = `${body.length} ${sha256(body)}`;
      assert.deepEqual(
        responses.map((response) => response.body.toString()),
        [hash, hash, 'hello'],
      );
      client.destroy();
    });

    test('end without a word when no request comes for http-keepalive', async () => {
      await using http = await startHttp(engine, { front: { httpKeepaliveMs: 300 } });
      const client = new RawClient(http.target);
      await client.send(`GET / ${HEAD}\r\n`);
      await client.responses(1);
      await client.until(() => false);
      assert.equal(client.closed, true);
      assert.equal(parseResponses(client.received, true).length, 1);
    });

    test('of HTTP/1.0 that ask for both are closed', async () => {
      await using http = await startHttp(engine);
      const head = 'GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n';
      const { bytes, closed } = await talk(http.target, [head], 3000);
      assert.equal(parseResponses(bytes, closed)[0]?.headers.get('connection'), 'close');
      assert.equal(closed, true);
    });

    test('may come by an abstract socket', async () => {
      // As long as can be: node pads shorter names with NUL bytes, and meets only who does the same.
      const name = `fastwsgi-${process.pid}-${engine}-`.padEnd(107, 'x');
      await using http = await startHttp(engine, { front: { address: { kind: 'abstract', name } } });
      const response = await request({ path: `\0${name}` }, `GET /vars ${HEAD}\r\n`);
      assert.equal(response?.status, 200);
      assert.equal(http.seen[0]?.REMOTE_ADDR, '');
    });
  });

  describe(`clients that half-close on ${engine}`, () => {
    test('are answered, and closed at once', async () => {
      await using http = await startHttp(engine, { front: { httpKeepaliveMs: 600_000 } });
      const upload = `POST /hash ${HEAD}Content-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`;
      for (const [count, bytes] of [
        [1, GET],
        [1, `GET /slow?30 ${HEAD}\r\n`],
        [2, `${GET}${GET}`],
        [3, `GET /slow?30 ${HEAD}\r\n${upload}${GET}`],
        [1, `POST /hash ${HEAD}${CHUNKED}\r\n1\r\nx\r\n0\r\n\r\n`],
        [1, 'GET /stream?200000 HTTP/1.0\r\n\r\n'],
      ] as const) {
        const client = await halfClosed(http.target, bytes);
        await client.until(() => false);
        assert.equal(client.closed, true);
        const responses = parseResponses(client.received, true);
        assert.deepEqual(
          responses.map(({ status }) => status),
          new Array(count).fill(200),
          bytes.slice(0, 40),
        );
      }
    });

    test('get the whole of a stream that flows', async () => {
      await using http = await startHttp(engine, {
        handle: async (exchange) => {
          exchange.response.head('200 OK', []);
          for (let i = 0; i < 15; i++) {
            await sleep(100);
            exchange.response.write(`${i},`);
          }
          exchange.response.end();
        },
      });
      const client = await halfClosed(http.target, GET);
      const [response] = await client.responses(1);
      assert.equal(response?.body.toString(), Array.from({ length: 15 }, (_, i) => `${i},`).join(''));
      client.destroy();
    });

    test('are not answered when their request is not whole', async () => {
      await using http = await startHttp(engine);
      for (const bytes of [`GET / ${HEAD}`, `POST / ${HEAD}Content-Length: 5\r\n\r\nabc`]) {
        const client = await halfClosed(http.target, bytes);
        await client.until(() => false);
        assert.deepEqual([client.closed, client.received.length], [true, 0]);
      }
      assert.deepEqual(http.seen, []);
    });

    test('count as gone while nothing flows', async () => {
      let aborted = false;
      await using http = await startHttp(engine, {
        handle: async (exchange) => {
          exchange.onAbort = () => {
            aborted = true;
          };
          while (!exchange.response.aborted) await sleep(5);
        },
      });
      const client = await halfClosed(http.target, GET);
      await eventually('the application is told', () => aborted);
      await client.until(() => false);
      assert.deepEqual([client.closed, client.received.length], [true, 0]);
    });
  });

  describe(`timeouts on ${engine}`, { concurrency: true }, () => {
    test('end a head that comes byte by byte: the time counts from its first byte', async () => {
      await using http = await startHttp(engine, { front: { httpTimeoutMs: 500 } });
      const client = new RawClient(http.target);
      const head = `GET / ${HEAD}X: ${'x'.repeat(100)}\r\n\r\n`;
      for (let at = 0; at < head.length && !client.closed; at++) {
        await client.send(head.slice(at, at + 1));
        await sleep(100);
      }
      assert.equal(client.closed, true);
      assert.equal(parseResponses(client.received, true)[0]?.status, 408);
      assert.deepEqual(http.seen, []);
    });

    test('end a connection whose headers do not come, with 408', async () => {
      await using http = await startHttp(engine, { front: { httpTimeoutMs: 200 } });
      const { bytes, closed } = await talk(http.target, [`GET / ${HEAD}`], 5000);
      assert.equal(parseResponses(bytes, closed)[0]?.status, 408);
      assert.equal(closed, true);
    });

    test('end an upload that does not move', async () => {
      await using http = await startHttp(engine, { front: { httpTimeoutMs: 200 } });
      const { closed } = await talk(http.target, [`POST / ${HEAD}Content-Length: 10\r\n\r\nabc`], 5000);
      assert.equal(closed, true);
      assert.deepEqual(http.seen, []);
    });

    test('let an upload go on that moves slowly', async () => {
      await using http = await startHttp(engine, { front: { httpTimeoutMs: 700 } });
      const client = new RawClient(http.target);
      await client.send(`POST /hash ${HEAD}Content-Length: 5\r\n\r\n`);
      for (const byte of 'hello') {
        await sleep(300);
        await client.send(byte);
      }
      assert.equal((await client.responses(1))[0]?.status, 200);
      client.destroy();
    });

    test('end a response that nobody reads, and free its slot', async () => {
      await using http = await startHttp(engine, { front: { httpTimeoutMs: 200 } });
      const client = new RawClient(http.target);
      client.socket.pause();
      await client.send(`GET /length?500000000 ${HEAD}\r\n`);
      await eventually('the request runs', () => http.worker.busySlots === 1);
      await eventually('the slot is free', () => http.worker.busySlots === 0);
      client.destroy();
    });

    test('end a connection whose client does not read the end of a response', async () => {
      await using http = await startHttp(engine, { front: { httpTimeoutMs: 200 } });
      const client = new RawClient(http.target);
      client.socket.pause();
      // More than the kernel's buffers take.
      await client.send(`GET /length?65000 ${HEAD}\r\n`.repeat(300));
      await eventually('the first runs', () => http.seen.length > 0);
      let before = -1;
      while (before !== http.seen.length || http.worker.busySlots > 0) {
        before = http.seen.length;
        await sleep(300);
      }
      assert.ok(before > 0 && before < 300, `${before} requests were answered`);
      await sleep(1500);
      client.socket.resume();
      await client.until(() => false, 5000);
      assert.equal(client.closed, true);
    });

    test('do not end a request that the application takes long over', async () => {
      await using http = await startHttp(engine, { front: { httpTimeoutMs: 200 } });
      const response = await request(http.target, `GET /slow?1500 ${HEAD}\r\n`);
      assert.equal(response?.body.toString(), 'slow 1500');
    });

    test('close every connection after its response where http-keepalive is 0', async () => {
      await using http = await startHttp(engine, { front: { httpKeepaliveMs: 0 } });
      const { bytes, closed } = await talk(http.target, [`GET / ${HEAD}\r\n`], 3000);
      assert.equal(parseResponses(bytes, closed)[0]?.headers.get('connection'), 'close');
      assert.equal(closed, true);
    });
  });
}
