import { serve } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { setCookie } from 'hono/cookie';
import { streamSSE } from 'hono/streaming';

const app = new Hono();
app.use(
  '/static/*',
  serveStatic({ root: process.env.SAMPLES, rewriteRequestPath: (path) => path.replace('/static', '/public') }),
);
app.get('/', (c) => c.text('hello'));
app.get('/json', (c) => c.json({ path: c.req.path, query: c.req.query() }));
app.post('/json', async (c) => c.json(await c.req.json(), 201));
app.post('/form', async (c) => c.json(await c.req.parseBody()));
app.post('/upload', async (c) => {
  const { file, field } = await c.req.parseBody();
  return c.json({ name: file.name, size: file.size, field });
});
app.post('/echo', async (c) => c.body(await c.req.arrayBuffer()));
app.get('/big', (c) => c.text('do not compress me '.repeat(5000)));
app.get('/cookie', (c) => {
  setCookie(c, 'a', '1');
  setCookie(c, 'b', '2', { httpOnly: true });
  return c.text('baked');
});
app.get('/events', (c) =>
  streamSSE(c, async (stream) => {
    for (const n of [1, 2, 3]) {
      await stream.writeSSE({ data: String(n) });
      await stream.sleep(10);
    }
  }),
);
app.get('/redirect', (c) => c.redirect('/json'));
app.get('/nothing', (c) => c.body(null, 204));
app.onError((_error, c) => c.text('it failed', 500));
app.get('/throw', () => {
  throw new Error('on purpose');
});
serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' }, (info) =>
  console.log(`listening on ${info.port}`),
);
