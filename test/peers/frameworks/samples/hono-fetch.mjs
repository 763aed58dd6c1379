import { Hono } from 'hono';
import { basicAuth } from 'hono/basic-auth';
import { compress } from 'hono/compress';
import { getCookie, setCookie } from 'hono/cookie';
import { cors } from 'hono/cors';
import { etag } from 'hono/etag';
import { stream, streamSSE } from 'hono/streaming';
import { validator } from 'hono/validator';

const app = new Hono();
app.use('/big', compress());
app.use('/json', cors({ origin: 'http://example.org' }));
app.use('/file', etag());
app.use('/session', basicAuth({ username: 'a', password: 'b' }));
app.get('/', (c) => c.html(`<p>${c.req.url} ${c.req.header('accept-encoding') ?? ''}</p>`));
app.get('/json', (c) => c.json({ path: c.req.path, query: c.req.queries(), url: c.req.url, method: c.req.method }));
app.post(
  '/json',
  validator('json', (value, c) => (value === undefined ? c.text('invalid', 400) : value)),
  (c) => c.json(c.req.valid('json'), 201, { 'X-Made': 'yes' }),
);
app.post('/form', async (c) => c.json(await c.req.parseBody({ all: true, dot: true })));
app.post('/upload', async (c) => {
  const { file, field } = await c.req.parseBody();
  return c.json({ name: file.name, type: file.type, size: file.size, field });
});
app.post('/echo', (c) => c.body(c.req.raw.body, 200, { 'Content-Type': c.req.header('content-type') }));
app.get('/big', (c) => c.text('compress me, please '.repeat(5000)));
app.get('/file', (c) => c.text('a file'));
app.get('/session', (c) => c.text('welcome'));
app.get('/cookie', (c) => {
  setCookie(c, 'a', getCookie(c, 'a') ?? '1');
  setCookie(c, 'b', '2', { httpOnly: true });
  c.executionCtx.waitUntil(Promise.resolve());
  return c.text('baked');
});
app.get('/events', (c) =>
  streamSSE(c, async (events) => {
    for (const n of [1, 2, 3]) {
      await events.writeSSE({ data: String(n), id: String(n) });
      await events.sleep(10);
    }
  }),
);
app.get('/stream', (c) =>
  stream(c, async (out) => {
    for (let i = 0; i < 20; i++) await out.write('a long piece of text '.repeat(1000));
  }),
);
app.get('/redirect', (c) => c.redirect('/json'));
app.get('/nothing', (c) => c.body(null, 204));
app.onError((error, c) => error.getResponse?.() ?? c.text(`it failed: ${error.message}`, 500));
app.notFound((c) => c.json({ missing: c.req.path }, 404));
app.get('/throw', () => {
  throw new Error('on purpose');
});
app.route(
  '/sub',
  new Hono().get('/:id{[0-9]+}', (c) => c.json(c.req.param())),
);

export default app;
