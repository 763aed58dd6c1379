// The listener of the peers on node:http.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, answerTo, textAnswer } from './answers.js';

export function send(response: ServerResponse, { flat, body }: Pick<Answer, 'flat' | 'body'>): void {
  response.writeHead(200, flat as string[]);
  response.end(body);
}

export function listener(request: IncomingMessage, response: ServerResponse): void {
  if (request.url !== '/upload') return send(response, answerTo(request.url ?? ''));
  let count = 0;
  request.on('data', (chunk: Buffer) => {
    count += chunk.length;
  });
  request.on('end', () => send(response, textAnswer(String(count))));
}
