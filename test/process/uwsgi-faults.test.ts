// Every bad input of a uwsgi socket: what is answered, what is logged, and that the next request is served. Each row runs
// on every engine and every kind of socket.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { descriptorsBackTo, idleDescriptors } from '../helpers/process-status.js';
import { type RunningServer, runCli } from '../helpers/server.js';
import {
  exchange,
  header,
  type Outcome,
  packet,
  parseResponse,
  request,
  requestBytes,
  requestVars,
  sized,
  UwsgiClient,
} from '../helpers/uwsgi-client.js';
import { startUwsgiServer, TRANSPORTS, UWSGI_ENGINES } from '../helpers/uwsgi-server.js';

const BUFFER_SIZE = 16_384;
const LIMIT_POST = 1_000_000;
const SOCKET_TIMEOUT_S = 1;

interface Row {
  readonly name: string;
  readonly bytes: Buffer;
  /** The client closes its sending side after the bytes. */
  readonly ends?: boolean;
  /** The answer's status; none: closed without a byte. */
  readonly status?: number;
  /** A text in the answer's body. */
  readonly text?: string;
  /** The line that is logged; none: silence. */
  readonly line?: string;
}

const NOT_HTTP = 'this socket speaks uwsgi, not HTTP';

function packetOf(...parts: readonly Buffer[]): Buffer {
  const block = Buffer.concat(parts);
  return Buffer.concat([header(0, block.length), block]);
}

function withLength(contentLength: string, body = ''): Buffer {
  return requestBytes({ method: 'POST', uri: '/hash', contentLength, body: Buffer.from(body) });
}

function manyVars(count: number): Buffer {
  const own = requestVars({});
  const more = Array.from({ length: count - own.length }, (_, i) => [`V${i}`, ''] as const);
  return packet([...own, ...more]);
}

/** A ClientHello's start, as openssl s_client sends it. */
const CLIENT_HELLO = Buffer.from('16030101370100013303039f', 'hex');

