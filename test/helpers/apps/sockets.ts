// An application with WebSockets, as they are written for node:http: a server of its own that it calls listen() on.
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { threadId } from 'node:worker_threads';
import { WebSocketServer } from 'ws';

const server = createServer((request, response) => {
  if (request.url === '/die') process.exit(1);
  response.end(`plain ${threadId}`);
});
const sockets = new WebSocketServer({ noServer: true, handleProtocols: (protocols) => [...protocols][0] ?? false });

server.on('upgrade', (request, socket, head) => {
  if (request.url === '/refuse') {
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!');
    return;
  }
  sockets.handleUpgrade(request, socket, head, (client) => {
    const { url, headers } = request;
    const from = `${socket === request.socket} ${request.socket.remoteAddress}`;
    client.send(JSON.stringify({ url, cookie: headers.cookie, from, thread: threadId }));
    client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
    client.on('close', (code) => {
      if (process.env.SIGN_FILE !== undefined) writeFileSync(`${process.env.SIGN_FILE}${url?.slice(1)}`, String(code));
    });
  });
});

server.listen(3000);
