// Where a kind of application or a front differs from the contract, why, and what it does instead: that is checked in the
// behaviour's place. Everything else is the same for all.
import assert from 'node:assert/strict';
import { RawClient } from '../http-client.js';
import { assertText, valuesOf } from './behaviours.js';
import type { Client } from './client.js';

export interface Difference {
  /** Applications of this kind; undefined: of every. */
  readonly kind?: string;
  /** `http epoll`, `http node`, `http uws`, `http2 node`, `uwsgi epoll` or `uwsgi net`; undefined: all. */
  readonly front?: string;
  /** The behaviour's name, or what it begins with. */
  readonly behaviour: string;
  readonly reason: string;
  instead(client: Client): Promise<void>;
}

/** Sends bytes and waits for the start of an answer, for the close, or for as long as a server needs for neither. */
async function talk(client: Client, bytes: string): Promise<string> {
  const connection = new RawClient(client.target);
  await connection.send(bytes);
  await connection.until(() => connection.received.includes('\r\n\r\n'), 300);
  connection.destroy();
  return connection.received.toString('latin1');
}

function notAnswered(behaviour: string, reason: string, bytes: string): Difference {
  return {
    front: 'http uws',
    behaviour,
    reason,
    instead: async (client) => assert.equal(await talk(client, bytes), ''),
  };
}

const HOST = 'Host: contract\r\n';
const HELLO = `GET /hello HTTP/1.1\r\n${HOST}\r\n`;

const ONE_AT_A_TIME = 'uWebSockets.js closes a connection that pipelines while an answer is pending';
const NO_OLD_HTTP = 'uWebSockets.js does not answer HTTP/1.0';
const OWN_METHODS = 'uWebSockets.js closes the connection on a method it does not know';
const OLD = `GET /hello HTTP/1.0\r\n${HOST}\r\n`;

