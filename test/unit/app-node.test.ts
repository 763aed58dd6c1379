// Kind node without a server: what is one, how its server is adopted, and how a request ends in every way it can.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import {
  createServer,
  IncomingMessage as Incoming,
  type IncomingMessage,
  ServerResponse as Outgoing,
  type ServerResponse,
} from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { nodeKind } from '../../dist/app/node/kind.js';
import { isNodeApplication } from '../../dist/app/node/listener.js';
import { FakeContext, FakeExchange, type FakeOptions } from '../helpers/fake-exchange.js';

type Listener = (req: IncomingMessage, res: ServerResponse) => unknown;

const root = mkdtempSync(join(tmpdir(), 'app-node-'));
after(() => rmSync(root, { recursive: true }));

async function run(listener: Listener, options: FakeOptions = {}): Promise<FakeExchange> {
  const exchange = new FakeExchange(options);
  await (await nodeKind.create(listener, new FakeContext())).handle(exchange);
  return exchange;
}

function holdOpen(): Disposable {
  const timer = setInterval(() => {}, 1000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('an export is of kind node', () => {
  const method = () => {};
  for (const [what, exported, expected] of [
    ['an Express application', Object.assign((_a: unknown) => {}, { handle: method, use: method, set: method }), true],
    ['a Koa application', { callback: method, use: method }, true],
    ['a Fastify instance', { routing: method, ready: method }, true],
    ['a Nest application', { getHttpAdapter: method, init: method }, true],
    ['an http.Server', createServer(), true],
    ['an object with a handler', { handler: method }, true],
    ['(req, res)', (req: unknown, res: unknown) => [req, res], true],
    [
      'async function (request, response)',
      async function named(request: unknown, response: unknown) {
        return [request, response];
      },
      true,
    ],
    ['(environ, startResponse)', (environ: unknown, startResponse: unknown) => [environ, startResponse], false],
    ['(request, info), which a fetch handler has', (request: unknown, info: unknown) => [request, info], false],
    ['what fetches', { fetch: method, callback: method }, false],
    ['a number', 1, false],
    ['nothing', null, false],
  ] as const) {
    test(`${what}: ${expected ? 'yes' : 'no'}`, () => assert.equal(isNodeApplication(exported, false), expected));
  }

  test('any function, when the configuration says so', () => {
    assert.equal(
      isNodeApplication((a: unknown) => a, true),
      true,
    );
    assert.equal(isNodeApplication({}, true), false);
  });
});

describe('request and response', () => {
  test('are node’s own classes, and survive a change of prototype', async () => {
    const { response } = await run(
      (req, res) => {
        assert.ok(req instanceof Incoming && res instanceof Outgoing);
        Object.setPrototypeOf(req, Object.create(Incoming.prototype));
        Object.setPrototypeOf(res, Object.create(Outgoing.prototype));
        let text = '';
        req.on('data', (chunk: Buffer) => (text += chunk)).on('end', () => res.end(text.toUpperCase()));
      },
      { vars: { CONTENT_LENGTH: '5' }, body: 'hello' },
    );
    assert.equal(response.text, 'HELLO');
  });

  test('know the addresses, the scheme and every header', async () => {
    const vars = {
      REQUEST_URI: '/a%20b?c',
      REMOTE_ADDR: '10.0.0.1',
      REMOTE_PORT: '1234',
      SERVER_PORT: '443',
      HTTPS: 'on',
      HTTP_X_ONE: '1',
      HTTP_CONSTRUCTOR: 'c',
      CONTENT_TYPE: '',
      HTTP_CONTENT_LENGTH: '9',
    };
    await run(
      (req, res) => {
        const { remoteAddress, remotePort, remoteFamily, localPort } = req.socket;
        assert.deepEqual([remoteAddress, remotePort, remoteFamily, localPort], ['10.0.0.1', 1234, 'IPv4', 443]);
        assert.equal('encrypted' in req.socket && req.socket.encrypted, true);
        assert.equal(req.url, '/a%20b?c');
        assert.deepEqual(req.headers, { 'x-one': '1', constructor: 'c' });
        assert.deepEqual(req.rawHeaders, ['X-One', '1', 'Constructor', 'c']);
        res.end();
      },
      { vars },
    );
  });

  test('have headersDistinct, and a URL where the front sends none', async () => {
    const vars = { PATH_INFO: '/a', QUERY_STRING: 'b', HTTP_X_ONE: '1' };
    await run(
      (req, res) => {
        assert.deepEqual(req.headersDistinct['x-one'], ['1']);
        assert.equal(req.url, '/a?b');
        res.end();
      },
      { vars },
    );
  });

  test('leave in one piece when the response ends in its first tick', async () => {
    const { response } = await run((_req, res) => {
      res.write('a');
      res.write('b');
      res.end('c');
    });
    assert.deepEqual(
      response.sent.map(({ by, bytes }) => [by, bytes.toString()]),
      [['end', 'abc']],
    );
  });

  test('know the length of a body that is sent at once', async () => {
    assert.equal((await run((_req, res) => res.end('hellö'))).response.header('content-length'), '6');
  });

  test('send events as they are written', async () => {
    const { response } = await run(async (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      for (const n of [1, 2]) {
        await turn();
        res.write(`data: ${n}\n\n`);
      }
      await turn();
      res.end();
    });
    assert.deepEqual(
      response.sent.map(({ bytes }) => bytes.toString()),
      ['', 'data: 1\n\n', 'data: 2\n\n', ''],
    );
  });

  test('wait for a slow client: write says false, and drain follows', async () => {
    const drains: boolean[] = [];
    const { response } = await run(
      (_req, res) => {
        const write = (left: number): void => {
          if (left === 0) return void res.end();
          drains.push(res.write(Buffer.alloc(100_000)));
          res.once('drain', () => write(left - 1));
        };
        write(3);
      },
      { roomBytes: 50_000 },
    );
    assert.deepEqual(drains, [false, false, false]);
    assert.equal(response.bytes.length, 300_000);
    assert.equal(response.drains, 3);
  });

  test('never pass Transfer-Encoding on, and set every cookie by itself', async () => {
    const { response } = await run((_req, res) => {
      res.writeHead(200, { 'Transfer-Encoding': 'chunked', 'Set-Cookie': ['a=1', 'b=2'] });
      res.end('x');
    });
    assert.deepEqual(
      response.headers.filter(([name]) => name !== 'Content-Length'),
      [
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
      ],
    );
  });

  test('refuse what cannot be sent where the application sets it', async () => {
    const codes: unknown[] = [];
    await run((_req, res) => {
      for (const attempt of [
        () => res.setHeader('a b', '1'),
        () => res.setHeader('a', '\r\n'),
        () => res.writeHead(99),
        () => res.end('x') && res.setHeader('a', 'b'),
      ]) {
        try {
          attempt();
        } catch (error) {
          codes.push((error as NodeJS.ErrnoException).code);
        }
      }
    });
    assert.deepEqual(codes, [
      'ERR_INVALID_HTTP_TOKEN',
      'ERR_INVALID_CHAR',
      'ERR_HTTP_INVALID_STATUS_CODE',
      'ERR_HTTP_HEADERS_SENT',
    ]);
  });
});

describe('a request ends', () => {
  test('with the error that the listener throws, or rejects with', async () => {
    await assert.rejects(
      run(() => {
        throw new Error('at once');
      }),
      /at once/,
    );
    await assert.rejects(
      run(async () => {
        await turn();
        throw new Error('later');
      }),
      /later/,
    );
  });

  test('with an error when the application destroys its response, and tells both of it', async () => {
    const seen: string[] = [];
    await assert.rejects(
      run((req, res) => {
        req.on('close', () => seen.push('req close'));
        res.on('close', () => seen.push(`res close ${res.writableFinished}`));
        res.write('half');
        setImmediate(() => res.destroy());
      }),
      /destroyed the connection/,
    );
    await turn();
    assert.deepEqual(seen.sort(), ['req close', 'res close false']);
  });

  test('when its client leaves: aborted, close, and no error', async () => {
    const seen: string[] = [];
    const exchange = new FakeExchange();
    const application = await nodeKind.create((req: IncomingMessage, res: ServerResponse) => {
      req.on('aborted', () => seen.push('aborted')).on('error', (error) => seen.push(error.message));
      res.on('close', () => seen.push(`close ${res.destroyed}`));
    }, new FakeContext());
    const handled = application.handle(exchange);
    exchange.abort();
    await handled;
    await turn();
    assert.deepEqual(seen, ['aborted', 'close true', 'aborted']);
  });

  test('after a timeout that nobody hears, and not when somebody does', async () => {
    // Such a timer keeps no process running, as node's do not.
    using _ = holdOpen();
    await assert.rejects(
      run((_req, res) => void res.setTimeout(5)),
      /destroyed the connection/,
    );
    const { response } = await run((_req, res) => void res.setTimeout(5, () => res.end('late')));
    assert.equal(response.text, 'late');
  });
});

describe('an application that listens by itself', () => {
  /** Loads `files/app.mjs` in a thread of its own and asks it for `/`; what it says. */
  function load(name: string, files: Readonly<Record<string, string>>, home?: string): Promise<unknown> {
    const folder = join(root, name);
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(join(folder, file, '..'), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    const spec = {
      file: files['app.mjs'] === undefined ? 'app.cjs' : 'app.mjs',
      chdir: folder,
      home: home && join(folder, home),
    };
    const worker = new Worker(new URL('../helpers/node-loader.js', import.meta.url), { workerData: spec });
    return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  }
  const SERVER = `import { createServer } from 'node:http';
    const server = createServer((req, res) => res.end(JSON.stringify([server.listening, server.address(), called])));
    let called = false;`;

  test('is adopted: it listens, and has our address', async () => {
    const said = await load('adopted', { 'app.mjs': `${SERVER} server.listen(80, () => { called = true; });` });
    assert.deepEqual(JSON.parse(String(said)), [true, { address: '127.0.0.1', family: 'IPv4', port: 8000 }, true]);
  });

  test('is waited for while it has anything under way', async () => {
    const said = await load('late', { 'app.mjs': `${SERVER} setTimeout(() => server.listen(80), 100);` });
    assert.match(String(said), /^\[true/);
  });

  test('is an error that says so when it never listens, or fails before', async () => {
    assert.match(
      String(await load('never', { 'app.mjs': 'export const a = 1;' })),
      /does not call listen\(\); it exports a/,
    );
    assert.match(
      String(await load('fails', { 'app.cjs': `(async () => { throw new Error('no database'); })();` })),
      /no database/,
    );
  });

  test('is served by the first of its servers', async () => {
    const said = await load('two', { 'app.mjs': `${SERVER} server.listen(80); createServer().listen(81);` });
    assert.match(String(said), /^\[true/);
  });

  test('finds packages in home, by import and require(), where it has none of its own', async () => {
    const package_ = (name: string, text: string) => ({
      [`home/node_modules/${name}/index.js`]: text,
      [`home/node_modules/${name}/package.json`]: `{"name": "${name}", "main": "index.js"}`,
    });
    const app = `import { createRequire } from 'node:module'; import one from 'one-of-home';
      const two = createRequire(import.meta.url)('two-of-home'); export default (req, res) => res.end(String(one + two));`;
    const files = {
      'app.mjs': app,
      ...package_('one-of-home', 'module.exports = 1'),
      ...package_('two-of-home', 'module.exports = 2'),
    };
    assert.equal(await load('home', files, 'home'), '3');
    assert.match(String(await load('homeless', files)), /Cannot find package 'one-of-home'/);
  });
});
