import {
  AutoRouter,
  cors,
  error,
  html,
  json,
  StatusError,
  status,
  text,
  withContent,
  withCookies,
  withParams,
} from 'itty-router';

const { preflight, corsify } = cors({ origin: 'http://example.org' });
const router = AutoRouter({ before: [preflight, withCookies], finally: [corsify] });
router
  .get('/', (request) => html(`<p>${request.url} ${request.headers.get('accept-encoding') ?? ''}</p>`))
  .get('/json', ({ query, url, method }) => ({ query, url, method }))
  .post('/json', withContent, ({ content }) => json({ content }, { status: 201, headers: { 'X-Made': 'yes' } }))
  .post('/form', async (request) => [...(await request.formData())])
  .post('/upload', async (request) => {
    const form = await request.formData();
    const { name, type, size } = form.get('file');
    return { name, type, size, field: form.get('field') };
  })
  .post('/echo', (request) => new Response(request.clone().body, { headers: { 'Content-Type': 'text/plain' } }))
  .get('/big', () => text('a long text '.repeat(5000)))
  .get('/cookie', ({ cookies }, _env, context) => {
    context.waitUntil(Promise.resolve());
    const response = json({ cookies });
    response.headers.append('Set-Cookie', 'a=1');
    response.headers.append('Set-Cookie', 'b=2; HttpOnly');
    return response;
  })
  .get('/session', () => error(401, { error: 'who are you?', hint: 'x' }))
  .get('/events', () => {
    const stream = new ReadableStream({
      async start(controller) {
        for (const n of [1, 2, 3]) {
          controller.enqueue(new TextEncoder().encode(`data: ${n}\n\n`));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        controller.close();
      },
    });
    return new Response(stream, { headers: { 'Content-Type': 'text/event-stream' } });
  })
  .get('/stream', () => new Response(new Blob(['a long piece of text '.repeat(20_000)]).stream()))
  .get('/redirect', () => new Response(null, { status: 302, headers: { Location: '/json' } }))
  .get('/nothing', () => status(204))
  .get('/throw', () => {
    throw new StatusError(418, 'on purpose');
  })
  .get('/sub/:id', withParams, ({ id, params }) => ({ id, params }))
  .get('/files/:path+', ({ params }) => params);

export default router;
