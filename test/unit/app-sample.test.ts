// The sample applications do what their comments say.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadApplication } from '../../dist/app/load.js';
import { FakeContext, FakeExchange, type FakeOptions, type FakeResponse } from '../helpers/fake-exchange.js';

const chdir = fileURLToPath(new URL('../../config/apps', import.meta.url));
const context = new FakeContext();
const sample = await loadApplication({ module: 'sample', chdir }, context);

async function get(path: string, options: FakeOptions = {}): Promise<FakeResponse> {
  const [PATH_INFO = '', QUERY_STRING = ''] = path.split('?');
  const exchange = new FakeExchange({ ...options, vars: { PATH_INFO, QUERY_STRING, ...options.vars } });
  await sample.handle(exchange);
  assert.ok(exchange.response.ended);
  return exchange.response;
}

test('/ says hello, also below the path that nginx passes', async () => {
  for (const path of ['/', '/aaa/bbb', '/aaa/bbb/']) assert.equal((await get(path)).text, 'Hello, world\n');
  assert.equal((await get('/aaa/bbbb')).status, '404 Not Found');
});

test('/environ lists the strings of environ', async () => {
  const environ = JSON.parse((await get('/environ?x=1', { vars: { HTTP_HOST: 'h' } })).text);
  assert.deepEqual(
    [environ.PATH_INFO, environ.QUERY_STRING, environ.HTTP_HOST, environ['wsgi.url_scheme'], environ['wsgi.input']],
    ['/environ', 'x=1', 'h', 'http', undefined],
  );
});

test('/echo sends the body back with its type', async () => {
  const response = await get('/echo', {
    body: 'x'.repeat(200_000),
    vars: { CONTENT_TYPE: 'text/x' },
    roomBytes: 50_000,
  });
  assert.equal(response.text, 'x'.repeat(200_000));
  assert.equal(response.header('content-type'), 'text/x');
  assert.ok(response.sent.every(({ bytes }) => bytes.length <= 65_536));
});

test('/hash answers sha256 and length of the body', async () => {
  const body = 'y'.repeat(100_000);
  const sha256 = createHash('sha256').update(body).digest('hex');
  assert.deepEqual(JSON.parse((await get('/hash', { body })).text), { sha256, length: 100_000 });
});

test('/stream sends as many bytes as it is asked for, in the pattern it documents', async () => {
  for (const bytes of [0, 1, 65_536, 200_001]) {
    const response = await get(`/stream?bytes=${bytes}`, { roomBytes: 100_000 });
    assert.equal(response.header('content-length'), String(bytes));
    assert.ok(response.bytes.equals(Buffer.from(Array.from({ length: bytes }, (_, i) => (i % 65_536) % 251))));
  }
});

test('/slow sends its first line before it waits', async () => {
  const response = await get('/slow?ms=5');
  assert.deepEqual(
    response.sent.map(({ by, bytes }) => [by, bytes.toString()]),
    [
      ['write', 'Waiting 5 ms…\n'],
      ['write', 'Done\n'],
      ['end', ''],
    ],
  );
});

test('/spin computes only when it is told for how long', async () => {
  assert.equal((await get('/spin?ms=2')).text, 'Computed for 2 ms\n');
  assert.equal((await get('/spin')).status, '404 Not Found');
});

test('/status answers any status, those without a body without one', async () => {
  assert.deepEqual([(await get('/status/418')).status, (await get('/status/418')).text], ['418', 'This is a 418\n']);
  assert.deepEqual([(await get('/status/304')).status, (await get('/status/304')).text], ['304', '']);
  assert.equal((await get('/status/nonsense')).status, '404 Not Found');
});

test('the TypeScript sample greets whoever a POST names, and reports what is no JSON', async () => {
  const application = await loadApplication({ file: 'typed.ts', chdir }, context);
  const greet = async (body: string) => {
    const exchange = new FakeExchange({ body, vars: { REQUEST_METHOD: 'POST' } });
    await application.handle(exchange);
    return JSON.parse(exchange.response.text);
  };
  assert.deepEqual(await greet('{"name": "Ada"}'), { hello: 'Ada', method: 'POST' });
  assert.deepEqual(await greet(''), { hello: 'world', method: 'POST' });
  assert.deepEqual(await greet('{'), { hello: 'world', method: 'POST' });
  assert.deepEqual(context.lines, ['The request body is no JSON']);
});
