// The rules of PEP 3333, and ours for promises and async iterables, one by one against a fake exchange.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { wsgiKind } from '../../dist/app/wsgi/kind.js';
import type { StartResponse, WsgiEnviron } from '../../dist/app/wsgi/types.js';
import { FakeContext, FakeExchange, type FakeOptions } from '../helpers/fake-exchange.js';

type Loose = (environ: WsgiEnviron, startResponse: StartResponse) => unknown;

interface Run {
  readonly exchange: FakeExchange;
  readonly context: FakeContext;
  readonly outcome: void | Promise<void>;
}

function start(application: Loose, options?: FakeOptions): Run {
  const context = new FakeContext();
  const exchange = new FakeExchange(options);
  const handler = wsgiKind.create(application, context);
  assert.ok(!(handler instanceof Promise));
  return { exchange, context, outcome: handler.handle(exchange) };
}

async function run(application: Loose, options?: FakeOptions): Promise<Run> {
  const started = start(application, options);
  await started.outcome;
  return started;
}

const PLAIN = [['Content-Type', 'text/plain']] as const;

function answering(body: (environ: WsgiEnviron) => unknown): Loose {
  return (environ, startResponse) => {
    startResponse('200 OK', PLAIN);
    return body(environ);
  };
}

/** An iterable over `chunks` that counts what is called on it. */
function counted(chunks: readonly unknown[]) {
  let at = 0;
  return {
    closes: 0,
    returns: 0,
    iterations: 0,
    [Symbol.iterator]() {
      this.iterations += 1;
      return this;
    },
    next() {
      at += 1;
      const chunk = chunks[at - 1];
      if (chunk instanceof Error) throw chunk;
      return at > chunks.length ? { done: true, value: undefined } : { done: false, value: chunk };
    },
    return() {
      this.returns += 1;
      return { done: true, value: undefined };
    },
    close() {
      this.closes += 1;
    },
  };
}

describe('what an application may return', () => {
  test('an array of one chunk leaves in one piece with the head, synchronously', () => {
    const chunk = Buffer.from('hello');
    const { exchange, outcome } = start(answering(() => [chunk]));
    assert.equal(outcome, undefined);
    assert.deepEqual(exchange.response.sent, [{ by: 'end', bytes: chunk }]);
    assert.equal(exchange.response.status, '200 OK');
    assert.deepEqual(exchange.response.headers, PLAIN);
  });

  test('several short chunks, strings and bytes mixed, leave in one piece', () => {
    const { exchange } = start(answering(() => ['grüße ', Buffer.from('an '), '', new Uint8Array([0x41, 0x0a])]));
    assert.deepEqual(exchange.response.sent, [{ by: 'end', bytes: Buffer.from('grüße an A\n') }]);
  });

  test('long chunks of an array are written one by one', async () => {
    const { exchange } = await run(answering(() => [Buffer.alloc(30_000, 'a'), Buffer.alloc(30_000, 'b')]));
    assert.deepEqual(
      exchange.response.sent.map(({ by, bytes }) => [by, bytes.length]),
      [
        ['write', 30_000],
        ['write', 30_000],
        ['end', 0],
      ],
    );
  });

  test('a string, or bytes, is one chunk and not a list of characters', () => {
    assert.equal(start(answering(() => 'hello')).exchange.response.sent.length, 1);
    assert.equal(start(answering(() => Buffer.from('hello'))).exchange.response.text, 'hello');
  });

  test('a generator is driven synchronously while the client keeps up', () => {
    const { exchange, outcome } = start(
      answering(function* () {
        yield 'a';
        yield Buffer.from('b');
      }),
    );
    assert.equal(outcome, undefined);
    assert.equal(exchange.response.text, 'ab');
    assert.ok(exchange.response.ended);
  });

  test('a slow client makes a synchronous generator wait without blocking the thread', async () => {
    let yielded = 0;
    const { exchange, outcome } = start(
      answering(function* () {
        for (; yielded < 50; yielded += 1) yield 'x'.repeat(1000);
      }),
      { roomBytes: 3000 },
    );
    assert.ok(outcome instanceof Promise);
    assert.ok(yielded < 5, `${yielded} chunks were taken before there was room`);
    await outcome;
    assert.equal(exchange.response.bytes.length, 50_000);
    assert.ok(exchange.response.drains >= 16);
    assert.equal(exchange.response.syncDrains, 0);
  });

  test('an async generator waits for a slow client', async () => {
    const { exchange } = await run(
      answering(async function* () {
        for (let i = 0; i < 20; i += 1) yield 'x'.repeat(1000);
      }),
      { roomBytes: 1500 },
    );
    assert.equal(exchange.response.bytes.length, 20_000);
    assert.ok(exchange.response.drains >= 9);
  });

  test('a promise of an iterable is awaited', async () => {
    const { exchange } = await run(async (_environ, startResponse) => {
      await sleep(1);
      startResponse('201 Created', []);
      return ['made'];
    });
    assert.equal(exchange.response.status, '201 Created');
    assert.equal(exchange.response.text, 'made');
  });

  test('the body, wsgi.input, can be returned as the response', async () => {
    const { exchange } = await run(
      answering((environ) => environ['wsgi.input']),
      { body: 'one\ntwo' },
    );
    assert.equal(exchange.response.text, 'one\ntwo');
  });

  test('an empty array is an empty body', () => {
    assert.deepEqual(start(answering(() => [])).exchange.response.sent, [{ by: 'end', bytes: Buffer.alloc(0) }]);
  });

  test('no Content-Length is invented', () => {
    assert.equal(start(answering(() => ['hello'])).exchange.response.header('content-length'), undefined);
  });

  for (const [name, value] of [
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['an object', { a: 1 }],
  ] as const) {
    test(`${name} is refused`, () => {
      assert.throws(() => start(answering(() => value)), new RegExp(`returned ${name}, expected an iterable of bytes`));
    });
  }

  test('a chunk that is neither bytes nor a string is refused, and the iterable closed', () => {
    const body = counted(['a', 7]);
    assert.throws(() => start(answering(() => body)), /gave a number as a chunk/);
    assert.deepEqual([body.returns, body.closes], [1, 1]);
    assert.throws(() => start(answering(() => ['a', {}])), /gave an object as a chunk/);
    assert.throws(() => start(answering(() => [Promise.resolve('a')])), /gave an instance of Promise as a chunk/);
  });
});

