// What HTTP asks of a connection, for every kind of application on every HTTP front: each behaviour once.
import assert from 'node:assert/strict';
import { RawClient, type RawResponse } from '../http-client.js';
import { assertText, type Behaviour, valuesOf } from './behaviours.js';
import type { Client } from './client.js';
import { pattern } from './material.js';

const KEEP = 'Host: contract\r\n';

function get(target: string, more = ''): string {
  return `GET ${target} HTTP/1.1\r\n${KEEP}${more}\r\n`;
}

function post(target: string, body: string, more = ''): string {
  return `POST ${target} HTTP/1.1\r\n${KEEP}Content-Length: ${body.length}\r\n${more}\r\n${body}`;
}

function chunked(target: string, chunks: string, more = ''): string {
  return `POST ${target} HTTP/1.1\r\n${KEEP}Transfer-Encoding: chunked\r\n${more}\r\n${chunks}`;
}

function texts(responses: readonly RawResponse[]): readonly string[] {
  return responses.map(({ status, body }) => `${status} ${body}`);
}

/** A connection for one behaviour. */
async function connected<T>(client: Client, run: (connection: RawClient) => Promise<T>): Promise<T> {
  const connection = new RawClient(client.target);
  try {
    return await run(connection);
  } finally {
    connection.destroy();
  }
}

/** Requests that are sent one after the other, each when the one before it is answered. */
function onOneConnection(name: string, requests: readonly string[], expected: readonly string[]): Behaviour {
  return {
    name,
    run: (client) =>
      connected(client, async (connection) => {
        const methods = requests.map((request) => request.split(' ', 1)[0] ?? '');
        for (const [i, request] of requests.entries()) {
          await connection.send(request);
          assert.equal(
            (await connection.responses(i + 1, methods)).length,
            i + 1,
            connection.received.toString('latin1'),
          );
        }
        assert.deepEqual(texts(await connection.responses(requests.length, methods)), expected);
        assert.equal(connection.closed, false);
      }),
  };
}

/** Pieces that are sent at once, each as a segment of its own; then what comes back. */
function pieces(
  name: string,
  sent: readonly string[],
  expected: readonly string[],
  check: (connection: RawClient, responses: readonly RawResponse[]) => void = () => {},
): Behaviour {
  return {
    name,
    run: (client) =>
      connected(client, async (connection) => {
        await connection.send(...sent);
        const responses = await connection.responses(expected.length);
        assert.deepEqual(texts(responses), expected, connection.received.toString('latin1').slice(0, 500));
        check(connection, responses);
      }),
  };
}

function closes(name: string, sent: string, check: (text: string) => void): Behaviour {
  return {
    name,
    run: (client) =>
      connected(client, async (connection) => {
        await connection.send(sent);
        await connection.until(() => false);
        assert.equal(connection.closed, true);
        check(connection.received.toString('latin1'));
      }),
  };
}

const HELLO = '200 hello';

const connections: readonly Behaviour[] = [
  onOneConnection(
    'a connection serves one request after the other',
    Array(5).fill(get('/hello')),
    Array(5).fill(HELLO),
  ),
  onOneConnection(
    'a connection is kept after every kind of answer',
    [
      get('/status/204'),
      get('/status/304'),
      `HEAD /hello HTTP/1.1\r\n${KEEP}\r\n`,
      get('/stream/3/3'),
      get('/throw'),
      get('/hello'),
    ],
    ['204 ', '304 ', '200 ', `200 ${pattern(3)}${pattern(3)}${pattern(3)}`, '500 Internal Server Error\n', HELLO],
  ),
  onOneConnection(
    'a connection is kept when a body was not read, or in part',
    [post('/hello', 'x'.repeat(200_000)), post('/part/3', 'abc'.repeat(50_000)), get('/hello')],
    [HELLO, '200 abc', HELLO],
  ),
  closes(
    'Connection: close of the client ends the connection, and is said',
    get('/hello', 'Connection: close\r\n'),
    (text) => {
      assert.match(text, /\r\nconnection: close\r\n/i);
    },
  ),
  closes('Connection: close of the application ends it, too', get('/close'), (text) => {
    assert.match(text, /\r\nconnection: close\r\n/i);
  }),
  pieces(
    'requests that are sent at once are answered in order',
    [get('/sleep/30/a') + get('/hello') + get('/sleep/1/b')],
    ['200 slept 30 a', HELLO, '200 slept 1 b'],
  ),
  pieces(
    'bodies of requests that are sent at once stay apart',
    [post('/echo', 'one') + post('/echo', 'two') + get('/hello')],
    ['200 one', '200 two', HELLO],
  ),
  pieces('a request may come in two segments', ['GET /hel', `lo HTTP/1.1\r\n${KEEP}\r\n`], [HELLO]),
  pieces('a request may come byte by byte', [...get('/hello')], [HELLO]),
  pieces('a body may come long after its head', [post('/echo', 'abcdef').slice(0, -6), 'abc', 'def'], ['200 abcdef']),
];