const rows: readonly Row[] = [
  {
    name: 'a vars block over buffer-size',
    bytes: Buffer.concat([header(0, BUFFER_SIZE + 1), Buffer.alloc(BUFFER_SIZE + 1, 'x')]),
    status: 431,
    line: `invalid request block size: ${BUFFER_SIZE + 1} (max ${BUFFER_SIZE})...skip`,
  },
  {
    name: 'a vars block over buffer-size, of which only the header comes',
    bytes: header(0, 65_535),
    status: 431,
    line: `invalid request block size: 65535 (max ${BUFFER_SIZE})...skip`,
  },
  ...[
    'GET / HTTP/1.1',
    'POST / HTTP/1.1',
    'HEAD / HTTP/1.0',
    'PUT /x HTTP/1.1',
    'DELETE / HTTP/1.1',
    'OPTIONS * HTTP/1.1',
  ].map((line) => ({
    name: `an HTTP request: ${line}`,
    bytes: Buffer.from(`${line}\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc`),
    status: 400,
    text: NOT_HTTP,
    line: `HTTP request on a uwsgi socket: ${NOT_HTTP}`,
  })),
  {
    name: 'a TLS ClientHello',
    bytes: Buffer.concat([CLIENT_HELLO, Buffer.alloc(300)]),
    status: 400,
    text: NOT_HTTP,
    line: `TLS handshake on a uwsgi socket: ${NOT_HTTP}`,
  },
  {
    name: 'an empty key',
    bytes: packetOf(sized('A'), sized('1'), sized(''), sized('2')),
    status: 400,
    line: 'uwsgi key cannot be null. skip this var.',
  },
  {
    name: 'a key that reaches past the block',
    bytes: packetOf(sized('A'), sized('1'), Buffer.from([200, 0, 65, 65])),
    status: 400,
    line: 'invalid uwsgi request (current strsize: 200). skip.',
  },
  {
    name: 'a key that leaves no room for the length of its value',
    bytes: packetOf(sized('A'), sized('1'), sized('KEY')),
    status: 400,
    line: 'invalid uwsgi request (current strsize: 3). skip.',
  },
  {
    name: 'a block that ends in the middle of the length of a key',
    bytes: packetOf(sized('A'), sized('1'), Buffer.from([3])),
    status: 400,
    line: 'invalid uwsgi request (current strsize: 0). skip.',
  },
  {
    name: 'a value that reaches past the block',
    bytes: packetOf(sized('KEY'), Buffer.from([255, 255, 65])),
    status: 400,
    line: 'invalid uwsgi request (current strsize: 65535). skip.',
  },
  { name: 'no byte at all', bytes: Buffer.alloc(0), ends: true },
  {
    name: 'an end inside the header',
    bytes: header(0, 10).subarray(0, 3),
    ends: true,
    line: 'client closed connection after 3 of 4 header bytes. skip.',
  },
  {
    name: 'an end after the header',
    bytes: header(0, 10),
    ends: true,
    line: 'client closed connection after 4 packet bytes. skip.',
  },
  {
    name: 'an end inside the vars',
    bytes: requestBytes({}).subarray(0, 100),
    ends: true,
    line: 'client closed connection after 100 packet bytes. skip.',
  },
  {
    name: 'an end inside a small body',
    bytes: withLength('10', 'abc'),
    ends: true,
    line: 'client closed connection after 3 of 10 body bytes. skip.',
  },
  {
    name: 'an end inside a large body',
    bytes: withLength('100000', 'x'.repeat(70_000)),
    ends: true,
    line: 'client closed connection after 70000 of 100000 body bytes. skip.',
  },
  {
    name: '1025 vars',
    bytes: manyVars(1025),
    status: 431,
    line: 'max vec size reached. skip this var.',
  },
  { name: 'an empty block', bytes: header(0, 0), line: 'empty request. skip.' },
  {
    name: 'a body over limit-post, sent in full',
    bytes: requestBytes({ method: 'POST', uri: '/hash', body: Buffer.alloc(5 * LIMIT_POST) }),
    status: 413,
    line: 'Invalid (too big) CONTENT_LENGTH. skip.',
  },
  {
    name: 'an HTTP upload',
    bytes: Buffer.from(`PUT / HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n${'x'.repeat(3_000_000)}`),
    status: 400,
    text: NOT_HTTP,
    line: `HTTP request on a uwsgi socket: ${NOT_HTTP}`,
  },
  {
    name: 'a CONTENT_LENGTH over limit-post',
    bytes: withLength(String(LIMIT_POST + 1)),
    status: 413,
    line: 'Invalid (too big) CONTENT_LENGTH. skip.',
  },
  ...[
    '+5',
    '-1',
    '5 ',
    ' 5',
    '0x5',
    '5, 5',
    '5.0',
    '1e3',
    '٣',
    '18446744073709551621',
    '9007199254740992',
    'abc',
    '5\0',
  ].map((contentLength) => ({
    name: `the CONTENT_LENGTH ${JSON.stringify(contentLength)}`,
    bytes: withLength(Buffer.from(contentLength).toString('latin1'), 'abcde'),
    status: 400,
    line: 'invalid CONTENT_LENGTH: not a decimal number. skip.',
  })),
  {
    name: 'two CONTENT_LENGTHs that differ',
    bytes: requestBytes({ method: 'POST', body: Buffer.from('abc'), vars: [['CONTENT_LENGTH', '4']] }),
    status: 400,
    line: 'invalid CONTENT_LENGTH: two values. skip.',
  },
  ...[1, 5, 31, 99, 101, 255].map((modifier) => ({
    name: `the modifier ${modifier}`,
    bytes: packet([['A', '1']], modifier),
    line: `-- unavailable modifier requested: ${modifier} --`,
  })),
];