describe('startResponse', () => {
  test('sends nothing before the first chunk that is not empty', async () => {
    const seen: boolean[] = [];
    let exchange: FakeExchange | undefined;
    const context = new FakeContext();
    const application = answering(function* () {
      seen.push(exchange?.response.headSent ?? true);
      yield '';
      seen.push(exchange?.response.headSent ?? true);
      yield Buffer.alloc(0);
      seen.push(exchange?.response.headSent ?? true);
      yield 'now';
      seen.push(exchange?.response.headSent ?? false);
    });
    exchange = new FakeExchange();
    await (await wsgiKind.create(application, context)).handle(exchange);
    assert.deepEqual(seen, [false, false, false, true]);
  });

  test('may be called late, by a generator before its first chunk', () => {
    const { exchange } = start(function* (_environ, startResponse) {
      yield '';
      startResponse('202 Accepted', []);
      yield 'later';
    });
    assert.equal(exchange.response.status, '202 Accepted');
  });

  test('that was not called before the first chunk, or at all, is an error', async () => {
    assert.throws(() => start(() => ['x']), /did not call startResponse/);
    assert.throws(() => start(() => []), /did not call startResponse/);
    assert.throws(
      () =>
        start(function* () {
          yield '';
        }),
      /did not call startResponse/,
    );
    await assert.rejects(
      run(async function* () {
        yield 'x';
      }),
      /did not call startResponse/,
    );
  });

  test('called again without an error throws, and the first call stands', () => {
    const { exchange } = start((_environ, startResponse) => {
      startResponse('200 OK', PLAIN);
      assert.throws(() => startResponse('500 Oops', []), /startResponse was called again/);
      return ['fine'];
    });
    assert.equal(exchange.response.status, '200 OK');
  });

  test('called again with the error replaces a head that was not sent', () => {
    const { exchange } = start((_environ, startResponse) => {
      startResponse('200 OK', PLAIN);
      startResponse('500 Oops', [['X-Error', 'yes']], new Error('late'));
      return ['broken'];
    });
    assert.equal(exchange.response.status, '500 Oops');
    assert.deepEqual(exchange.response.headers, [['X-Error', 'yes']]);
  });

  test('called with an error after the head was sent throws that error', () => {
    const error = new Error('in the middle');
    assert.throws(
      () =>
        start(function* (_environ, startResponse) {
          startResponse('200 OK', PLAIN);
          yield 'half';
          startResponse('500 Oops', [], error);
        }),
      (thrown) => thrown === error,
    );
  });

  test('with what cannot be sent throws to the application, which may call it again', () => {
    const { exchange } = start((_environ, startResponse) => {
      assert.throws(() => startResponse('200 OK', [['X-Split', 'a\r\nb']]), TypeError);
      assert.throws(
        () => startResponse('200 OK', { 'Content-Type': 'x' } as never),
        /expected an array of \[name, value\]/,
      );
      startResponse('400', []);
      return [];
    });
    assert.equal(exchange.response.status, '400');
  });

  test('write and wsgi.input are cut off when the request is over', () => {
    let kept: StartResponse | undefined;
    let write: ((chunk: string) => void) | undefined;
    let input: WsgiEnviron['wsgi.input'] | undefined;
    const { exchange } = start((environ, startResponse) => {
      kept = startResponse;
      input = environ['wsgi.input'];
      write = startResponse('200 OK', []);
      return ['x'];
    });
    assert.throws(() => kept?.('200 OK', []), /The request is over/);
    assert.throws(() => write?.('more'), /The request is over/);
    assert.throws(() => input?.read(), /The request is over/);
    assert.equal(exchange.response.sent.length, 1);
  });
});

