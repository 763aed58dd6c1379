// The usual Express application, for both of its major versions: body parsers, an upload, sessions, compression, static files.
const { join } = require('node:path');
const bodyParser = require('body-parser');
const compression = require('compression');
const multer = require('multer');
const session = require('express-session');
const serveStatic = require('serve-static');

module.exports = function build(express) {
  const app = express();
  let sessions = 0;
  app.set('trust proxy', true);
  app.use(compression({ threshold: 1000 }));
  app.use(
    '/session',
    session({ secret: 's', resave: false, saveUninitialized: true, genid: () => `id-${++sessions % 1}` }),
  );
  app.use('/static', serveStatic(join(__dirname, 'public')));
  app.get('/', (_req, res) => res.send('hello'));
  app.get('/json', (req, res) => res.json({ url: req.url, query: req.query, ip: req.ip, host: req.hostname }));
  app.post('/json', bodyParser.json(), (req, res) => res.status(201).json(req.body));
  app.post('/form', bodyParser.urlencoded({ extended: true }), (req, res) => res.json(req.body));
  app.post('/upload', multer({ storage: multer.memoryStorage() }).single('file'), (req, res) => {
    res.json({ name: req.file?.originalname, size: req.file?.size, field: req.body.field });
  });
  app.post('/echo', (req, res) => req.pipe(res));
  app.get('/big', (_req, res) => res.type('text').send('compress me '.repeat(5000)));
  app.get('/session', (req, res) => {
    req.session.count = (req.session.count ?? 0) + 1;
    res.json({ count: req.session.count });
  });
  app.get('/events', (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    let sent = 0;
    const timer = setInterval(() => {
      res.write(`data: ${++sent}\n\n`);
      res.flush();
      if (sent === 3) {
        clearInterval(timer);
        res.end();
      }
    }, 10);
  });
  app.get('/redirect', (_req, res) => res.redirect(302, '/json'));
  app.get('/cookie', (_req, res) => res.cookie('a', '1').cookie('b', '2', { httpOnly: true }).send('baked'));
  app.get('/nothing', (_req, res) => res.status(204).end());
  app.get('/file', (_req, res) => res.sendFile(join(__dirname, 'public', 'file.txt')));
  app.get('/throw', () => {
    throw new Error('on purpose');
  });
  return app;
};
