// What a fetch handler may return, and how it reaches the client; against a fake exchange.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fetchKind } from '../../dist/app/fetch/kind.js';
import type { FetchInfo } from '../../dist/app/fetch/types.js';
import { FakeContext, FakeExchange, type FakeOptions } from '../helpers/fake-exchange.js';

type Loose = (request: Request, info: FetchInfo, context: FetchInfo) => unknown;

interface Run {
  readonly exchange: FakeExchange;
  readonly context: FakeContext;
  readonly outcome: Promise<void>;
  settled(): Promise<void>;
}

function start(handler: Loose, options: FakeOptions = {}): Run {
  const context = new FakeContext();
  const exchange = new FakeExchange({ ...options, vars: { HTTP_HOST: 'h', REQUEST_URI: '/', ...options.vars } });
  const application = fetchKind.create({ fetch: handler }, context);
  assert.ok(!(application instanceof Promise));
  const outcome = (async () => application.handle(exchange))();
  return { exchange, context, outcome, settled: async () => application.settled?.() };
}

async function run(handler: Loose, options?: FakeOptions): Promise<Run> {
  const started = start(handler, options);
  await started.outcome;
  return started;
}

async function answer(response: () => unknown, options?: FakeOptions) {
  const { exchange } = await run(response, options);
  return exchange.response;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('an export is an application of kind fetch', () => {
  class WithFetch {
    fetch() {
      return new Response();
    }
  }
  test('when it has a method fetch', () => {
    for (const exported of [{ fetch() {} }, new WithFetch(), Object.assign(() => {}, { fetch() {} })]) {
      assert.equal(fetchKind.matches(exported, false), true);
    }
    for (const exported of [{}, null, undefined, 'fetch', () => {}, { fetch: 1 }]) {
      assert.equal(fetchKind.matches(exported, false), false);
    }
  });

  test('or a function, when app-kind says so', () => {
    assert.equal(
      fetchKind.matches(() => {}, true),
      true,
    );
    assert.equal(fetchKind.matches({}, true), false);
  });

  test('that is called on its object, with what is there at the time', async () => {
    const app = {
      name: 'first',
      fetch() {
        return new Response(this.name);
      },
    };
    const application = await fetchKind.create(app, new FakeContext());
    assert.deepEqual([application.kind, application.concurrency], ['fetch', 64]);
    for (const name of ['first', 'second']) {
      app.name = name;
      const exchange = new FakeExchange({});
      await application.handle(exchange);
      assert.equal(exchange.response.text, name);
    }
  });
});

describe('a Response', () => {
  const bodies: readonly (readonly [string, () => unknown, string])[] = [
    ['a string', () => 'text', 'text'],
    ['bytes', () => new Uint8Array([97, 98]), 'ab'],
    ['an ArrayBuffer', () => new Uint8Array([97, 98]).buffer, 'ab'],
    ['URLSearchParams', () => new URLSearchParams({ a: 'b c' }), 'a=b+c'],
    ['nothing', () => null, ''],
    ['an empty string', () => '', ''],
  ];
  for (const [name, body, text] of bodies) {
    test(`of ${name} is sent in one piece, head and body`, async () => {
      const response = await answer(() => new Response(body() as ConstructorParameters<typeof Response>[0]));
      assert.deepEqual([response.status, response.text, response.ended], ['200', text, true]);
      assert.deepEqual(
        response.sent.map((part) => part.by),
        ['end'],
      );
    });
  }

  test('of a Blob has its type', async () => {
    const response = await answer(() => new Response(new Blob(['ab', 'c'], { type: 'text/x' })));
    assert.deepEqual([response.text, response.header('content-type')], ['abc', 'text/x']);
  });

  test('of FormData has its boundary', async () => {
    const response = await answer(() => {
      const form = new FormData();
      form.append('a', 'b');
      form.append('f', new Blob(['xyz']), 'n.txt');
      return new Response(form);
    });
    const again = await new Response(response.bytes, {
      headers: { 'content-type': response.header('content-type') ?? '' },
    }).formData();
    assert.deepEqual([again.get('a'), (again.get('f') as File).name], ['b', 'n.txt']);
  });

  test('of a stream that is there at once is sent in one piece', async () => {
    const stream = () =>
      new ReadableStream({
        start(controller) {
          for (const chunk of ['a', new Uint8Array([98]), new Uint16Array([0x6463]), new Uint8Array([101]).buffer]) {
            controller.enqueue(chunk);
          }
          controller.close();
        },
      });
    const response = await answer(() => new Response(stream()));
    assert.deepEqual([response.text, response.sent.map((part) => part.by)], ['abcde', ['end']]);
  });

  test('has its status, its reason and its headers; each cookie is its own', async () => {
    const response = await answer(() => {
      const headers = new Headers({ 'X-A': '1' });
      headers.append('Set-Cookie', 'a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT');
      headers.append('Set-Cookie', 'b=2');
      return new Response('x', { status: 418, statusText: 'Short and Stout', headers });
    });
    assert.equal(response.status, '418 Short and Stout');
    assert.deepEqual(response.headers, [
      ['content-type', 'text/plain;charset=UTF-8'],
      ['x-a', '1'],
      ['set-cookie', 'a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT'],
      ['set-cookie', 'b=2'],
    ]);
  });

  test('may be a redirect, JSON, or without a body', async () => {
    const redirect = await answer(() => Response.redirect('http://h/there', 303));
    assert.deepEqual([redirect.status, redirect.header('location'), redirect.text], ['303', 'http://h/there', '']);
    const json = await answer(() => Response.json({ a: 1 }, { status: 201 }));
    assert.deepEqual([json.status, json.header('content-type'), json.text], ['201', 'application/json', '{"a":1}']);
    for (const status of [204, 205, 304]) {
      const empty = await answer(() => new Response(null, { status }));
      assert.deepEqual([empty.status, empty.text, empty.ended], [String(status), '', true]);
    }
  });

  test('that answers HEAD is not read, and is cancelled', async () => {
    let cancelled = 0;
    const body = () => new ReadableStream({ cancel: () => void cancelled++ });
    const response = await answer(() => new Response(body(), { headers: { 'x-a': '1' } }), {
      vars: { REQUEST_METHOD: 'HEAD' },
    });
    assert.deepEqual([response.ended, response.header('x-a'), cancelled], [true, '1', 1]);
  });

  test('may come later', async () => {
    const response = await answer(async () => {
      await turn();
      return new Response('late');
    });
    assert.equal(response.text, 'late');
  });

  test('of another class is told by what it has', async () => {
    const headers = [
      ['x-a', '1'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ];
    async function* chunks() {
      yield 'a';
      await turn();
      yield Buffer.from('b');
    }
    const iterated = await answer(() => ({ status: 200, statusText: 'Fine', headers, body: chunks() }));
    assert.deepEqual([iterated.status, iterated.text], ['200 Fine', 'ab']);
    assert.deepEqual(iterated.headers, headers);
    const whole = await answer(() => ({
      status: 200,
      headers: new Map([['x-a', '1']]),
      arrayBuffer: async () => new Uint8Array([97]).buffer,
    }));
    assert.deepEqual([whole.text, whole.headers], ['a', [['x-a', '1']]]);
    const raw = Object.assign(new Map([['set-cookie', 'a=1, b=2']]), { raw: () => ({ 'set-cookie': ['a=1', 'b=2'] }) });
    const joined = await answer(() => ({ status: 200, headers: raw, body: null }));
    assert.deepEqual(joined.headers, [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]);
  });

  const wrong: readonly (readonly [string, () => unknown, RegExp])[] = [
    ['nothing', () => undefined, /returned undefined, expected a Response/],
    ['a promise of nothing', async () => null, /returned null, expected a Response/],
    ['a string', () => 'text', /returned a string, expected a Response/],
    ['an object', () => ({ status: '200', headers: {} }), /returned an object, expected a Response/],
    ['Response.error()', () => Response.error(), /network error/],
    [
      'headers that are none',
      () => ({ status: 200, headers: {}, body: null }),
      /headers of the Response are an object/,
    ],
    ['a body that is none', () => ({ status: 200, headers: [], body: 5 }), /body of the Response is a number/],
    ['a header that cannot be sent', () => ({ status: 200, headers: [['x', 'a\nb']], body: null }), /cannot send/],
  ];
  for (const [name, handler, message] of wrong) {
    test(`is asked for in words when there is ${name}`, async () => {
      await assert.rejects(run(handler), message);
    });
  }

  test('whose body was used is an error', async () => {
    const used = async () => {
      const response = new Response('x');
      await response.text();
      return response;
    };
    await assert.rejects(run(used), /was used before/);
  });

  test('whose stream gives what are no bytes is an error, and is cancelled', async () => {
    const reasons: unknown[] = [];
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(5),
      cancel: (reason) => void reasons.push(reason),
    });
    await assert.rejects(
      run(() => new Response(body)),
      /gave a number, expected bytes/,
    );
    assert.match(String(reasons[0]), /gave a number/);
  });
});