describe('write', () => {
  test('sends before what is returned, and waits with the thread for a slow client', () => {
    const { exchange } = start(
      (_environ, startResponse) => {
        const write = startResponse('200 OK', PLAIN);
        write('one ');
        write('');
        write(Buffer.from('two '));
        return ['three'];
      },
      { roomBytes: 4 },
    );
    assert.deepEqual(
      exchange.response.sent.map(({ by, bytes }) => [by, bytes.toString()]),
      [
        ['write', 'one '],
        ['write', 'two '],
        ['end', 'three'],
      ],
    );
    assert.equal(exchange.response.syncDrains, 2);
  });

  test('refuses what is no chunk', () => {
    start((_environ, startResponse) => {
      const write = startResponse('200 OK', PLAIN);
      assert.throws(() => write(1 as never), TypeError);
      return [];
    });
  });
});

describe('errors of the application', () => {
  test('before anything was sent reach the worker with nothing sent', () => {
    const context = new FakeContext();
    const exchange = new FakeExchange();
    const handler = wsgiKind.create(() => {
      throw new Error('no luck');
    }, context);
    assert.ok(!(handler instanceof Promise));
    assert.throws(() => handler.handle(exchange), /no luck/);
    assert.deepEqual([exchange.response.headSent, exchange.response.ended], [false, false]);
  });

  test('cut it off from the request too, and log the line it had begun', () => {
    let kept: StartResponse | undefined;
    const context = new FakeContext();
    const handler = wsgiKind.create((environ: WsgiEnviron, startResponse: StartResponse) => {
      kept = startResponse;
      environ['wsgi.errors'].write('about to');
      throw new Error('no luck');
    }, context);
    assert.ok(!(handler instanceof Promise));
    assert.throws(() => handler.handle(new FakeExchange()), /no luck/);
    assert.throws(() => kept?.('200 OK', []), /The request is over/);
    assert.deepEqual(context.lines, ['about to']);
  });

  test('of a promise reject', async () => {
    await assert.rejects(
      run(async () => {
        throw new Error('async luck');
      }),
      /async luck/,
    );
  });

  test('of a generator close what it was part of, without return(), and leave the response open', () => {
    const body = counted(['a', new Error('third')]);
    const context = new FakeContext();
    const exchange = new FakeExchange();
    const handler = wsgiKind.create(
      answering(() => body),
      context,
    );
    assert.ok(!(handler instanceof Promise));
    assert.throws(() => handler.handle(exchange), /third/);
    assert.deepEqual([body.closes, body.returns, exchange.response.ended], [1, 0, false]);
  });

  test('in close() are logged, and the response stands', () => {
    const body = Object.assign(['fine'], {
      close() {
        throw new Error('close failed');
      },
    });
    const { exchange, context } = start(answering(() => body));
    assert.equal(exchange.response.text, 'fine');
    assert.match(context.lines.join(), /failed after the end of its request: Error: close failed/);
  });
});

describe('close()', () => {
  test('is called once after the whole body, and return() is not', () => {
    const body = counted(['a', 'b']);
    const { exchange } = start(answering(() => body));
    assert.equal(exchange.response.text, 'ab');
    assert.deepEqual([body.iterations, body.closes, body.returns], [1, 1, 0]);
  });

  test('is called on an array that has one, after the response has ended', () => {
    let endedAtClose = false;
    const context = new FakeContext();
    const exchange = new FakeExchange();
    const body = Object.assign(['x'], { close: () => (endedAtClose = exchange.response.ended) });
    void (
      wsgiKind.create(
        answering(() => body),
        context,
      ) as { handle(e: FakeExchange): void }
    ).handle(exchange);
    assert.ok(endedAtClose);
  });

  test('is called when startResponse never was', () => {
    const body = counted(['a']);
    assert.throws(() => start(() => body), /did not call startResponse/);
    assert.deepEqual([body.closes, body.returns], [1, 1]);
  });

  test('is called with return() when the client leaves in the middle', async () => {
    const body = counted(Array.from({ length: 100 }, () => 'x'.repeat(100)));
    const { exchange } = await run(
      answering(() => body),
      { roomBytes: 1000, abortAtWrite: 25 },
    );
    assert.equal(exchange.response.sent.length, 24);
    assert.deepEqual([body.closes, body.returns, exchange.response.ended], [1, 1, false]);
  });

  test('of a Node stream is its destroy()', async () => {
    const { Readable } = await import('node:stream');
    const stream = new Readable({ read() {} });
    stream.push('first');
    const { exchange, outcome } = start(answering(() => stream));
    while (exchange.response.sent.length === 0) await new Promise(setImmediate);
    exchange.abort();
    await outcome;
    assert.ok(stream.destroyed);
    assert.equal(exchange.response.text, 'first');
  });
});

