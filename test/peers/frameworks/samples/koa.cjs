const { createReadStream } = require('node:fs');
const { join } = require('node:path');
const { PassThrough } = require('node:stream');
const Koa = require('koa');
const Router = require('koa-router');
const bodyParser = require('koa-bodyparser');

const app = new Koa();
app.silent = true;
app.keys = ['k'];
const router = new Router();
router.get('/', (ctx) => (ctx.body = 'hello'));
router.get('/json', (ctx) => (ctx.body = { url: ctx.url, query: ctx.query, ip: ctx.ip, host: ctx.host }));
router.post('/json', (ctx) => {
  ctx.status = 201;
  ctx.body = ctx.request.body;
});
router.post('/form', (ctx) => (ctx.body = ctx.request.body));
router.post('/echo', (ctx) => (ctx.body = ctx.req));
router.get('/file', (ctx) => {
  ctx.type = 'txt';
  ctx.body = createReadStream(join(__dirname, 'public', 'file.txt'));
});
router.get('/big', (ctx) => (ctx.body = 'do not compress me '.repeat(5000)));
router.get('/cookie', (ctx) => {
  ctx.cookies.set('a', '1');
  ctx.cookies.set('b', '2', { signed: false });
  ctx.body = 'baked';
});
router.get('/events', (ctx) => {
  const stream = new PassThrough();
  ctx.type = 'text/event-stream';
  ctx.body = stream;
  for (const n of [1, 2, 3])
    setTimeout(() => (n === 3 ? stream.end(`data: ${n}\n\n`) : stream.write(`data: ${n}\n\n`)), n * 10);
});
router.get('/redirect', (ctx) => ctx.redirect('/json'));
router.get('/nothing', (ctx) => (ctx.status = 204));
router.get('/throw', () => {
  throw new Error('on purpose');
});
app.use((ctx, next) => (ctx.path === '/echo' ? next() : bodyParser()(ctx, next)));
app.use(router.routes()).use(router.allowedMethods());
const server = app.listen(process.env.PORT, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