// Mostly waiting: the servers are tested at the same time.
describe('bad input on a uwsgi socket', { concurrency: true }, () => {
  for (const engine of UWSGI_ENGINES) {
    for (const transport of TRANSPORTS) {
      describe(`a ${engine} server on ${transport}`, { concurrency: 1 }, () => {
        let server: RunningServer;
        let descriptors: number;

        before(async () => {
          const limits = [
            '--buffer-size',
            BUFFER_SIZE,
            '--limit-post',
            LIMIT_POST,
            '--socket-timeout',
            SOCKET_TIMEOUT_S,
          ];
          server = await startUwsgiServer(engine, transport, limits.map(String));
          await request(server.uwsgi());
          await server.waitForLog(/^\[pid: /m);
          descriptors = await idleDescriptors(server.pid);
        });

        after(async () => {
          assert.equal(await server.stop(), 0);
        });

        for (const row of rows) {
          test(`${row.status === undefined ? 'closes on' : `answers ${row.status} to`} ${row.name}`, async () => {
            const from = server.log().length;
            const outcome = await exchangeRow(server, row);
            checkAnswer(outcome, row);
            await checkNextRequest(server, from, row.line);
          });
        }

        test('closes connections that stall, wherever they do', async () => {
          const from = server.log().length;
          const line = `timeout: the client sent nothing for ${SOCKET_TIMEOUT_S * 1000} ms. skip.`;
          const starts = [
            header(0, 10).subarray(0, 2),
            requestBytes({}).subarray(0, 50),
            withLength('10', 'abc'),
            withLength('100000', 'x'.repeat(70_000)),
          ];
          const outcomes = await Promise.all(starts.map((bytes) => exchange(server.uwsgi(), bytes)));
          assert.deepEqual(
            outcomes.map(({ bytes }) => bytes.length),
            [0, 0, 0, 0],
          );
          await server.waitForLog(new RegExp(`(?:^${literally(line)}\n[^]*){4}`, 'm'), { from });
          await request(server.uwsgi());
        });

        test('answers 1024 vars', async () => {
          const { bytes } = await exchange(server.uwsgi(), manyVars(1024));
          assert.equal(parseResponse(bytes).status, 200);
        });

        test('serves an empty value as the last var, and two CONTENT_LENGTHs that agree', async () => {
          const body = Buffer.from('abc');
          const vars: [string, string][] = [
            ['CONTENT_LENGTH', '3'],
            ['EMPTY', ''],
          ];
          const response = await request(server.uwsgi(), { method: 'POST', uri: '/echo', body, vars });
          assert.equal(response.body.toString(), 'abc');
          const block = packet([...requestVars({ uri: '/' }), ['LAST', '']]);
          assert.equal(parseResponse((await exchange(server.uwsgi(), block)).bytes).status, 200);
        });

        test('answers a ping with a pong, however its bytes come', async () => {
          const ping = header(100, 0);
          const pong = header(100, 0, 1);
          assert.deepEqual((await exchange(server.uwsgi(), ping)).bytes, pong);
          const pieces = Array.from(ping, (byte) => Buffer.of(byte));
          assert.deepEqual((await exchange(server.uwsgi(), ...pieces)).bytes, pong);
          assert.deepEqual((await exchange(server.uwsgi(), header(100, 5), Buffer.from('hello'))).bytes, pong);
        });

        test('is alive for --ping', async () => {
          const { address } = server.addresses[0] as { address: string };
          assert.deepEqual(await runCli({ args: ['--ping', address] }), { code: 0, signal: null, output: '' });
        });

        test('has no descriptor open that it had not before', () => descriptorsBackTo(server.pid, descriptors));
      });
    }

    test(`a server without an application answers 500 (${engine})`, async () => {
      const server = await startUwsgiServer(engine, 'tcp', ['--need-app=false', '--wsgi-file', 'missing.js']);
      assert.equal((await request(server.uwsgi())).status, 500);
      assert.match(server.log(), /\*\*\* no app loaded/);
      assert.equal(await server.stop(), 0);
    });
  }
});

test('--ping of an address where nobody listens ends with 1', async () => {
  const { code, output } = await runCli({ args: ['--ping', '127.0.0.1:1'] });
  assert.equal(code, 1);
  assert.notEqual(output, '');
});

async function exchangeRow(server: RunningServer, row: Row): Promise<Outcome> {
  const client = new UwsgiClient(server.uwsgi());
  if (row.bytes.length > 0) void client.send(row.bytes);
  if (row.ends === true) client.halfClose();
  return client.outcome;
}

function checkAnswer({ bytes, error }: Outcome, row: Row): void {
  if (row.status === undefined) {
    assert.equal(bytes.length, 0, bytes.toString('latin1'));
    return;
  }
  assert.equal(error, undefined, 'the answer is not lost in a reset');
  const response = parseResponse(bytes);
  assert.equal(response.status, row.status);
  const headers = new Map(response.headers);
  assert.equal(headers.get('Content-Length'), String(response.body.length));
  assert.equal(headers.get('Connection'), 'close');
  if (row.text !== undefined) assert.ok(response.body.toString().includes(row.text), response.body.toString());
}

/** Sends a good request; then the log since `from` must hold `line` and that request's, and nothing else. */
async function checkNextRequest(server: RunningServer, from: number, line: string | undefined): Promise<void> {
  const { status, body } = await request(server.uwsgi(), { uri: '/?next' });
  assert.equal(status, 200);
  assert.equal(body.toString(), 'Hello, world\n');
  // The gateway's lines and the worker's come from different threads: in any order.
  await server.waitForLog(/^\[pid: .* GET \/\?next => .*$/m, { from });
  if (line !== undefined) await server.waitForLog(new RegExp(`^${literally(line)}$`, 'm'), { from });
  const lines = server
    .log()
    .slice(from)
    .trimEnd()
    .split('\n')
    .filter((text) => !text.includes('/?next'));
  assert.deepEqual(lines, line === undefined ? [] : [line]);
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