describe('HEAD', () => {
  const HEAD = { vars: { REQUEST_METHOD: 'HEAD' } };

  test('stops a generator at its first chunk, with the head of a GET, and closes it', () => {
    const body = counted(['', 'a', 'b', 'c']);
    const { exchange } = start(
      answering(() => body),
      HEAD,
    );
    assert.equal(exchange.response.status, '200 OK');
    assert.ok(exchange.response.ended);
    assert.deepEqual([body.closes, body.returns], [1, 1]);
    assert.equal(body.next().value, 'b');
  });

  test('stops an async generator too', async () => {
    let finished = false;
    const { exchange } = await run(
      answering(async function* () {
        try {
          yield 'a';
          assert.fail('asked for a second chunk');
        } finally {
          finished = true;
        }
      }),
      HEAD,
    );
    assert.ok(exchange.response.ended);
    await new Promise(setImmediate);
    assert.ok(finished);
  });
});

describe('a client that leaves, or a deadline,', () => {
  test('ends a request whose async generator awaits something, and closes the generator when it can', async () => {
    let wakeUp: () => void = () => {};
    let cleaned = false;
    const { exchange, context, outcome } = start(
      answering(async function* () {
        try {
          yield 'first';
          await new Promise<void>((resolve) => {
            wakeUp = resolve;
          });
          yield 'never sent';
        } finally {
          cleaned = true;
        }
      }),
    );
    while (exchange.response.sent.length === 0) await new Promise(setImmediate);
    exchange.abort();
    await outcome;
    assert.deepEqual([exchange.response.ended, cleaned], [false, false]);
    wakeUp();
    await sleep(1);
    assert.ok(cleaned);
    assert.equal(exchange.response.text, 'first');
    assert.deepEqual(context.lines, []);
  });

  test('ends a request whose promise is pending, and closes what it gives later', async () => {
    const body = counted(['late']);
    let answer: (body: unknown) => void = () => {};
    const { exchange, outcome } = start(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    exchange.abort();
    await outcome;
    answer(body);
    await sleep(1);
    assert.deepEqual([body.closes, body.iterations, exchange.response.sent.length], [1, 0, 0]);
  });

  test('logs what the application throws later, but not that it found the request over', async () => {
    const fails = start(async () => {
      await sleep(2);
      throw new Error('too late');
    });
    fails.exchange.abort();
    await fails.outcome;
    const goesOn = start(async (environ, startResponse) => {
      await sleep(2);
      startResponse('200 OK', []);
      return environ['wsgi.input'];
    });
    goesOn.exchange.abort();
    await goesOn.outcome;
    await sleep(10);
    assert.match(fails.context.lines.join(), /failed after the end of its request: Error: too late/);
    assert.deepEqual(goesOn.context.lines, []);
  });

  test('while an iterator is asked has what the iterator throws logged', async () => {
    const { exchange, context, outcome } = start(
      answering(async function* () {
        yield 'first';
        await sleep(5);
        throw new Error('in the dark');
      }),
    );
    while (exchange.response.sent.length === 0) await new Promise(setImmediate);
    exchange.abort();
    await outcome;
    await sleep(20);
    assert.match(context.lines.join(), /failed after the end of its request: Error: in the dark/);
  });

  test('before the application runs does not wait for its promise', async () => {
    const context = new FakeContext();
    const exchange = new FakeExchange();
    exchange.abort();
    const handler = await wsgiKind.create(() => new Promise(() => {}), context);
    await handler.handle(exchange);
    assert.equal(exchange.response.ended, false);
  });

  test('before the application runs asks no iterator for anything', () => {
    const body = counted(['a']);
    const context = new FakeContext();
    const exchange = new FakeExchange();
    exchange.abort();
    const handler = wsgiKind.create(
      answering(() => body),
      context,
    );
    assert.ok(!(handler instanceof Promise));
    handler.handle(exchange);
    assert.equal(body.closes, 1);
    assert.equal(body.next().value, 'a');
  });
});
