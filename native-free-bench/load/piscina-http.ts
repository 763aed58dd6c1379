// Contestant: node:http that hands each request to a thread by piscina.run(), as its documentation has it.
import { createServer } from 'node:http';
import { Piscina } from 'piscina';
import { HEADERS } from './hello.js';
import { announce } from './servers.js';

const threads = Number(process.argv[2]);
const pool = new Piscina<string, string>({
  filename: new URL('./piscina-task.js', import.meta.url).href,
  minThreads: threads,
  maxThreads: threads,
});
const server = createServer((request, response) => {
  void pool.run(request.url ?? '').then((body) => {
    response.writeHead(200, [...HEADERS.flat(), 'Content-Length', String(body.length)]);
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => announce(server.address()));
