// The contract's application as kind fetch.
import { setTimeout as sleep } from 'node:timers/promises';
import { counters, type Pairs, pattern, RESPONSE_HEADERS, type RequestFacts, SECRET } from './material.js';

interface Info {
  readonly address: string;
  readonly environ: Readonly<Record<string, unknown>>;
}

const PLAIN = { 'Content-Type': 'text/plain' };

function repeated(chunk: Buffer, times: number): ReadableStream {
  let left = times;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(chunk);
      else controller.close();
    },
  });
}

function events(): ReadableStream {
  let i = 0;
  return new ReadableStream({
    async pull(controller) {
      if (i === 3) return controller.close();
      if (i > 0) await sleep(30);
      controller.enqueue(Buffer.from(`data: ${i++}\n\n`));
    },
  });
}

function endless(): ReadableStream {
  return new ReadableStream({
    async pull(controller) {
      await sleep(1);
      controller.enqueue(pattern(10_000));
    },
    cancel() {
      counters.left++;
    },
  });
}

function broken(): ReadableStream {
  let begun = false;
  return new ReadableStream({
    async pull(controller) {
      if (begun) {
        await sleep(30);
        return controller.error(new Error(SECRET));
      }
      begun = true;
      controller.enqueue(Buffer.from('begun'));
    },
  });
}

async function part(request: Request, count: number): Promise<Buffer> {
  const reader = request.body?.getReader();
  let bytes = Buffer.alloc(0);
  while (reader !== undefined && bytes.length < count) {
    const step = await reader.read();
    if (step.done) break;
    bytes = Buffer.concat([bytes, step.value]);
  }
  await reader?.cancel();
  return bytes.subarray(0, count);
}

function facts(request: Request, { address }: Info): RequestFacts {
  const url = new URL(request.url);
  const target = request.url.slice(url.origin.length);
  const headers = Object.fromEntries(request.headers);
  return { method: request.method, target, headers, address, secure: url.protocol === 'https:' };
}

function headersOf(pairs: Pairs): Headers {
  const headers = new Headers();
  for (const [name, value] of pairs) headers.append(name, value);
  return headers;
}

async function answer(request: Request, info: Info): Promise<Response> {
  const [, name = '', first = '', second = ''] = new URL(request.url).pathname.split('/');
  const text = (body: string, headers: Readonly<Record<string, string>> = PLAIN) => new Response(body, { headers });
  switch (name) {
    case 'hello':
      return text('hello');
    case 'empty':
      return new Response(null, { headers: PLAIN });
    case 'bytes':
      return new Response(pattern(Number(first)));
    case 'length':
      return new Response(repeated(pattern(Number(first)), 1), { headers: { 'Content-Length': first } });
    case 'stream':
      return new Response(repeated(pattern(Number(first)), Number(second)));
    case 'events':
      return new Response(events(), { headers: { 'Content-Type': 'text/event-stream' } });
    case 'endless':
      return new Response(endless());
    case 'echo':
      return new Response(await request.arrayBuffer(), {
        headers: { 'Content-Type': request.headers.get('content-type') ?? '' },
      });
    case 'stream-echo':
      return new Response(request.body);
    case 'part':
      return new Response(await part(request, Number(first)));
    case 'json':
      return Response.json(await request.json());
    case 'request':
      return Response.json(facts(request, info));
    case 'trailers':
      return new Response(String(info.environ.REQUEST_TRAILERS ?? ''));
    case 'status': {
      const status = Number(first);
      const hasBody = status !== 204 && status !== 205 && status !== 304;
      return new Response(hasBody ? `status ${first}` : null, { status, headers: PLAIN });
    }
    case 'reason':
      return new Response('x', { status: 299, statusText: 'Quite Fine' });
    case 'headers':
      return new Response('x', { headers: headersOf(RESPONSE_HEADERS) });
    case 'large-header':
      return text('x', { 'X-Large': 'v'.repeat(Number(first)) });
    case 'redirect':
      return new Response(null, { status: 302, headers: { Location: '/elsewhere?a=b' } });
    case 'date':
      return text('x', { Date: 'Thu, 01 Jan 1970 00:00:00 GMT' });
    case 'close':
      return text('x', { Connection: 'close' });
    case 'unicode':
      return text('grün €');
    case 'short':
      return text('1234', { 'Content-Length': '10' });
    case 'long':
      return text('0123456789', { 'Content-Length': '4' });
    case 'reject':
      await sleep(1);
      throw new Error(SECRET);
    case 'break':
      return new Response(broken());
    case 'bad-header':
      return { status: 200, headers: [['X-Bad', 'a\r\nInjected: yes']], body: null } as unknown as Response;
    case 'sleep':
      await sleep(Number(first));
      return text(`slept ${first} ${second}`);
    case 'counters':
      return Response.json(counters);
    default:
      return new Response('no such path', { status: 404, headers: PLAIN });
  }
}

export default {
  fetch(request: Request, info: Info): Promise<Response> {
    counters.requests++;
    if (new URL(request.url).pathname === '/throw') throw new Error(SECRET);
    return answer(request, info);
  },
};
