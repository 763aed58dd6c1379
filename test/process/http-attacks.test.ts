// Requests that want to be two requests, or something else than they look: each is refused with the status RFC 9110 and 9112
// name and a close, and nothing of it but what came before reaches the application.
// uWebSockets.js drops what its parser does not like without an answer; what its parser likes, our own check refuses. Its
// deviations are the column `uws`, and all of them.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { parseResponses, request, talk } from '../helpers/http-client.js';
import { ENGINES, eventually, type HttpHarness, startHttp, WHOLE_ENGINES } from '../helpers/http-front.js';

interface Attack {
  readonly name: string;
  readonly bytes: string;
  /** The answer of every engine but uWebSockets.js. */
  readonly status: number;
  /** The answer of uWebSockets.js: a status, or null for none at all. */
  readonly uws: number | null;
  /** llhttp 8, of the first versions of Node 20, takes it for two requests. */
  readonly passesLlhttp8?: true;
}

const HOST = 'Host: a\r\n';
/** Node's own parser is not strict: the first versions of Node 20. */
const IS_LAX = process.versions.llhttp?.startsWith('8.') === true;
const EVIL = 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

function post(headers: string, body: string): string {
  return `POST / HTTP/1.1\r\n${HOST}${headers}\r\n${body}${EVIL}`;
}

function get(headers: string): string {
  return `GET / HTTP/1.1\r\n${headers}\r\n${EVIL}`;
}

