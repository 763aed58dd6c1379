// Whatever an application returns, and however its request ends, everything it handed over is closed exactly once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { wsgiKind } from '../../dist/app/wsgi/kind.js';
import { FakeContext, FakeExchange } from '../helpers/fake-exchange.js';

type Step = { readonly chunk: string } | { readonly fail: 'throw' | 'not a chunk' };

/** Counts the calls on a body of any shape. */
class Ledger {
  closes = 0;
  returns = 0;
  iterators = 0;
  asked = 0;
  /** The iterator came to its end, or threw. */
  finished = false;
}

class Body {
  private at = 0;

  constructor(
    private readonly steps: readonly Step[],
    readonly ledger: Ledger,
  ) {}

  next(): IteratorResult<unknown> {
    this.ledger.asked += 1;
    const step = this.steps[this.at];
    this.at += 1;
    if (step === undefined) {
      this.ledger.finished = true;
      return { done: true, value: undefined };
    }
    if ('chunk' in step) return { done: false, value: step.chunk };
    if (step.fail === 'not a chunk') return { done: false, value: 42 };
    this.ledger.finished = true;
    throw new Error('planned');
  }

  return(): IteratorResult<unknown> {
    this.ledger.returns += 1;
    return { done: true, value: undefined };
  }

  close(): void {
    this.ledger.closes += 1;
  }
}

class SyncBody extends Body {
  [Symbol.iterator](): this {
    this.ledger.iterators += 1;
    return this;
  }
}

/** Every step takes some turns of the event loop. */
class AsyncBody extends Body {
  [Symbol.asyncIterator]() {
    this.ledger.iterators += 1;
    return {
      next: async () => {
        await turns(1);
        return this.next();
      },
      return: async () => this.return(),
    };
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise(setImmediate);
}

const steps = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ chunk: fc.string({ maxLength: 40 }) }) },
    { weight: 1, arbitrary: fc.record({ fail: fc.constantFrom('throw' as const, 'not a chunk' as const) }) },
  ),
  { maxLength: 12 },
);

const scenario = fc.record({
  steps,
  shape: fc.constantFrom('array' as const, 'sync' as const, 'async' as const),
  promised: fc.boolean(),
  starts: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  method: fc.constantFrom('GET', 'GET', 'HEAD'),
  roomBytes: fc.integer({ min: 1, max: 200 }),
  abortAtWrite: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
  abortAfterTurns: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined }),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

function bodyOf({ steps, shape }: Scenario, ledger: Ledger): object {
  if (shape === 'sync') return new SyncBody(steps, ledger);
  if (shape === 'async') return new AsyncBody(steps, ledger);
  const chunks = steps.map((step) => ('chunk' in step ? step.chunk : 42));
  return Object.assign(chunks, { close: () => (ledger.closes += 1) });
}

async function play(plan: Scenario): Promise<void> {
  const ledger = new Ledger();
  const body = bodyOf(plan, ledger);
  const context = new FakeContext();
  const exchange = new FakeExchange({
    vars: { REQUEST_METHOD: plan.method },
    roomBytes: plan.roomBytes,
    ...(plan.abortAtWrite !== undefined && { abortAtWrite: plan.abortAtWrite }),
  });
  const handler = await wsgiKind.create((_environ: unknown, startResponse: (status: string, headers: []) => void) => {
    if (plan.starts) startResponse('200 OK', []);
    return plan.promised ? turns(2).then(() => body) : body;
  }, context);
  if (plan.abortAfterTurns !== undefined) void turns(plan.abortAfterTurns).then(() => exchange.abort());
  let failed = false;
  try {
    await handler.handle(exchange);
  } catch (error) {
    failed = true;
    assert.match(String(error), /planned|as a chunk|did not call startResponse/);
  }
  const { response } = exchange;
  assert.equal([response.ended, response.aborted, failed].some(Boolean), true, 'a request ends, is aborted or fails');
  assert.equal(response.ended && failed, false);
  await turns(4);
  assert.equal(ledger.closes, 1, 'close()');
  assert.ok(ledger.iterators <= 1);
  // An iterator that was never asked holds nothing, and one that is asked when the request is aborted may turn out to be at its end.
  const owed = ledger.asked > 0 && !ledger.finished ? 1 : 0;
  if (response.aborted)
    assert.ok(ledger.returns >= owed && ledger.returns <= 1, `return() ${ledger.returns}, owed ${owed}`);
  else assert.equal(ledger.returns, owed, 'return()');
  const whole = plan.steps.map((step) => ('chunk' in step ? step.chunk : '')).join('');
  assert.ok(whole.startsWith(response.text), 'what was sent is the beginning of the body');
  if (response.ended && plan.method === 'GET') assert.equal(response.text, whole);
  assert.deepEqual(
    context.lines.filter((line) => !line.includes('planned')),
    [],
  );
  assert.equal(exchange.onAbort, null);
}

test('close() is called exactly once for any iterable, abort or error, and return() when it is owed', async () => {
  await fc.assert(fc.asyncProperty(scenario, play), { numRuns: 1500 });
});
