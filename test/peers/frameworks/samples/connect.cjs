const http = require('node:http');
const { join } = require('node:path');
const connect = require('connect');

const app = connect();
app.use(require('compression')({ threshold: 1000 }));
app.use('/static', require('serve-static')(join(__dirname, 'public')));
app.use('/json', require('body-parser').json());
app.use('/json', (req, res) =>
  res.end(JSON.stringify({ method: req.method, url: req.url, original: req.originalUrl, body: req.body })),
);
app.use('/big', (_req, res) => res.end('compress me '.repeat(5000)));
app.use('/echo', (req, res) => req.pipe(res));
app.use('/throw', () => {
  throw new Error('on purpose');
});
app.use('/', (req, res, next) => (req.url === '/' ? res.end('hello') : next()));
const server = http.createServer(app);
server.listen(process.env.PORT, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
