// The application behind the tests on HTTP/2 and on trailers, of kind node.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

async function bytesOf(request: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) bytes += chunk.length;
  return bytes;
}

async function trailers(response: ServerResponse, inOne: boolean): Promise<void> {
  response.setHeader('Trailer', 'X-Sum');
  if (!inOne) {
    response.write('body ');
    await sleep(5);
    response.write('x'.repeat(100_000));
  }
  response.addTrailers([
    ['X-Sum', '1'],
    ['X-Sum', 'two'],
  ]);
  response.end('end');
}

export async function application(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  switch (path) {
    case '/slow':
      await sleep(Number(query));
      response.end(`slow ${query}`);
      return;
    case '/close':
      response.writeHead(200, 'Fine', { Connection: 'close', 'Keep-Alive': 'timeout=5', Upgrade: 'h2c', 'X-A': 'b' });
      response.end('closed');
      return;
    case '/large':
      response.end(Buffer.alloc(Number(query), 'x'));
      return;
    case '/stuck':
      return;
    case '/trailers':
      return trailers(response, query === 'one');
    case '/trailers-with-length':
      response.setHeader('Content-Length', '3');
      response.addTrailers({ 'X-Sum': '1' });
      response.end('abc');
      return;
    case '/announced':
      response.setHeader('Trailer', 'X-Sum');
      response.end('short');
      return;
    case '/forbidden-trailer':
      try {
        response.addTrailers({ 'X-Sum': '1', [query]: 'x' });
      } catch (error) {
        response.end((error as { code: string }).code);
        return;
      }
      response.end('sent');
      return;
    default:
      response.end(
        JSON.stringify({
          version: request.httpVersion,
          headers: request.headers,
          bytes: await bytesOf(request),
          trailers: request.rawTrailers,
        }),
      );
  }
}
