// Good requests on a uwsgi socket: packets and bodies cut anywhere, bodies of every size, clients that half-close or send
// too much, and every kind of response. Runs on every engine and every kind of socket.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect, type SocketConnectOpts } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from '../helpers/in-parallel.js';
import { descriptorsBackTo, idleDescriptors } from '../helpers/process-status.js';
import { Seeded } from '../helpers/seeded.js';
import type { RunningServer } from '../helpers/server.js';
import { generatedBody, generatedHash } from '../helpers/uwsgi-app.js';
import { exchange, parseResponse, request, requestBytes, UwsgiClient } from '../helpers/uwsgi-client.js';
import { startUwsgiServer, TRANSPORTS, UWSGI_ENGINES } from '../helpers/uwsgi-server.js';

const MB = 1024 * 1024;

// Mostly waiting: the servers are tested at the same time.
describe('requests on a uwsgi socket', { concurrency: true }, () => {
  for (const engine of UWSGI_ENGINES) {
    for (const transport of TRANSPORTS) {
      describe(`a ${engine} server on ${transport}`, { concurrency: 1 }, () => {
        let server: RunningServer;
        let descriptors: number;

        before(async () => {
          server = await startUwsgiServer(engine, transport, ['--disable-logging']);
          // Opens what a first request opens once and for all.
          await request(server.uwsgi());
          descriptors = await idleDescriptors(server.pid);
        });

        after(async () => {
          assert.equal(await server.stop(), 0);
        });

        test('reads a request that is cut anywhere', async () => {
          const body = Buffer.from('twenty bytes of body');
          const bytes = requestBytes({ method: 'POST', uri: '/hash', body, vars: [['HTTP_EMPTY', '']] });
          const cuts = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);
          await inParallel(16, cuts, async (cut) => {
            const answer = await answerTo(server, [bytes.subarray(0, cut), bytes.subarray(cut)]);
            assert.equal(answer, hashOf(body), `cut at ${cut}`);
          });
        });

        test('reads a request that comes byte by byte', async () => {
          const body = Buffer.from('a body');
          const bytes = requestBytes({ method: 'POST', uri: '/hash', body });
          const client = new UwsgiClient(server.uwsgi());
          for (const byte of bytes) {
            await client.send(Buffer.of(byte));
            await new Promise(setImmediate);
          }
          assert.equal(textOf((await client.outcome).bytes), hashOf(body));
        });

        test('reads a body that is cut anywhere', async (t) => {
          const random = new Seeded();
          t.diagnostic(`seed ${random.seed}`);
          for (const length of [65_535, 65_536, 200_000]) {
            const body = random.bytes(length);
            const bytes = requestBytes({ method: 'POST', uri: '/hash', body });
            const start = bytes.length - length;
            const ends = [start - 1, start, start + 1, bytes.length - 1];
            const cuts = [...ends, ...Array.from({ length: 12 }, () => start + random.below(length))];
            await inParallel(8, cuts, async (cut) => {
              const second = cut + random.below(bytes.length - cut);
              const pieces = [bytes.subarray(0, cut), bytes.subarray(cut, second), bytes.subarray(second)];
              assert.equal(await answerTo(server, pieces), hashOf(body), `${length} bytes cut at ${cut} and ${second}`);
            });
          }
        });

        for (const length of [0, 1, 65_534, 65_535, 65_536, 65_537, 5 * MB]) {
          test(`gives the application a body of ${length} bytes`, async () => {
            const body = generatedBody(length);
            const text = `${length} ${generatedHash(length)}`;
            for (const uri of ['/hash', '/hash-sync']) {
              const response = await request(server.uwsgi(), { method: 'POST', uri, body });
              assert.equal(response.body.toString(), text, uri);
            }
            const echoed = await request(server.uwsgi(), { method: 'POST', uri: '/echo', body });
            assert.ok(echoed.body.equals(body));
          });
        }

        test('loses nothing of the response when the application does not read the body', async () => {
          const body = generatedBody(5 * MB);
          const response = await request(server.uwsgi(), { method: 'POST', uri: `/whole?bytes=${MB}`, body });
          assert.ok(response.body.equals(generatedBody(MB)));
        });

        for (const [name, bodyLength] of [
          ['no body', 0],
          ['a small body', 10],
          ['a large body', 100_000],
        ] as const) {
          test(`ignores excess bytes after ${name}`, async () => {
            const what = { method: 'POST', uri: `/whole?bytes=${2 * MB}`, body: generatedBody(bodyLength) };
            for (const excess of [1, 1000, 300_000]) {
              const outcome = await exchange(
                server.uwsgi(),
                Buffer.concat([requestBytes(what), Buffer.alloc(excess, 'x')]),
              );
              const response = parseResponse(outcome.bytes);
              assert.ok(
                response.body.equals(generatedBody(2 * MB)),
                `${excess} bytes: ${response.body.length} came back`,
              );
            }
          });
        }

        test('answers a client that has closed its sending side', async () => {
          const body = generatedBody(70_000);
          const bytes = requestBytes({ method: 'POST', uri: '/echo', body });
          for (const cut of [0, 10, bytes.length - 1]) {
            const client = new UwsgiClient(server.uwsgi());
            await client.send(bytes.subarray(0, cut));
            await sleep(cut === 0 ? 0 : 5);
            void client.send(bytes.subarray(cut));
            client.halfClose();
            const { bytes: answer } = await client.outcome;
            assert.ok(parseResponse(answer).body.equals(body), `cut at ${cut}`);
          }
        });

        test('answers a client that has closed its sending side and reads slowly', async () => {
          const client = new UwsgiClient(server.uwsgi());
          client.socket.pause();
          void client.send(requestBytes({ uri: `/stream?bytes=${8 * MB}&id=half` }));
          client.halfClose();
          await sleep(250);
          client.socket.resume();
          assert.ok(parseResponse((await client.outcome).bytes).body.equals(generatedBody(8 * MB)));
        });

        for (const uri of [
          '/throw-early',
          '/throw-started',
          '/reject',
          '/no-start',
          '/no-body',
          '/status?status=abc',
        ]) {
          test(`answers 500 when the application fails before its first byte: ${uri}`, async () => {
            const response = await request(server.uwsgi(), { uri });
            assert.equal(response.statusLine, 'HTTP/1.1 500 Internal Server Error');
            assert.equal(response.body.toString(), 'Internal Server Error\n');
          });
        }

        test('cuts the response off when the application fails after its first byte', async () => {
          const { text, error } = await readBytewise(server, requestBytes({ uri: '/throw-late' }));
          assert.match(text, /\r\n\r\nfirst$/);
          // A unix socket knows no reset.
          assert.equal(error, transport === 'tcp' ? 'ECONNRESET' : undefined);
        });

        test('answers nothing but the head when the application gives no bytes', async () => {
          for (const uri of ['/nothing', '/empty-chunks']) {
            const { bytes } = await exchange(server.uwsgi(), requestBytes({ uri }));
            assert.equal(bytes.toString('latin1'), 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n', uri);
          }
        });

        test('sends no body with 204, 205 and 304, and none in answer to HEAD', async () => {
          for (const status of ['204 No Content', '304 Not Modified']) {
            const response = await request(server.uwsgi(), { uri: `/status?status=${encodeURIComponent(status)}` });
            assert.equal(response.statusLine, `HTTP/1.1 ${decodeURIComponent(encodeURIComponent(status))}`);
            assert.deepEqual(response.headers, [['X-Test', 'yes']]);
            assert.equal(response.body.length, 0);
          }
          const reset = await request(server.uwsgi(), { uri: '/status?status=205' });
          assert.deepEqual(
            [reset.statusLine, reset.headers, reset.body.length],
            [
              'HTTP/1.1 205 Reset Content',
              [
                ['X-Test', 'yes'],
                ['Content-Length', '0'],
              ],
              0,
            ],
          );
          for (const uri of ['/', `/whole?bytes=${MB}&length`, `/stream?bytes=${MB}&id=head`]) {
            const response = await request(server.uwsgi(), { method: 'HEAD', uri });
            assert.equal(response.status, 200);
            assert.equal(response.body.length, 0);
          }
        });

        test('adds nothing to what the application says, and fills in the reason of a bare status', async () => {
          const cookies = await request(server.uwsgi(), { uri: '/cookies' });
          assert.deepEqual(cookies.headers, [
            ['Content-Type', 'text/plain'],
            ['Set-Cookie', 'a=1; Path=/'],
            ['Set-Cookie', 'b=2; Path=/'],
          ]);
          const bare = await request(server.uwsgi(), { uri: '/status?status=404' });
          assert.equal(bare.statusLine, 'HTTP/1.1 404 Not Found');
          const old = await exchange(server.uwsgi(), requestBytes({ vars: [['SERVER_PROTOCOL', 'HTTP/1.0']] }));
          assert.match(old.bytes.toString('latin1'), /^HTTP\/1\.[01] 200 OK\r\n/);
        });

        for (const route of ['stream', 'stream-async', 'whole']) {
          test(`sends all of a large response to a client that reads slowly: /${route}`, async () => {
            const client = new UwsgiClient(server.uwsgi());
            client.socket.pause();
            await client.send(requestBytes({ uri: `/${route}?bytes=${20 * MB}&id=slow` }));
            for (const waitMs of [150, 30, 30]) {
              await sleep(waitMs);
              const before = client.receivedBytes;
              client.socket.resume();
              await client.received(before + MB);
              client.socket.pause();
            }
            client.socket.resume();
            const { bytes, error } = await client.outcome;
            assert.equal(error, undefined);
            const { body } = parseResponse(bytes);
            assert.equal(body.length, 20 * MB);
            assert.equal(createHash('sha256').update(body).digest('hex'), generatedHash(20 * MB));
          });
        }

        test('sends what write() is given', async () => {
          const response = await request(server.uwsgi(), { uri: '/write?bytes=400000' });
          assert.ok(response.body.equals(generatedBody(400_000)));
        });

        test('answers 502 to the request that ends its thread, and serves the next with another', async () => {
          const response = await request(server.uwsgi(), { uri: '/exit' });
          assert.equal(response.statusLine, 'HTTP/1.1 502 Bad Gateway');
          assert.equal((await request(server.uwsgi())).status, 200);
          await server.waitForLog(/^Respawned uWSGI worker 1/m);
          descriptors = await idleDescriptors(server.pid);
        });

        test('has no descriptor open that it had not before', () => descriptorsBackTo(server.pid, descriptors));
      });
    }
  }

  for (const engine of UWSGI_ENGINES) {
    test(`a ${engine} server gives each client its own answer, when all come at once and some hold up a worker`, async (t) => {
      const server = await startUwsgiServer(engine, 'unix', [
        '--processes',
        '2',
        '--threads',
        '4',
        '--disable-logging',
      ]);
      t.after(() => server.kill('SIGKILL'));
      const random = new Seeded();
      t.diagnostic(`seed ${random.seed}`);
      const bodies = Array.from({ length: 1500 }, () =>
        random.bytes(random.below(20) === 0 ? 70_000 : random.below(3000)),
      );
      await inParallel(64, bodies, async (body) => {
        if (body.length % 50 === 0) {
          assert.equal((await request(server.uwsgi(), { uri: '/spin?ms=20&id=x' })).body.toString(), 'spun');
        }
        const response = await request(server.uwsgi(), { method: 'POST', uri: '/echo', body });
        assert.ok(response.body.equals(body), `${response.body.length} of ${body.length} bytes`);
      });
      assert.equal(await server.stop(), 0);
    });
  }
});

