// What every peer in JavaScript answers, so that they differ in nothing but the server: fixed replies of four sizes, JSON after
// 2 ms of CPU, 200 ms of CPU, and a mark of this copy of the code. app.py answers the same.
import { randomBytes } from 'node:crypto';

export interface Answer {
  /** With Content-Length. */
  readonly headers: readonly (readonly [string, string])[];
  /** The same, name after value. */
  readonly flat: readonly string[];
  readonly body: string | Buffer;
}

/** What one millisecond of work is: the bench measures it before it starts the peers. */
const LOOPS_PER_MS = Number(process.env.BENCH_JS_LOOPS ?? 100_000);
const JSON_MS = 2;
const SLOW_MS = 200;

/** Work that no compiler leaves out; the answer is of no use. */
export function work(loops: number): number {
  let x = 1;
  for (let i = 0; i < loops; i++) x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
  return x;
}

export function textAnswer(body: string | Buffer, type = 'text/plain'): Answer {
  const headers = [
    ['Content-Type', type],
    ['Content-Length', String(Buffer.byteLength(body))],
  ] as const;
  return { headers, flat: headers.flat(), body };
}

function jsonAnswer(): Answer {
  work(LOOPS_PER_MS * JSON_MS);
  const items = Array.from({ length: 20 }, (_, id) => ({ id, name: `item ${id}`, price: id * 10, tags: ['a', 'b'] }));
  return textAnswer(JSON.stringify({ items }), 'application/json; charset=utf-8');
}

function slowAnswer(): Answer {
  work(LOOPS_PER_MS * SLOW_MS);
  return textAnswer('slow');
}

const FIXED = new Map([
  ['/', textAnswer('Hello World')],
  ['/1k', textAnswer(Buffer.alloc(1024, 'x'))],
  ['/64k', textAnswer(Buffer.alloc(65_536, 'x'))],
  ['/1m', textAnswer(Buffer.alloc(1_048_576, 'x'))],
  ['/id', textAnswer(randomBytes(8).toString('hex'))],
]);
const NOTHING = textAnswer('nothing here');

/** The answer to a GET; a path that no scenario asks for gets a text that none expects. */
export function answerTo(path: string): Answer {
  const fixed = FIXED.get(path);
  if (fixed !== undefined) return fixed;
  if (path === '/json') return jsonAnswer();
  return path === '/slow' ? slowAnswer() : NOTHING;
}