const uws: readonly Difference[] = [
  notAnswered('the method PROPFIND', OWN_METHODS, `PROPFIND /hello HTTP/1.1\r\n${HOST}\r\n`),
  notAnswered('the method PURGE', OWN_METHODS, `PURGE /hello HTTP/1.1\r\n${HOST}\r\n`),
  notAnswered('requests that are sent at once', ONE_AT_A_TIME, `GET /sleep/30/a HTTP/1.1\r\n${HOST}\r\n${HELLO}`),
  notAnswered(
    'bodies of requests that are sent at once',
    ONE_AT_A_TIME,
    `GET /sleep/30/a HTTP/1.1\r\n${HOST}\r\n${HELLO}`,
  ),
  notAnswered('HTTP/1.0', NO_OLD_HTTP, OLD),
  notAnswered('a request without Host', 'uWebSockets.js does not answer it', 'GET /hello HTTP/1.1\r\n\r\n'),
  notAnswered(
    'sixty headers arrive',
    'uWebSockets.js takes no more than fifty headers',
    `GET /hello HTTP/1.1\r\n${HOST}${Array.from({ length: 60 }, (_, i) => `X-${i}: v\r\n`).join('')}\r\n`,
  ),
  notAnswered(
    'a header with an underscore',
    'uWebSockets.js does not answer a request with one',
    `GET /hello HTTP/1.1\r\n${HOST}X_Evil: 1\r\n\r\n`,
  ),
  notAnswered(
    'a target in absolute form',
    'uWebSockets.js does not answer it',
    `GET http://other.example/hello HTTP/1.1\r\n${HOST}\r\n`,
  ),
  notAnswered('OPTIONS *', 'uWebSockets.js does not answer it', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`),
  {
    front: 'http uws',
    behaviour: 'Connection: close of the client',
    reason: 'uWebSockets.js ends the connection and does not say so',
    instead: async (client) => assertText(await client.ask({ target: '/hello' }), 200, 'hello'),
  },
  {
    front: 'http uws',
    behaviour: 'a header of Latin-1 arrives',
    reason: 'uWebSockets.js takes bytes beyond ASCII at the end of a value for white space',
    instead: async (client) => {
      const answer = await client.ask({ target: '/request', headers: [['X-Latin', 'caf\xe9']] });
      assert.equal(JSON.parse(answer.body.toString()).headers['x-latin'], 'caf');
    },
  },
  {
    front: 'http uws',
    behaviour: 'a Date of the application',
    reason: 'uWebSockets.js writes its own',
    instead: async (client) => {
      const dates = valuesOf(await client.ask({ target: '/date' }), 'date');
      assert.equal(dates.length, 1);
    },
  },
  ...[
    'a chunked body arrives',
    'chunks may be cut',
    'extensions and trailers',
    'trailers of a chunked',
    'a chunked body may be',
    'a chunked body without',
  ].map(
    (behaviour): Difference => ({
      front: 'http uws',
      behaviour,
      reason: 'uWebSockets.js gives chunks without their end; 411 says what is needed',
      instead: async (client) => {
        const answer = await talk(client, `POST /echo HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`);
        assert.match(answer, /^HTTP\/1\.1 411 /);
      },
    }),
  ),
];

const node: readonly Difference[] = [
  {
    kind: 'node',
    behaviour: 'HEAD ends a body that has no end',
    reason: 'as in node:http the application ends its response, whatever the method',
    instead: async (client) => {
      const visit = client.visit({ method: 'HEAD', target: '/hello' });
      const { bytes } = await visit.ended;
      assert.ok(bytes.toString('latin1').endsWith('\r\n\r\n'));
    },
  },
  {
    kind: 'node',
    front: 'http epoll',
    behaviour: 'a target in absolute form',
    reason: 'as in node:http req.url is the target as it came',
    instead: absoluteTarget,
  },
  {
    kind: 'node',
    front: 'http node',
    behaviour: 'a target in absolute form',
    reason: 'as in node:http req.url is the target as it came',
    instead: absoluteTarget,
  },
];

async function absoluteTarget(client: Client): Promise<void> {
  assert.match(await talk(client, `GET http://other.example/hello HTTP/1.1\r\n${HOST}\r\n`), /^HTTP\/1\.1 404 /);
}

const http2: readonly Difference[] = [
  {
    front: 'http2 node',
    behaviour: 'a reason of the application stays',
    reason: 'HTTP/2 has no reasons',
    instead: async (client) => assert.equal((await client.ask({ target: '/reason' })).status, 299),
  },
  {
    front: 'http2 node',
    behaviour: 'plain HTTP is known as such',
    reason: 'it is spoken over TLS only',
    instead: async (client) => {
      const { secure } = JSON.parse((await client.ask({ target: '/request' })).body.toString());
      assert.equal(secure, true);
    },
  },
];

const python: readonly Difference[] = [
  {
    kind: 'python',
    behaviour: 'OPTIONS *',
    reason: 'wsgiref.validate wants a path that begins with a slash',
    instead: async (client) => assert.equal((await client.ask({ method: 'OPTIONS', target: '*' })).status, 500),
  },
  {
    kind: 'python',
    behaviour: 'an answer that is there at once',
    reason: 'an iterator does not say that its chunk is the last: it is asked while the first is on its way',
    instead: async (client) => assertText(await client.ask({ target: '/hello' }), 200, 'hello'),
  },
  {
    kind: 'python',
    behaviour: 'HTTP/1.0 keeps the connection',
    reason: 'without a length only the end of the connection ends the body',
    instead: async (client) => {
      const bytes = `GET /hello HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n\r\n`;
      assert.match(await talk(client, bytes), /^HTTP\/1\.[01] 200 /);
    },
  },
  {
    kind: 'python',
    front: 'http uws',
    behaviour: 'Connection: close of the application',
    reason: 'uWebSockets.js closes only where a response is ended in one call: the head says it, and the client closes',
    instead: async (client) => {
      const answer = await talk(client, `GET /close HTTP/1.1\r\n${HOST}\r\n`);
      assert.match(answer, /\r\nConnection: close\r\n/i);
    },
  },
];

export const DIFFERENCES: readonly Difference[] = [
  ...uws,
  ...node,
  ...http2,
  ...python,
  ...['uwsgi epoll', 'uwsgi net'].map(
    (front): Difference => ({
      front,
      behaviour: 'an answer shorter than its length',
      reason: 'on a uwsgi socket the end of the connection ends the body: the web server holds it against the length',
      instead: async (client) => {
        const answer = await client.ask({ target: '/short' });
        assert.deepEqual([valuesOf(answer, 'content-length'), answer.body.toString()], [['10'], '1234']);
      },
    }),
  ),
];