const framing: readonly Behaviour[] = [
  pieces(
    'a chunked body arrives, and its length with it',
    [chunked('/echo', '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n')],
    ['200 abcde'],
  ),
  pieces('chunks may be cut anywhere', [chunked('/echo', ''), '3\r', '\na', 'bc\r\n0', '\r\n', '\r\n'], ['200 abc']),
  pieces(
    'extensions and trailers of a chunked body are passed over',
    // One extension of a chunk: node:http of Node 20.17 takes no second one.
    [chunked('/echo', '1;a=b\r\na\r\n2;c="d"\r\nbc\r\n0\r\nX-Trailer: 1\r\n\r\n')],
    ['200 abc'],
  ),
  pieces(
    'trailers of a chunked body arrive',
    [
      chunked('/trailers', '1\r\na\r\n0\r\nX-Sum: 1\r\nx-sum:\t2 \r\nRange: bytes=1-\r\nHost: b\r\n'),
      'Authorization: x\r\nCookie: a=b\r\nX_Under: 3\r\nX-Empty:\r\n\r\n',
      chunked('/trailers', '1\r\na\r\n0\r\n\r\n'),
    ],
    ['200 X-Sum: 1\r\nx-sum: 2\r\nX-Empty: \r\n', '200 '],
  ),
  pieces(
    'a chunked body may be large',
    [chunked('/echo', `${`10000\r\n${'x'.repeat(65_536)}\r\n`.repeat(3)}0\r\n\r\n`)],
    [`200 ${'x'.repeat(196_608)}`],
  ),
  pieces('a chunked body without bytes is none', [chunked('/echo', '0\r\n\r\n')], ['200 ']),
  {
    name: 'a client that waits for 100 Continue gets it, and then its answer',
    run: (client) =>
      connected(client, async (connection) => {
        await connection.send(post('/echo', 'abc', 'Expect: 100-continue\r\n').slice(0, -3));
        await connection.until(() => connection.received.includes('\r\n\r\n'));
        assert.match(connection.received.toString(), /^HTTP\/1\.1 100 /);
        await connection.send('abc');
        assert.deepEqual(texts(await connection.responses(1)), ['200 abc']);
      }),
  },
  pieces(
    'a client that announces its body and does not wait is served',
    [post('/echo', 'abc', 'Expect: 100-continue\r\n')],
    ['200 abc'],
  ),
  pieces('an answer that is there at once says its length', [get('/hello')], [HELLO], (_, [response]) => {
    assert.deepEqual([response?.headers.get('content-length'), response?.isChunked], ['5', false]);
  }),
  pieces(
    'an answer that comes in parts is chunked',
    [get('/events')],
    ['200 data: 0\n\ndata: 1\n\ndata: 2\n\n'],
    (_, [response]) => {
      assert.deepEqual([response?.headers.get('content-length'), response?.isChunked], [undefined, true]);
    },
  ),
  {
    name: 'an answer longer than its length is cut there',
    run: async (client) => {
      const answer = await client.ask({ target: '/long' });
      if (answer.status === 200) assert.equal(answer.body.toString(), '0123');
      else assert.equal(answer.status, 500);
    },
  },
  {
    name: 'an answer has one Date',
    run: async (client) => {
      const dates = valuesOf(await client.ask({ target: '/hello' }), 'date');
      assert.deepEqual(
        dates.map((date) => Math.abs(Date.parse(date) - Date.now()) < 60_000),
        [true],
      );
    },
  },
];

const versions: readonly Behaviour[] = [
  closes('HTTP/1.0 is answered and closed', `GET /hello HTTP/1.0\r\n${KEEP}\r\n`, (text) => {
    assert.match(text, /^HTTP\/1\.[01] 200 /);
    assert.ok(text.endsWith('\r\n\r\nhello'), text);
  }),
  closes(
    'HTTP/1.0 gets no chunks: the end of the connection ends the body',
    `GET /stream/3/3 HTTP/1.0\r\n${KEEP}\r\n`,
    (text) => {
      assert.doesNotMatch(text, /chunked/i);
      assert.ok(text.endsWith(`\r\n\r\n${pattern(3).toString('latin1').repeat(3)}`), text);
    },
  ),
  onOneConnection(
    'HTTP/1.0 keeps the connection when asked to',
    Array(2).fill(`GET /hello HTTP/1.0\r\n${KEEP}Connection: keep-alive\r\n\r\n`),
    [HELLO, HELLO],
  ),
  closes('a request without Host is refused', 'GET /hello HTTP/1.1\r\n\r\n', (text) =>
    assert.match(text, /^HTTP\/1\.1 400 /),
  ),
  closes(
    'two lengths are refused',
    `POST /echo HTTP/1.1\r\n${KEEP}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
    (text) => {
      assert.match(text, /^HTTP\/1\.1 400 /);
    },
  ),
];

const requests: readonly Behaviour[] = [
  {
    name: 'a header with an underscore is dropped: it would pass for one with a dash',
    run: async (client) => {
      const answer = await client.ask({
        target: '/request',
        headers: [
          ['X_Evil', '1'],
          ['X-Good', '2'],
        ],
      });
      const { headers } = JSON.parse(answer.body.toString());
      assert.deepEqual([headers['x-evil'], headers['x-good']], [undefined, '2']);
    },
  },
  pieces(
    'a target in absolute form brings its host',
    [`GET http://other.example/hello HTTP/1.1\r\n${KEEP}\r\n`],
    [HELLO],
  ),
  {
    name: 'OPTIONS * is a request like others',
    run: async (client) => {
      const answer = await client.ask({ method: 'OPTIONS', target: '*' });
      assertText(answer, 404, 'no such path');
    },
  },
];

/** In the order in which they are run. */
export const HTTP_BEHAVIOURS: readonly Behaviour[] = [...connections, ...framing, ...versions, ...requests];
