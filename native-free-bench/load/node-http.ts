// Contestant: node:http alone, on one thread.
import { createServer } from 'node:http';
import { BODY, HEADERS } from './hello.js';
import { announce } from './servers.js';

const server = createServer((_request, response) => {
  response.writeHead(200, [...HEADERS.flat(), 'Content-Length', String(BODY.length)]);
  response.end(BODY);
});
server.listen(0, '127.0.0.1', () => announce(server.address()));
