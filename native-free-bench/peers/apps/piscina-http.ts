// Peer: node:http that hands each request to a thread by piscina.run(), as its documentation has it.
import { createServer } from 'node:http';
import { Piscina } from 'piscina';
import type { Answer } from './answers.js';
import { HOST, PORT, WORKERS } from './listen.js';
import { send } from './node-listener.js';

interface Task {
  readonly url: string;
  readonly body?: Uint8Array;
}

const pool = new Piscina<Task, Pick<Answer, 'flat' | 'body'>>({
  filename: new URL('./piscina-task.js', import.meta.url).href,
  minThreads: WORKERS,
  maxThreads: WORKERS,
});
const server = createServer((request, response) => {
  const { url = '' } = request;
  if (request.method === 'GET') {
    void pool.run({ url }).then((answer) => send(response, answer));
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Uint8Array.from(Buffer.concat(chunks));
    void pool.run({ url, body }, { transferList: [body.buffer] }).then((answer) => send(response, answer));
  });
});
server.listen(PORT, HOST);
