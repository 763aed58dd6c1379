// Peer: uWebSockets.js alone, with no dispatch: the answer is made where the request is read.
import uws from 'uWebSockets.js';
import { answerTo, textAnswer } from './answers.js';
import { HOST, PORT } from './listen.js';

uws
  .App()
  .get('/*', (response, request) => {
    const { headers, body } = answerTo(request.getUrl());
    // Content-Length is written by end().
    response.writeHeader('Content-Type', (headers[0] as readonly [string, string])[1]).end(body);
  })
  .post('/upload', (response) => {
    let count = 0;
    response.onAborted(() => {});
    response.onData((chunk, isLast) => {
      count += chunk.byteLength;
      if (isLast) response.writeHeader('Content-Type', 'text/plain').end(textAnswer(String(count)).body);
    });
  })
  .listen(HOST, PORT, () => {});
