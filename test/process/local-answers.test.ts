// What a gate may say of a request, on the engines of the main thread, with a gate made for the test: answers to requests whose
// body has not come, rewritten packets, answers that are not 200.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultTemplate } from '../../dist/base/log-template.js';
import { LocalDesk } from '../../dist/front/local/desk.js';
import { type JudgedRequest, LocalAnswer, type RequestGate, type Verdict } from '../../dist/front/local/gate.js';
import { Counters, countersBytes } from '../../dist/observe/counters.js';
import { forEachVar } from '../../dist/protocol/environ-vars.js';
import { parseResponses, RawClient } from '../helpers/http-client.js';
import { ENGINES, type EngineName, type HttpHarness, startHttp } from '../helpers/http-front.js';
import { settingsOf } from '../helpers/log-request.js';
import { packet } from '../helpers/uwsgi-client.js';

class TestGate implements RequestGate {
  judge(request: JudgedRequest): Verdict {
    const path = request.find('PATH_INFO');
    if (path === '/moved') return new LocalAnswer(301, [['Location', '/new']]);
    if (path === '/gone') return new LocalAnswer(410, [['Content-Type', 'text/plain']], Buffer.from('gone\n'));
    if (path === '/nothing') return new LocalAnswer(204, []);
    return path === '/old' ? rewritten(request) : null;
  }
}

/** The same request for `/vars`, with more vars than it had. */
function rewritten(request: JudgedRequest): Buffer {
  const vars: [string, string][] = [];
  forEachVar(request.packet, request.varsStart, request.varsEnd, (key, value) => {
    vars.push([key, key === 'PATH_INFO' ? '/vars' : value]);
  });
  return packet([...vars, ['ADDED', 'x'.repeat(500)]]);
}

interface Started {
  readonly http: HttpHarness;
  readonly lines: string[];
  readonly counters: Counters;
}

async function start(engine: EngineName): Promise<Started> {
  const lines: string[] = [];
  const memory = new SharedArrayBuffer(countersBytes(1));
  const requestLog = settingsOf(defaultTemplate(false, false));
  const setup = { counters: memory, counterIndex: 0, requestLog, addHeaders: [] };
  const desk = new LocalDesk(new TestGate(), setup, (line) => lines.push(line));
  const http = await startHttp(engine, { front: { desk } });
  return { http, lines, counters: new Counters(memory) };
}

const HOST = 'HTTP/1.1\r\nHost: a\r\n';

for (const engine of ENGINES.filter((name) => name !== 'epoll')) {
  describe(`local answers on ${engine}`, () => {
    test('are sent, counted and logged, and the connection goes on', async () => {
      const { http, lines, counters } = await start(engine);
      await using _ = http;
      const client = new RawClient(http.target);
      for (const path of ['/moved', '/gone', '/nothing', '/hello']) {
        const count = http.seen.length + lines.length + 1;
        await client.send(`GET ${path} ${HOST}\r\n`);
        await client.responses(count);
      }
      const answers = await client.responses(4);
      client.destroy();
      assert.deepEqual(
        answers.map(({ status, body }) => [status, body.toString()]),
        [
          [301, ''],
          [410, 'gone\n'],
          [204, ''],
          [200, 'hello'],
        ],
      );
      assert.deepEqual(
        answers.map(({ headers }) => headers.get('content-length')),
        ['0', '5', undefined, '5'],
      );
      assert.equal(answers[0]?.headers.get('location'), '/new');
      assert.equal(counters.requestsTotal, 3);
      assert.match(
        lines[1] ?? '',
        /app: -1\|req: -1\/2\] 127\.0\.0\.1 .* GET \/gone => generated 5 bytes .*\(HTTP\/1\.1 410\)/,
      );
      assert.equal(http.seen.length, 1);
    });

    test('have no body for HEAD', async () => {
      const { http } = await start(engine);
      await using _ = http;
      const client = new RawClient(http.target);
      await client.send(`HEAD /gone ${HOST}\r\n`);
      const [answer] = await client.responses(1, ['HEAD']);
      client.destroy();
      assert.deepEqual([answer?.status, answer?.headers.get('content-length'), answer?.body.length], [410, '5', 0]);
    });

    test('reach a client that is still sending its body', async () => {
      const { http } = await start(engine);
      await using _ = http;
      const client = new RawClient(http.target);
      await client.send(`POST /gone ${HOST}Content-Length: 3000000\r\n\r\n`, Buffer.alloc(1_000_000));
      await client.until(() => client.received.includes('gone\n'));
      await client.send(Buffer.alloc(2_000_000));
      const [answer] = parseResponses(client.received, true);
      client.destroy();
      assert.deepEqual([answer?.status, answer?.body.toString()], [410, 'gone\n']);
      assert.deepEqual(http.seen, []);
    });

    test('a rewritten packet takes the place of the one that came, with and without a body', async () => {
      const { http } = await start(engine);
      await using _ = http;
      for (const request of [`GET /old ${HOST}\r\n`, `POST /old ${HOST}Content-Length: 4\r\n\r\nbody`]) {
        const client = new RawClient(http.target);
        await client.send(request);
        const [answer] = await client.responses(1);
        client.destroy();
        const vars = JSON.parse(answer?.body.toString() ?? '') as Record<string, string>;
        assert.deepEqual([vars.PATH_INFO, vars.REQUEST_URI, vars.ADDED?.length], ['/vars', '/old', 500]);
      }
    });
  });
}
