// The sample application: what `config/uwsgi.ini` serves. Every route shows one thing an application can do.
//
//   curl http://127.0.0.1:8000/                    a plain answer
//   curl http://127.0.0.1:8000/environ?x=1         what the server tells about the request
//   curl -d 'some text' http://127.0.0.1:8000/echo the request's body, streamed back
//   curl -T some-file http://127.0.0.1:8000/hash   sha256 and length of the body, read in chunks
//   curl http://127.0.0.1:8000/stream?bytes=1000000
//   curl http://127.0.0.1:8000/slow?ms=500         waits, without blocking the worker
//   curl http://127.0.0.1:8000/spin?ms=500         computes, and blocks its worker meanwhile
//   curl -i http://127.0.0.1:8000/status/404
//
// An application is a function of two arguments, as PEP 3333 (WSGI) has it:
//
//   environ         the request: CGI variables (REQUEST_METHOD, PATH_INFO, HTTP_HOST…) and the server's own keys (wsgi.input…)
//   startResponse   called with the status and an array of [name, value] headers, before the body
//
// What it returns is the body: an array of strings or bytes, a generator, an async generator, or a promise of one of these.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const TEXT = ['Content-Type', 'text/plain; charset=utf-8'];
const JSON_TYPE = ['Content-Type', 'application/json'];

// config/nginx.conf passes what lies below this path; straight to the server there is no prefix.
const PREFIX = '/aaa/bbb';

export function application(environ, startResponse) {
  const query = new URLSearchParams(environ.QUERY_STRING);
  let path = environ.PATH_INFO;
  if (path === PREFIX || path.startsWith(`${PREFIX}/`)) path = path.slice(PREFIX.length) || '/';

  if (path === '/') return hello(startResponse);
  if (path === '/environ') return showEnviron(environ, startResponse);
  if (path === '/echo') return echo(environ, startResponse);
  if (path === '/hash') return hash(environ, startResponse);
  if (path === '/stream') return stream(startResponse, wholeNumber(query.get('bytes'), 1_000_000));
  if (path === '/slow') return slow(startResponse, wholeNumber(query.get('ms'), 1000));
  if (path === '/spin' && query.has('ms')) return spin(startResponse, Number(query.get('ms')));
  if (/^\/status\/[1-9]\d\d$/.test(path)) return status(startResponse, path.slice(-3));

  startResponse('404 Not Found', [TEXT]);
  return ['There is nothing here\n'];
}

// The shortest application: a status, headers, and an array with the whole body.
function hello(startResponse) {
  startResponse('200 OK', [TEXT]);
  return ['Hello, world\n'];
}

// environ is a plain dictionary; what is not a string in it (streams, functions) is the server's.
function showEnviron(environ, startResponse) {
  const strings = Object.entries(environ).filter(([, value]) => typeof value === 'string');
  startResponse('200 OK', [JSON_TYPE]);
  return [JSON.stringify(Object.fromEntries(strings), null, 2), '\n'];
}

// wsgi.input is an async iterable of the body's chunks, so it can be the response as it stands. Neither this nor the
// server ever holds the whole body.
function echo(environ, startResponse) {
  startResponse('200 OK', [['Content-Type', environ.CONTENT_TYPE || 'application/octet-stream']]);
  return environ['wsgi.input'];
}

// An async function may await what it likes before it answers.
async function hash(environ, startResponse) {
  const sha256 = createHash('sha256');
  let length = 0;
  for await (const chunk of environ['wsgi.input']) {
    sha256.update(chunk);
    length += chunk.length;
  }
  startResponse('200 OK', [JSON_TYPE]);
  return [JSON.stringify({ sha256: sha256.digest('hex'), length }), '\n'];
}

// A generator gives the body piece by piece; it is asked for the next one when the client has taken those before. When the
// client leaves in the middle, the `finally` blocks of the generator run. Byte i of the body is i % 65536 % 251.
const BLOCK = Buffer.from(Array.from({ length: 65_536 }, (_, i) => i % 251));

function* stream(startResponse, bytes) {
  startResponse('200 OK', [
    ['Content-Type', 'application/octet-stream'],
    ['Content-Length', String(bytes)],
  ]);
  for (let left = bytes; left > 0; left -= BLOCK.length) yield BLOCK.subarray(0, Math.min(left, BLOCK.length));
}

// An async generator: the first line leaves at once, the second when it is time.
async function* slow(startResponse, ms) {
  startResponse('200 OK', [TEXT]);
  yield `Waiting ${ms} ms…\n`;
  await sleep(ms);
  yield 'Done\n';
}

// Computing blocks this worker's thread, and no other: the server goes on with its other workers. `?ms=Infinity` never ends.
function spin(startResponse, ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
  startResponse('200 OK', [TEXT]);
  return [`Computed for ${ms} ms\n`];
}

// A status without a reason gets its usual one. Responses like 204 and 304 have no body.
function status(startResponse, code) {
  const bodiless = code < '200' || code === '204' || code === '304';
  startResponse(code, bodiless ? [] : [TEXT]);
  return bodiless ? [] : [`This is a ${code}\n`];
}

function wholeNumber(text, otherwise) {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : otherwise;
}
