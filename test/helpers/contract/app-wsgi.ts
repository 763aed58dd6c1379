// The contract's application as kind wsgi: what each path does is told by its name, and by behaviours.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartResponse, WsgiBody, WsgiEnviron } from '../../../dist/index.js';
import { counters, type Pairs, pattern, RESPONSE_HEADERS, requestFacts, SECRET } from './material.js';

const PLAIN: Pairs = [['Content-Type', 'text/plain']];

function* repeated(chunk: Buffer, times: number): Generator<Buffer> {
  for (let i = 0; i < times; i++) yield chunk;
}

async function* events(): AsyncGenerator<string> {
  for (let i = 0; i < 3; i++) {
    yield `data: ${i}\n\n`;
    await sleep(30);
  }
}

async function* endless(): AsyncGenerator<Buffer> {
  try {
    for (;;) {
      yield pattern(10_000);
      await sleep(1);
    }
  } finally {
    counters.left++;
  }
}

async function* broken(chunk: string): AsyncGenerator<string> {
  yield chunk;
  // A client that gets the cut together with the data may not see that it is one.
  await sleep(30);
  throw new Error(SECRET);
}

async function* echoed(environ: WsgiEnviron): AsyncGenerator<Buffer> {
  for (;;) {
    const chunk = await environ['wsgi.input'].readAsync(10_000);
    if (chunk.length === 0) return;
    yield chunk;
  }
}

export function application(environ: WsgiEnviron, start: StartResponse): Promise<WsgiBody> {
  if (environ.PATH_INFO === '/throw') throw new Error(SECRET);
  return answerTo(environ, start);
}

async function answerTo(environ: WsgiEnviron, start: StartResponse): Promise<WsgiBody> {
  const input = environ['wsgi.input'];
  const [, name = '', first = '', second = ''] = environ.PATH_INFO.split('/');
  const answer = (body: WsgiBody, headers: Pairs = PLAIN, status = '200 OK'): WsgiBody => {
    start(status, headers);
    return body;
  };
  counters.requests++;
  switch (name) {
    case 'hello':
      return answer(['hello']);
    case 'empty':
      return answer([]);
    case 'bytes':
      return answer([pattern(Number(first))]);
    case 'length':
      return answer(repeated(pattern(Number(first)), 1), [['Content-Length', first]]);
    case 'stream':
      return answer(repeated(pattern(Number(first)), Number(second)));
    case 'events':
      return answer(events(), [['Content-Type', 'text/event-stream']]);
    case 'endless':
      return answer(endless());
    case 'echo':
      return answer([await input.readAsync()], [['Content-Type', String(environ.CONTENT_TYPE ?? '')]]);
    case 'stream-echo':
      return answer(echoed(environ));
    case 'part':
      return answer([await input.readAsync(Number(first))]);
    case 'json':
      return answer([JSON.stringify(await input.json())], [['Content-Type', 'application/json']]);
    case 'request':
      return answer([JSON.stringify(requestFacts(environ as Readonly<Record<string, unknown>>))]);
    case 'trailers':
      return answer([String(environ.REQUEST_TRAILERS ?? '')]);
    case 'status':
      return answer([`status ${first}`], PLAIN, first);
    case 'reason':
      return answer(['x'], PLAIN, '299 Quite Fine');
    case 'headers':
      return answer(['x'], RESPONSE_HEADERS);
    case 'large-header':
      return answer(['x'], [['X-Large', 'v'.repeat(Number(first))]]);
    case 'redirect':
      return answer([], [['Location', '/elsewhere?a=b']], '302 Found');
    case 'date':
      return answer(['x'], [['Date', 'Thu, 01 Jan 1970 00:00:00 GMT']]);
    case 'close':
      return answer(['x'], [['Connection', 'close']]);
    case 'unicode':
      return answer(['grün €']);
    case 'short':
      return answer(['1234'], [['Content-Length', '10']]);
    case 'long':
      return answer(['0123456789'], [['Content-Length', '4']]);
    case 'reject':
      await sleep(1);
      throw new Error(SECRET);
    case 'break':
      return answer(broken('begun'));
    case 'bad-header':
      return answer(['x'], [['X-Bad', 'a\r\nInjected: yes']]);
    case 'sleep':
      await sleep(Number(first));
      return answer([`slept ${first} ${second}`]);
    case 'counters':
      return answer([JSON.stringify(counters)]);
    default:
      return answer(['no such path'], PLAIN, '404');
  }
}
