// Trailers of kind node, behind a response and behind a request: on HTTP/1.1 and HTTP/2, and not where there is no place for them.
import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { RawClient } from '../helpers/http-client.js';
import { requestBytes, UwsgiClient } from '../helpers/uwsgi-client.js';
import { answerOf, ask as askHttp2, startStreams } from './http2-client.js';
import { askTls } from './https-client.js';
import { ENGINES } from './threads-client.js';

interface Answer {
  readonly body: string;
  readonly trailers: readonly string[];
  readonly headers: IncomingMessage['headers'];
}

function ask(target: { readonly host: string; readonly port: number }, path: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ ...target, path, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('latin1').on('data', (text: string) => {
        body += text;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ body, trailers: response.rawTrailers, headers: response.headers }));
    });
    asked.on('error', reject).end();
  });
}

const SENT = ['X-Sum', '1', 'X-Sum', 'two'];
const LARGE = `body ${'x'.repeat(100_000)}end`;

for (const engine of ENGINES) {
  const hasTrailers = !engine.args.includes('uws');
  describe(`trailers, ${engine.name}`, () => {
    test('stand behind a response in chunks, whatever its size; uWebSockets.js has no place for them', async () => {
      await using streams = await startStreams(engine, ['--http', '127.0.0.1:0']);
      const target = streams.server.http();
      const several = await ask(target, '/trailers');
      assert.deepEqual([several.body, several.trailers], [LARGE, hasTrailers ? SENT : []]);
      const one = await ask(target, '/trailers?one');
      assert.deepEqual([one.body, one.trailers], ['end', hasTrailers ? SENT : []]);
      assert.equal((await ask(target, '/slow?1')).body, 'slow 1');
    });

    test('are not sent behind a length, nor to HEAD', async () => {
      await using streams = await startStreams(engine, ['--http', '127.0.0.1:0']);
      const target = streams.server.http();
      const { body, trailers } = await ask(target, '/trailers-with-length');
      assert.deepEqual([body, trailers], ['abc', []]);
      assert.equal((await ask(target, '/trailers-with-length', 'HEAD')).body, '');
    });

    test('that are announced and do not come harm nobody', async () => {
      const wsgi = ['--mount', '/wsgi=announcing', '--manage-script-name'];
      await using streams = await startStreams(engine, ['--http', '127.0.0.1:0', ...wsgi]);
      const target = streams.server.http();
      const session = await streams.open();
      for (const path of ['/announced', '/wsgi/x']) {
        assert.deepEqual([(await ask(target, path)).body, (await ask(target, path)).trailers], ['short', []]);
        await ask(target, path, 'HEAD');
        assert.equal((await askHttp2(session, path)).body, 'short');
        await askHttp2(session, path, { ':method': 'HEAD' });
        assert.equal((await askTls({ ...streams.server.https(), path })).body, 'short');
      }
      assert.equal((await ask(target, '/slow?1')).body, 'slow 1');
    });

    test('must not frame, route or describe the message', async () => {
      await using streams = await startStreams(engine, ['--http', '127.0.0.1:0']);
      for (const name of ['Content-Length', 'transfer-encoding', 'Host', 'Connection', 'Set-Cookie', 'Content-Type']) {
        const { body } = await ask(streams.server.http(), `/forbidden-trailer?${name}`);
        assert.equal(body, 'ERR_HTTP_TRAILER_INVALID', name);
      }
      assert.equal((await ask(streams.server.http(), '/forbidden-trailer?X-Fine')).body, 'sent');
    });

    if (!hasTrailers) return;

    test('of a request that take more than there may be are refused, and those that a packet cannot hold', async () => {
      await using streams = await startStreams(engine, ['--http', '127.0.0.1:0']);
      const chunk = '1\r\na\r\n0\r\n';
      for (const [path, trailers] of [
        ['/', `X-Sum: ${'x'.repeat(16_384)}\r\n\r\n`],
        [`/?${'q'.repeat(26_000)}`, `X-Sum: ${'x'.repeat(16_000)}\r\n\r\n`],
      ]) {
        const client = new RawClient(streams.server.http());
        await client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${trailers}`);
        await client.until(() => false);
        assert.match(client.received.toString('latin1'), /^HTTP\/1\.1 (?:400|431) /);
        assert.equal(client.closed, true);
      }
      assert.equal((await ask(streams.server.http(), '/slow?1')).body, 'slow 1');
    });

    test('of a request never frame it: node:http refuses those that would, the others drop them', async () => {
      await using streams = await startStreams(engine, ['--http', '127.0.0.1:0']);
      for (const trailer of ['Content-Length: 40', 'Transfer-Encoding: identity', 'Connection: close']) {
        const client = new RawClient(streams.server.http());
        const chunks = `1\r\na\r\n0\r\n${trailer}\r\nX-Sum: 1\r\n\r\n`;
        await client.send(
          `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}GET / HTTP/1.1\r\nHost: a\r\n\r\n`,
        );
        await client.until(() => client.closed || client.received.toString('latin1').split('HTTP/1.1 ').length > 2);
        const [, first = ''] = client.received.toString('latin1').split('HTTP/1.1 ');
        if (first.startsWith('400 ')) assert.equal(engine.name, 'portable', trailer);
        else assert.match(first, /"bytes":1,"trailers":\["X-Sum","1"\]/, trailer);
        client.destroy();
      }
    });

    test('of a request come over HTTP/2, too, whether its length was told or not', async () => {
      await using streams = await startStreams(engine);
      const session = await streams.open();
      for (const headers of [{}, { 'content-length': '3' }]) {
        const stream = session.request({ ':method': 'POST', ':path': '/', ...headers }, {
          waitForTrailers: true,
        } as object);
        stream.on('wantTrailers', () =>
          stream.sendTrailers({ 'x-sum': ['1', 'two'], 'if-match': 'x', authorization: 'x' }),
        );
        const answer = answerOf(stream);
        stream.end('abc');
        const { bytes, trailers } = JSON.parse((await answer).body);
        assert.deepEqual([bytes, trailers], [3, ['x-sum', '1', 'x-sum', 'two']]);
      }
    });

    test('are left out for HTTP/1.0, where the body ends with the connection', async () => {
      await using streams = await startStreams(engine, ['--http', '127.0.0.1:0']);
      const client = new RawClient(streams.server.http());
      await client.send('GET /trailers-with-length HTTP/1.0\r\nHost: a\r\n\r\n');
      await client.until(() => false);
      assert.ok(client.received.toString('latin1').endsWith('\r\n\r\nabc'));
    });

    test('come over HTTP/2, too', async () => {
      await using streams = await startStreams(engine);
      const session = await streams.open();
      for (const [path, body] of [
        ['/trailers', LARGE],
        ['/trailers?one', 'end'],
      ] as const) {
        const answer = await askHttp2(session, path);
        assert.deepEqual([answer.status, answer.body, answer.code], [200, body, 0]);
        assert.deepEqual(answer.trailers, ['x-sum', '1, two']);
      }
    });

    test('are left out on a uwsgi socket', async () => {
      await using streams = await startStreams(engine, ['--socket', '127.0.0.1:0']);
      const client = new UwsgiClient(streams.server.uwsgi());
      await client.send(requestBytes({ uri: '/trailers' }));
      const { bytes } = await client.outcome;
      assert.ok(bytes.toString('latin1').endsWith(LARGE));
    });
  });
}