describe('a stream', () => {
  /** Gives `chunks`, each when the reader asks for it and the event loop has turned. */
  function slowly(chunks: readonly unknown[], log: string[] = []): ReadableStream {
    let at = 0;
    return new ReadableStream(
      {
        async pull(controller) {
          await turn();
          const chunk = chunks[at++];
          log.push(`pull ${at}`);
          if (chunk instanceof Error) controller.error(chunk);
          else if (chunk === undefined) controller.close();
          else controller.enqueue(chunk);
        },
        cancel: (reason) => void log.push(`cancel ${reason}`),
      },
      { highWaterMark: 0 },
    );
  }

  test('is sent as it comes, and its head before its first chunk', async () => {
    const { exchange, outcome } = start(
      () => new Response(slowly([Buffer.from('a'), Buffer.alloc(0), Buffer.from('b')])),
    );
    while (!exchange.response.headSent) await Promise.resolve();
    assert.deepEqual([exchange.response.text, exchange.response.ended], ['', false]);
    await outcome;
    assert.deepEqual(
      exchange.response.sent.map((part) => `${part.by} ${part.bytes}`),
      ['write ', 'write a', 'write b', 'end '],
    );
  });

  test('is not read further than a slow client takes it', async () => {
    const chunk = Buffer.alloc(1000);
    const log: string[] = [];
    const { exchange, outcome } = start(() => new Response(slowly([chunk, chunk, chunk, chunk], log)), {
      roomBytes: 1000,
    });
    exchange.response.drained = () => new Promise(() => {});
    for (let i = 0; i < 20; i++) await turn();
    // One that was sent, and one that was asked for.
    assert.equal(exchange.response.bytes.length, 1000);
    assert.ok(log.length <= 2, log.join());
    exchange.response.drained = async () => {};
    exchange.abort();
    void outcome;
  });

  test('goes on when a slow client goes on', async () => {
    const chunk = Buffer.alloc(1000);
    const response = await answer(() => new Response(slowly([chunk, chunk, chunk])), { roomBytes: 500 });
    assert.deepEqual([response.bytes.length, response.ended, response.drains], [3000, true, 3]);
  });

  test('that fails ends the response with its error, and is said once', async () => {
    const { exchange, outcome, context } = start(() => new Response(slowly([Buffer.from('a'), new Error('broken')])));
    await assert.rejects(outcome, /broken/);
    await turn();
    assert.deepEqual([exchange.response.text, exchange.response.ended, context.lines], ['a', false, []]);
  });

  test('that fails at once leaves room for a 500', async () => {
    const body = () => new ReadableStream({ start: (controller) => controller.error(new Error('broken')) });
    const { exchange, outcome } = start(() => new Response(body()));
    await assert.rejects(outcome, /broken/);
    assert.equal(exchange.response.headSent, false);
  });

  test('is cancelled when the client leaves, whatever it waits for', async () => {
    const log: string[] = [];
    const never = new ReadableStream({ pull: () => new Promise(() => {}), cancel: () => void log.push('cancelled') });
    const { exchange, outcome } = start(() => new Response(never));
    await turn();
    exchange.abort();
    await outcome;
    assert.deepEqual([log, exchange.response.ended], [['cancelled'], false]);
  });

  test('an async generator of another class is left when the client leaves', async () => {
    const log: string[] = [];
    async function* endless() {
      try {
        for (;;) {
          yield 'x';
          await turn();
        }
      } finally {
        log.push('left');
      }
    }
    const { outcome } = start(() => ({ status: 200, headers: [], body: endless() }), { abortAtWrite: 3 });
    await outcome;
    await turn();
    assert.deepEqual(log, ['left']);
  });

  test('whose cancel fails is in the log', async () => {
    const cancel = () => Promise.reject(new Error('cannot cancel'));
    const { exchange, outcome, context } = start(() => new Response(new ReadableStream({ cancel })));
    await turn();
    exchange.abort();
    await outcome;
    await turn();
    assert.match(context.lines.join(), /after the end of its request: Error: cannot cancel/);
  });
});