/** Found in the request's head. On uWebSockets.js, `uws` says whether its parser let it through to our check. */
const HEAD_ATTACKS: readonly Attack[] = [
  {
    name: 'two Content-Lengths that differ',
    bytes: post('Content-Length: 3\r\nContent-Length: 5\r\n', 'abc'),
    status: 400,
    uws: 400,
  },
  {
    name: 'two Content-Lengths that agree',
    bytes: post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'),
    status: 400,
    uws: 400,
  },
  { name: 'a Content-Length with a sign', bytes: post('Content-Length: +3\r\n', 'abc'), status: 400, uws: 400 },
  { name: 'a negative Content-Length', bytes: post('Content-Length: -3\r\n', 'abc'), status: 400, uws: 400 },
  { name: 'a list of Content-Lengths', bytes: post('Content-Length: 3, 3\r\n', 'abc'), status: 400, uws: 400 },
  { name: 'a hexadecimal Content-Length', bytes: post('Content-Length: 0x3\r\n', 'abc'), status: 400, uws: 400 },
  { name: 'an empty Content-Length', bytes: post('Content-Length:\r\n', ''), status: 400, uws: 400 },
  {
    name: 'a Content-Length with a space inside',
    bytes: post('Content-Length: 3 3\r\n', 'abc'),
    status: 400,
    uws: 400,
  },
  {
    name: 'a Content-Length above 2^53',
    bytes: post('Content-Length: 9007199254740993\r\n', 'abc'),
    status: 400,
    uws: 400,
  },
  {
    name: 'a Content-Length of 2^64 + 3',
    bytes: post('Content-Length: 18446744073709551619\r\n', 'abc'),
    status: 400,
    uws: 400,
  },
  {
    name: 'Content-Length with chunked',
    bytes: post(`Content-Length: 3\r\n${CHUNKED}`, '0\r\n\r\n'),
    status: 400,
    uws: null,
  },
  {
    name: 'chunked with Content-Length',
    bytes: post(`${CHUNKED}Content-Length: 3\r\n`, '0\r\n\r\n'),
    status: 400,
    uws: null,
  },
  {
    name: 'Content-Length with an empty Transfer-Encoding',
    bytes: post('Content-Length: 3\r\nTransfer-Encoding:\r\n', 'abc'),
    status: 400,
    uws: 400,
  },
  { name: 'chunked twice', bytes: post(`${CHUNKED}${CHUNKED}`, '0\r\n\r\n'), status: 400, uws: 400 },
  {
    name: 'chunked listed twice',
    bytes: post('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'),
    status: 400,
    uws: 400,
  },
  {
    name: 'chunked that is not last',
    bytes: post('Transfer-Encoding: chunked, gzip\r\n', '0\r\n\r\n'),
    status: 400,
    uws: 400,
  },
  { name: 'an unknown coding', bytes: post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), status: 400, uws: 400 },
  { name: 'identity', bytes: post('Transfer-Encoding: identity\r\n', ''), status: 400, uws: 400 },
  { name: 'a quoted coding', bytes: post('Transfer-Encoding: "chunked"\r\n', '0\r\n\r\n'), status: 400, uws: 400 },
  {
    name: 'a coding behind a vertical tab',
    bytes: post('Transfer-Encoding: \vchunked\r\n', '0\r\n\r\n'),
    status: 400,
    uws: null,
  },
  {
    name: 'white space before the colon of a length',
    bytes: post('Content-Length : 3\r\n', 'abc'),
    status: 400,
    uws: null,
  },
  {
    name: 'white space before the colon of a coding',
    bytes: post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
    status: 400,
    uws: null,
  },
  { name: 'a tab before a colon', bytes: get(`${HOST}X\t: a\r\n`), status: 400, uws: null },
  { name: 'a folded header', bytes: get(`${HOST}X: a\r\n b\r\n`), status: 400, uws: null },
  { name: 'a header folded with a tab', bytes: get(`${HOST}X: a\r\n\tContent-Length: 5\r\n`), status: 400, uws: null },
  { name: 'white space before the first header', bytes: get(` X: a\r\n${HOST}`), status: 400, uws: null },
  {
    name: 'a bare line feed after the request line',
    bytes: `GET / HTTP/1.1\n${HOST}\r\n${EVIL}`,
    status: 400,
    uws: null,
    passesLlhttp8: true,
  },
  {
    name: 'a bare line feed after a header',
    bytes: `GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n${EVIL}`,
    status: 400,
    uws: null,
  },
  {
    name: 'a bare line feed before the body',
    bytes: `GET / HTTP/1.1\r\n${HOST}\n${EVIL}`,
    status: 400,
    uws: null,
    passesLlhttp8: true,
  },
  {
    name: 'a bare carriage return in a value',
    bytes: get(`${HOST}X: a\rContent-Length: 5\r\n`),
    status: 400,
    uws: null,
  },
  { name: 'a bare carriage return as line end', bytes: `GET / HTTP/1.1\rHost: a\r\r${EVIL}`, status: 400, uws: null },
  { name: 'a NUL in a value', bytes: get(`${HOST}X: a\0b\r\n`), status: 400, uws: null },
  { name: 'a NUL in a name', bytes: get(`${HOST}X\0Y: a\r\n`), status: 400, uws: null },
  { name: 'a NUL in the target', bytes: `GET /a\0b HTTP/1.1\r\n${HOST}\r\n${EVIL}`, status: 400, uws: null },
  { name: 'an encoded NUL in the path', bytes: `GET /a%00b HTTP/1.1\r\n${HOST}\r\n${EVIL}`, status: 400, uws: 400 },
  { name: 'a control character in a value', bytes: get(`${HOST}X: a\x01b\r\n`), status: 400, uws: null },
  { name: 'a delete character in a value', bytes: get(`${HOST}X: a\x7fb\r\n`), status: 400, uws: 400 },
  { name: 'a header line without a colon', bytes: get(`${HOST}Content-Length\r\n`), status: 400, uws: null },
  { name: 'a space inside a header name', bytes: get(`${HOST}Content Length: 5\r\n`), status: 400, uws: null },
  { name: 'a parenthesis in a header name', bytes: get(`${HOST}X(: a\r\n`), status: 400, uws: null },
  { name: 'no Host', bytes: get('X: a\r\n'), status: 400, uws: null },
  { name: 'two Hosts', bytes: get(`${HOST}${HOST}`), status: 400, uws: 400 },
  { name: 'two Hosts that differ', bytes: get(`${HOST}Host: b\r\n`), status: 400, uws: 400 },
  { name: 'a Host with a path', bytes: get('Host: a/b\r\n'), status: 400, uws: 400 },
  { name: 'a Host with a user', bytes: get('Host: a@b\r\n'), status: 400, uws: 400 },
  {
    name: 'an expectation that is not 100-continue',
    bytes: get(`${HOST}Expect: everything\r\n`),
    status: 417,
    uws: 417,
  },
  { name: 'a method that is no token', bytes: `G(T / HTTP/1.1\r\n${HOST}\r\n${EVIL}`, status: 400, uws: null },
  { name: 'a request line without a version', bytes: `GET /\r\n${EVIL}`, status: 400, uws: null },
  { name: 'HTTP/2.0', bytes: `GET / HTTP/2.0\r\n${HOST}\r\n${EVIL}`, status: 505, uws: null },
  { name: 'HTTP/0.9 with a version', bytes: `GET / HTTP/0.9\r\n${HOST}\r\n${EVIL}`, status: 505, uws: null },
  { name: 'HTTP/1.10', bytes: `GET / HTTP/1.10\r\n${HOST}\r\n${EVIL}`, status: 400, uws: null },
  { name: 'a space inside the target', bytes: `GET /a b HTTP/1.1\r\n${HOST}\r\n${EVIL}`, status: 400, uws: null },
  { name: 'a target that is no path', bytes: `GET a HTTP/1.1\r\n${HOST}\r\n${EVIL}`, status: 400, uws: null },
  {
    name: 'an asterisk for another method than OPTIONS',
    bytes: `GET * HTTP/1.1\r\n${HOST}\r\n${EVIL}`,
    status: 400,
    uws: null,
  },
  {
    name: 'an absolute target of another scheme',
    bytes: `GET ftp://a/ HTTP/1.1\r\n${HOST}\r\n${EVIL}`,
    status: 400,
    uws: null,
  },
  { name: 'CONNECT', bytes: `CONNECT a:80 HTTP/1.1\r\n${HOST}\r\n${EVIL}`, status: 501, uws: null },
  { name: 'a TLS handshake', bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', status: 400, uws: null },
  { name: 'a uwsgi packet', bytes: '\0\x10\0\0\x0e\0REQUEST_METHOD\x03\0GET', status: 400, uws: null },
];

