// Peer: Fastify, from the folder given with --npm, without a logger (its default).
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { answerTo, textAnswer } from './answers.js';
import { HOST, PORT } from './listen.js';

interface Reply {
  header(name: string, value: string): Reply;
  send(body: string | Buffer): Reply;
}
interface Request {
  readonly url: string;
  readonly body: AsyncIterable<Buffer>;
}
interface Application {
  get(path: string, handler: (request: Request, reply: Reply) => Reply): void;
  post(path: string, handler: (request: Request, reply: Reply) => Promise<Reply>): void;
  addContentTypeParser(type: string, parser: (request: Request, payload: unknown, done: Done) => void): void;
  listen(options: { readonly port: number; readonly host: string }): Promise<string>;
}
type Done = (error: Error | null, body: unknown) => void;

const require = createRequire(join(process.env.BENCH_NPM ?? '.', 'package.json'));
const fastify = require('fastify') as (options: { readonly bodyLimit: number }) => Application;

const app = fastify({ bodyLimit: 64 * 1024 * 1024 });
app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
for (const path of ['/', '/1k', '/64k', '/1m', '/id', '/json', '/slow']) {
  app.get(path, (request, reply) => {
    const { headers, body } = answerTo(request.url);
    for (const [name, value] of headers) reply.header(name, value);
    return reply.send(body);
  });
}
app.post('/upload', async (request, reply) => {
  let count = 0;
  for await (const chunk of request.body) count += chunk.length;
  const { headers, body } = textAnswer(String(count));
  for (const [name, value] of headers) reply.header(name, value);
  return reply.send(body);
});
await app.listen({ port: PORT, host: HOST });
