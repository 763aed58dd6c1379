import { createReadStream } from 'node:fs';
import cookie from '@fastify/cookie';
import multipart from '@fastify/multipart';
import Fastify from 'fastify';

const app = Fastify();
app.register(cookie, { secret: 's' });
app.register(multipart);
app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
app.get('/', async () => 'hello');
app.get('/json', async (request) => ({
  url: request.url,
  query: request.query,
  ip: request.ip,
  host: request.hostname,
}));
app.post('/json', async (request, reply) => reply.code(201).send(request.body));
app.post('/upload', async (request) => {
  const file = await request.file();
  const bytes = await file.toBuffer();
  return { name: file.filename, size: bytes.length, field: file.fields.field?.value };
});
app.post('/echo', (request, reply) => reply.type('application/octet-stream').send(request.body));
app.get('/big', async () => 'do not compress me '.repeat(5000));
app.get('/cookie', (_request, reply) => reply.setCookie('a', '1').setCookie('b', '2', { signed: true }).send('baked'));
app.get('/file', (_request, reply) =>
  reply.type('text/plain').send(createReadStream(new URL('public/file.txt', import.meta.url))),
);
app.get('/events', (_request, reply) => {
  reply.raw.writeHead(200, { 'Content-Type': 'text/event-stream' });
  for (const n of [1, 2, 3])
    setTimeout(() => (n === 3 ? reply.raw.end('data: 3\n\n') : reply.raw.write(`data: ${n}\n\n`)), n * 10);
});
app.get('/redirect', (_request, reply) => reply.redirect('/json'));
app.get('/nothing', (_request, reply) => reply.code(204).send());
app.get('/throw', async () => {
  throw new Error('on purpose');
});
const start = async () => {
  await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
  console.log(`listening on ${app.server.address().port}`);
};
start();