/** Found in a chunked body; uWebSockets.js would let them all through, so there no chunked request is taken. */
const CHUNK_ATTACKS: readonly Attack[] = [
  { name: 'a chunk size that is no number', bytes: post(CHUNKED, 'x\r\nabc\r\n0\r\n\r\n'), status: 400, uws: 411 },
  { name: 'a chunk size with a sign', bytes: post(CHUNKED, '+3\r\nabc\r\n0\r\n\r\n'), status: 400, uws: 411 },
  { name: 'a chunk size with 0x', bytes: post(CHUNKED, '0x3\r\nabc\r\n0\r\n\r\n'), status: 400, uws: 411 },
  {
    name: 'a chunk size with a space before it',
    bytes: post(CHUNKED, ' 3\r\nabc\r\n0\r\n\r\n'),
    status: 400,
    uws: 411,
  },
  { name: 'a chunk size with a space after it', bytes: post(CHUNKED, '3 \r\nabc\r\n0\r\n\r\n'), status: 400, uws: 411 },
  {
    name: 'a chunk size over 64 bits',
    bytes: post(CHUNKED, '10000000000000003\r\nabc\r\n0\r\n\r\n'),
    status: 400,
    uws: 411,
  },
  { name: 'an empty chunk size', bytes: post(CHUNKED, '\r\nabc\r\n0\r\n\r\n'), status: 400, uws: 411 },
  { name: 'a chunk longer than its size', bytes: post(CHUNKED, '3\r\nabcd\r\n0\r\n\r\n'), status: 400, uws: 411 },
  { name: 'a chunk shorter than its size', bytes: post(CHUNKED, '5\r\nabc\r\n0\r\n\r\n'), status: 400, uws: 411 },
  {
    name: 'a chunk size that ends in a bare line feed',
    bytes: post(CHUNKED, '3\nabc\r\n0\r\n\r\n'),
    status: 400,
    uws: 411,
  },
  { name: 'a chunk that ends in a bare line feed', bytes: post(CHUNKED, '3\r\nabc\n0\r\n\r\n'), status: 400, uws: 411 },
  {
    name: 'a chunk that ends in two other bytes',
    bytes: post(CHUNKED, '3\r\nabcXX0\r\n\r\n'),
    status: 400,
    uws: 411,
    passesLlhttp8: true,
  },
  {
    name: 'a chunk size that ends in a bare carriage return',
    bytes: post(CHUNKED, '3\rabc\r\n0\r\n\r\n'),
    status: 400,
    uws: 411,
  },
  {
    name: 'a bare line feed in a chunk extension',
    bytes: post(CHUNKED, '3;a\nabc\r\n0\r\n\r\n'),
    status: 400,
    uws: 411,
  },
  {
    name: 'a last chunk that ends in two other bytes',
    bytes: post(CHUNKED, '3\r\nabc\r\n0\r\nXX'),
    status: 400,
    uws: 411,
  },
  { name: 'a trailer without a colon', bytes: post(CHUNKED, '0\r\nContent-Length\r\n\r\n'), status: 400, uws: 411 },
];