describe('a handler', () => {
  test('that throws or rejects fails with its own error', async () => {
    const error = new Error('mine');
    await assert.rejects(
      run(() => {
        throw error;
      }),
      error,
    );
    await assert.rejects(
      run(async () => {
        throw error;
      }),
      error,
    );
  });

  test('is not waited for when its client has left; what it returns then is cancelled', async () => {
    let respond = (_: Response) => {};
    const log: string[] = [];
    const late = new Promise<Response>((resolve) => {
      respond = resolve;
    });
    const { exchange, outcome, context } = start(() => late);
    await turn();
    exchange.abort();
    await outcome;
    respond(new Response(new ReadableStream({ cancel: () => void log.push('cancelled') })));
    await turn();
    assert.deepEqual([log, exchange.response.headSent, context.lines], [['cancelled'], false, []]);
  });

  test('that fails after its client has left is in the log, unless that is why', async () => {
    for (const [name, lines] of [
      ['Error', 1],
      ['AbortError', 0],
    ] as const) {
      let fail = (_: Error) => {};
      const late = new Promise<Response>((_, reject) => {
        fail = reject;
      });
      const { exchange, outcome, context } = start(() => late);
      await turn();
      exchange.abort();
      await outcome;
      fail(Object.assign(new Error('too late'), { name }));
      await turn();
      assert.equal(context.lines.length, lines, context.lines.join());
    }
  });

  test('hears by the signal that the client has left', async () => {
    const { exchange, outcome } = start(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    );
    await turn();
    exchange.abort();
    await outcome;
    assert.equal(exchange.response.headSent, false);
  });

  test('sees who asks, and the variables', async () => {
    const response = await answer(
      ((_, info) => Response.json([info.remoteAddr, info.address, info.environ.X_VAR])) as Loose as () => unknown,
      { vars: { REMOTE_ADDR: '1.2.3.4', REMOTE_PORT: '567', X_VAR: 'v' } },
    );
    assert.deepEqual(JSON.parse(response.text), [{ hostname: '1.2.3.4', port: 567, transport: 'tcp' }, '1.2.3.4', 'v']);
  });

  test('has the same as second and as third argument, as Workers and Hono ask for it', async () => {
    const response = await answer(
      ((_: Request, info: unknown, context: unknown) => new Response(String(info === context))) as () => unknown,
    );
    assert.equal(response.text, 'true');
  });
});

describe('waitUntil', () => {
  test('keeps work until it settles, and what that keeps', async () => {
    const log: string[] = [];
    const { settled } = await run((_, info) => {
      const more = turn().then(() => void log.push('more'));
      info.waitUntil(turn().then(() => info.waitUntil(more.then(() => void log.push('last')))));
      return new Response('x');
    });
    assert.deepEqual(log, []);
    await settled();
    assert.deepEqual(log, ['more', 'last']);
    await settled();
  });

  test('logs a rejection', async () => {
    const { settled, context } = await run((_, info) => {
      info.waitUntil(Promise.reject(new Error('in vain')));
      return new Response('x');
    });
    await settled();
    assert.match(context.lines.join(), /did not wait for failed: Error: in vain/);
  });
});
