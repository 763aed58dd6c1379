// The contract's application as kind node.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { counters, pattern, RESPONSE_HEADERS, type RequestFacts, SECRET } from './material.js';

type Headers = Readonly<Record<string, string>>;

const PLAIN: Headers = { 'Content-Type': 'text/plain' };

function* repeated(chunk: Buffer, times: number): Generator<Buffer> {
  for (let i = 0; i < times; i++) yield chunk;
}

async function events(response: ServerResponse): Promise<void> {
  for (let i = 0; i < 3; i++) {
    response.write(`data: ${i}\n\n`);
    await sleep(30);
  }
  response.end();
}

function endless(response: ServerResponse): void {
  const timer = setInterval(() => response.write(pattern(10_000)), 1);
  response.on('close', () => {
    clearInterval(timer);
    counters.left++;
  });
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function part(request: IncomingMessage, count: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    if (Buffer.concat(chunks).length >= count) break;
  }
  return Buffer.concat(chunks).subarray(0, count);
}

function facts(request: IncomingMessage): RequestFacts {
  const socket = request.socket as IncomingMessage['socket'] & { readonly encrypted?: boolean };
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    headers: request.headers as Headers,
    address: socket.remoteAddress ?? '',
    secure: socket.encrypted === true,
  };
}

async function answerTo(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  const [, name = '', first = '', second = ''] = (request.url ?? '').replace(/\?.*/s, '').split('/');
  const answer = (body: string | Buffer, headers: Headers = PLAIN, status = 200) =>
    response.writeHead(status, headers).end(body);
  counters.requests++;
  switch (name) {
    case 'hello':
      return answer('hello');
    case 'empty':
      return response.writeHead(200, PLAIN).end();
    case 'bytes':
      return answer(pattern(Number(first)));
    case 'length':
      response.writeHead(200, { 'Content-Length': first });
      return await pipeline(repeated(pattern(Number(first)), 1), response);
    case 'stream':
      return await pipeline(Readable.from(repeated(pattern(Number(first)), Number(second))), response);
    case 'events':
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      return await events(response);
    case 'endless':
      return endless(response);
    case 'echo':
      return answer(await bytesOf(request), { 'Content-Type': request.headers['content-type'] ?? '' });
    case 'stream-echo':
      return await pipeline(request, response);
    case 'part':
      return answer(await part(request, Number(first)));
    case 'json':
      return answer(JSON.stringify(JSON.parse(String(await bytesOf(request)))), { 'Content-Type': 'application/json' });
    case 'request':
      return answer(JSON.stringify(facts(request)));
    case 'trailers':
      await bytesOf(request);
      return answer(request.rawTrailers.map((text, i) => `${text}${i % 2 === 0 ? ': ' : '\r\n'}`).join(''));
    case 'status':
      return answer(`status ${first}`, PLAIN, Number(first));
    case 'reason':
      return response.writeHead(299, 'Quite Fine').end('x');
    case 'headers':
      for (const [header, value] of RESPONSE_HEADERS) response.appendHeader(header, value);
      return response.end('x');
    case 'large-header':
      return answer('x', { 'X-Large': 'v'.repeat(Number(first)) });
    case 'redirect':
      return response.writeHead(302, { Location: '/elsewhere?a=b' }).end();
    case 'date':
      return answer('x', { Date: 'Thu, 01 Jan 1970 00:00:00 GMT' });
    case 'close':
      return answer('x', { Connection: 'close' });
    case 'unicode':
      return answer('grün €');
    case 'short':
      return answer('1234', { 'Content-Length': '10' });
    case 'long':
      return answer('0123456789', { 'Content-Length': '4' });
    case 'reject':
      await sleep(1);
      throw new Error(SECRET);
    case 'break':
      response.write('begun');
      await sleep(30);
      throw new Error(SECRET);
    case 'bad-header':
      return answer('x', { 'X-Bad': 'a\r\nInjected: yes' });
    case 'sleep':
      await sleep(Number(first));
      return answer(`slept ${first} ${second}`);
    case 'counters':
      return answer(JSON.stringify(counters));
    default:
      return answer('no such path', PLAIN, 404);
  }
}

export function application(request: IncomingMessage, response: ServerResponse): unknown {
  if (request.url === '/throw') throw new Error(SECRET);
  return answerTo(request, response);
}