for (const engine of ENGINES) {
  describe(`http attacks on ${engine}`, () => {
    let http: HttpHarness;
    before(async () => {
      http = await startHttp(engine);
    });
    beforeEach(() => http.seen.splice(0));
    after(() => http[Symbol.asyncDispose]());

    for (const attack of [...HEAD_ATTACKS, ...CHUNK_ATTACKS]) {
      if (IS_LAX && engine === 'node' && attack.passesLlhttp8) {
        test(`warns of ${attack.name}: this Node's parser takes it`, async () => {
          const { bytes, closed } = await talk(http.target, [attack.bytes], 100);
          assert.equal(parseResponses(bytes, closed)[0]?.status, 200);
          assert.match(
            http.log.join('\n'),
            /^Warning: the HTTP parser of Node v20\.\d+\.\d+ \(llhttp 8\..+\) takes bare line feeds/m,
          );
          http.seen.splice(0);
        });
        continue;
      }
      test(`refuses ${attack.name}`, async () => {
        const expected = engine === 'uws' ? attack.uws : attack.status;
        const { bytes, closed } = await talk(http.target, [attack.bytes], expected === null ? 100 : 5000);
        const statuses = parseResponses(bytes, closed).map((response) => response.status);
        assert.deepEqual(statuses, expected === null ? [] : [expected]);
        if (expected !== null) {
          assert.equal(closed, true);
          assert.equal(parseResponses(bytes, closed)[0]?.headers.get('connection'), 'close');
        }
        assert.deepEqual(http.seen, []);
        // The next client is served, and nothing is held.
        assert.equal((await request(http.target, `GET / HTTP/1.1\r\n${HOST}\r\n`))?.status, 200);
        await eventually('all slots are free', () => http.worker.busySlots === 0);
      });
    }

    test('refuses an attack that comes byte by byte', async () => {
      const pieces = [...`POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\nContent-Length: 5\r\n\r\n`];
      const { bytes, closed } = await talk(http.target, pieces, 5000);
      assert.deepEqual(
        parseResponses(bytes, closed).map((response) => response.status),
        [400],
      );
      assert.equal(closed, true);
      assert.deepEqual(http.seen, []);
    });
  });
}

for (const engine of WHOLE_ENGINES) {
  describe(`http attacks between honest requests on ${engine}`, () => {
    test('refuses a header without a name', async () => {
      await using http = await startHttp(engine);
      const { bytes, closed } = await talk(http.target, [post(': a\r\nContent-Length: 3\r\n', 'abc')], 5000);
      assert.deepEqual(
        parseResponses(bytes, closed).map((response) => response.status),
        [400],
      );
      assert.deepEqual(http.seen, []);
    });

    test('answers the requests before an attack, in order, and then refuses', async () => {
      await using http = await startHttp(engine);
      const good = `GET /slow?30 HTTP/1.1\r\n${HOST}\r\nGET / HTTP/1.1\r\n${HOST}\r\n`;
      const { bytes, closed } = await talk(http.target, [`${good}GET / HTTP/1.1\r\nHost : a\r\n\r\n${EVIL}`], 5000);
      const responses = parseResponses(bytes, closed);
      assert.deepEqual(
        responses.map(({ status, body }) => [status, status === 200 ? body.toString() : '']),
        [
          [200, 'slow 30'],
          [200, 'hello'],
          [400, ''],
        ],
      );
      assert.equal(closed, true);
      assert.deepEqual(
        http.seen.map((vars) => vars.PATH_INFO),
        ['/slow', '/'],
      );
    });

    test('drops a header with an underscore, which would collide with a dash', async () => {
      await using http = await startHttp(engine);
      const response = await request(http.target, `GET /vars HTTP/1.1\r\n${HOST}X_Real: evil\r\nX-Real: good\r\n\r\n`);
      assert.equal(response?.status, 200);
      const vars = JSON.parse(response?.body.toString() ?? '') as Record<string, string>;
      assert.equal(vars.HTTP_X_REAL, 'good');
    });
  });
}