/** The text of the answer to a request sent in pieces, a moment apart. */
async function answerTo(server: RunningServer, pieces: readonly Buffer[]): Promise<string> {
  const client = new UwsgiClient(server.uwsgi());
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await sleep(1);
    await client.send(piece);
  }
  return textOf((await client.outcome).bytes);
}

function textOf(bytes: Buffer): string {
  const { status, body } = parseResponse(bytes);
  assert.equal(status, 200);
  return body.toString();
}

function hashOf(body: Buffer): string {
  return `${body.length} ${createHash('sha256').update(body).digest('hex')}`;
}

/** What comes back, and the error at its end. Read byte by byte: after a larger read that fell short libuv takes a reset for an end. */
function readBytewise(server: RunningServer, bytes: Buffer): Promise<{ text: string; error: string | undefined }> {
  return new Promise((resolve) => {
    let text = '';
    let error: string | undefined;
    const onread = {
      buffer: Buffer.alloc(1),
      callback: (count: number, buffer: Uint8Array) => {
        text += Buffer.from(buffer.subarray(0, count)).toString('latin1');
        return true;
      },
    };
    const socket = connect({ ...server.uwsgi(), onread } as SocketConnectOpts, () => socket.write(bytes));
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      error = cause.code;
    });
    socket.on('close', () => resolve({ text, error }));
  });
}
