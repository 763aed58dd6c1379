// The frameworks people use, each with its usual middleware, unmodified: the same requests to the sample's own server and to
// us, answers compared byte by byte; those of Web handlers with what their `fetch` answers to a native Request. Their packages are installed from npm into a temporary folder.
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { disposable, TWINS } from '../process/threads-client.js';

const SOURCE = join(import.meta.dirname, '..', '..', 'test', 'peers', 'frameworks');
const INSTALL_MS = 240_000;
const ANSWER_MS = 5000;
const ENVIRONMENT = { NODE_ENV: 'production', PORT: '0' };

interface Question {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const BOUNDARY = 'b0undary';
const upload = [
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="field"\r\n\r\nvälue\r\n`,
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`,
  `${'0123456789'.repeat(20_000)}\r\n--${BOUNDARY}--\r\n`,
].join('');
const JSON_TYPE = { 'Content-Type': 'application/json' };
const FORM_TYPE = { 'Content-Type': 'application/x-www-form-urlencoded' };
const BYTES_TYPE = { 'Content-Type': 'application/octet-stream' };

/** Asked of every sample; what one does not have it answers in its own way. */
const QUESTIONS: readonly Question[] = [
  { path: '/' },
  { method: 'HEAD', path: '/' },
  { path: '/json?a=1&b=%C3%A4&a=2' },
  { method: 'POST', path: '/json', headers: JSON_TYPE, body: '{"a":[1,2,{"b":"ü"}]}' },
  { method: 'POST', path: '/json', headers: JSON_TYPE, body: '{"a":' },
  { method: 'POST', path: '/json', headers: JSON_TYPE, body: JSON.stringify('x'.repeat(90_000)) },
  { method: 'POST', path: '/json', headers: { 'Content-Type': 'text/unheard-of' }, body: 'x' },
  { method: 'POST', path: '/form', headers: FORM_TYPE, body: 'a=1&b=two%20words&c[d]=3' },
  {
    method: 'POST',
    path: '/upload',
    headers: { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` },
    body: upload,
  },
  { method: 'POST', path: '/echo', headers: BYTES_TYPE, body: 'short' },
  { method: 'POST', path: '/echo', headers: BYTES_TYPE, body: Buffer.alloc(500_000, 'a long body ') },
  { path: '/big' },
  { path: '/big', headers: { 'Accept-Encoding': 'gzip' } },
  { method: 'HEAD', path: '/big', headers: { 'Accept-Encoding': 'gzip' } },
  { path: '/static/file.txt' },
  { path: '/static/file.txt', headers: { Range: 'bytes=2-5' } },
  { path: '/static/../samples.txt' },
  { path: '/static/none.txt' },
  { path: '/file' },
  { path: '/session' },
  { path: '/session', headers: { Cookie: 'connect.sid=s%3Aid-0.l8bvjPL3tFbxHMrg5TJnjKjDVjQqOSLoqMd9SCYI2Fg' } },
  { path: '/cookie' },
  { path: '/events' },
  { path: '/redirect' },
  { path: '/nothing' },
  { path: '/throw' },
  { path: '/no/such/page' },
  { method: 'OPTIONS', path: '/json' },
  { method: 'DELETE', path: '/json' },
];

/** Asked of Web handlers besides. */
const FETCH_QUESTIONS: readonly Question[] = [
  { path: '/stream' },
  { method: 'HEAD', path: '/stream' },
  { path: '/sub/12' },
  { path: '/sub/%C3%A4%2Fb?x=%20+y' },
  { path: '/files/a/b%20c/d' },
  { path: '//double//slash' },
  { path: '/file', headers: { 'If-None-Match': '"eb599ec83d383f0f25691c184f656d40384f9435"' } },
  { path: '/session', headers: { Authorization: `Basic ${Buffer.from('a:b').toString('base64')}` } },
  { path: '/cookie', headers: { Cookie: 'a=%C3%BC; c=d; a=2' } },
  { path: '/json', headers: { Origin: 'http://example.org' } },
  {
    method: 'OPTIONS',
    path: '/json',
    headers: { Origin: 'http://example.org', 'Access-Control-Request-Method': 'POST' },
  },
  { method: 'POST', path: '/json', headers: JSON_TYPE },
  { method: 'PATCH', path: '/json', headers: JSON_TYPE, body: '{}' },
];

/** What is the connection's, or tells the time. */
const NOT_COMPARED = /^(?:date|connection|keep-alive|transfer-encoding|content-length): /i;

interface Answer {
  readonly status: string;
  readonly headers: readonly string[];
  readonly length: string | undefined;
  readonly body: string;
}

function ask(port: number, { method = 'GET', path, headers = {}, body = '' }: Question, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body.length === 0 ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const options = { port, method, path, headers: { Host: 'example.org', ...headers, ...length }, agent };
    const asked = httpRequest(options, (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { rawHeaders } = response;
        const lines = rawHeaders.map((name, i) => `${name}: ${rawHeaders[i + 1]}`).filter((_, i) => i % 2 === 0);
        resolve({
          status: `${response.statusCode} ${response.statusMessage}`,
          headers: lines.filter((line) => !NOT_COMPARED.test(line)).map(withoutSession),
          length: response.headers['content-length'],
          body: Buffer.concat(chunks).toString('latin1'),
        });
      });
    });
    asked.setTimeout(ANSWER_MS, () => asked.destroy(new Error(`${method} ${path} got no answer in ${ANSWER_MS} ms`)));
    asked.on('error', reject);
    asked.end(body);
  });
}

/** An expiry date is a time, too. */
function withoutSession(line: string): string {
  return line.replace(/Expires=[^;]+/i, 'Expires=then');
}

const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-frameworks-'));
const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function install(): Promise<string | undefined> {
  cpSync(SOURCE, folder, { recursive: true });
  try {
    const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];
    await promisify(execFile)('npm', args, { cwd: folder, timeout: INSTALL_MS });
    return undefined;
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    return `cannot install the frameworks: ${(error as Error).message.slice(0, 200)}`;
  }
}

/** The sample on its own: the port it listens on. */
function startOwn(sample: string): Promise<number> {
  const env = { ...process.env, ...ENVIRONMENT, SAMPLES: 'samples' };
  const child = spawn(process.execPath, [join('samples', sample)], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  return new Promise((resolve, reject) => {
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (data: string) => {
        text += data;
        const [, port] = /listening on (\d+)/.exec(text) ?? [];
        if (port !== undefined) resolve(Number(port));
      });
    }
    child.once('exit', () => reject(new Error(`${sample} ended:\n${text}`)));
  });
}

type WebHandler = { fetch(request: Request, env: object, context: object): Response | Promise<Response> };

/** What the handler itself answers. */
async function askDirectly(
  handler: WebHandler,
  { method = 'GET', path, headers = {}, body = '' }: Question,
): Promise<Answer> {
  const init = { method, headers: { ...headers }, ...(body.length > 0 && { body }) };
  const response = await handler.fetch(new Request(`http://example.org${path}`, init), {}, { waitUntil: () => {} });
  const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  const sent = Buffer.from(await response.arrayBuffer()).toString('latin1');
  return {
    status: String(response.status),
    headers: lines.filter((line) => !NOT_COMPARED.test(line)),
    length: undefined,
    body: method === 'HEAD' ? '' : sent,
  };
}

const missing = await install();
const versions = JSON.parse(readFileSync(join(SOURCE, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};
const nameOf = (framework: string) => `${framework} ${versions.dependencies[framework]?.replace(/^npm:.*@/, '')}`;
if (missing !== undefined) console.log(`The frameworks are not tested: ${missing}`);
else {
  for (const [sample, framework] of [
    ['express4.cjs', 'express4'],
    ['express5.cjs', 'express'],
    ['connect.cjs', 'connect'],
    ['koa.cjs', 'koa'],
    ['fastify.mjs', 'fastify'],
    ['hono.mjs', '@hono/node-server'],
    ['nest.cjs', '@nestjs/core'],
  ] as const) {
    describe(nameOf(framework), () => {
      for (const twin of TWINS) {
        test(`answers as on its own server, ${twin.name}`, async () => {
          const own = await startOwn(sample);
          const args = [
            '--chdir',
            folder,
            '--wsgi-file',
            join('samples', sample),
            '--http',
            '127.0.0.1:0',
            ...twin.args,
          ];
          const env = { ...twin.env, ...ENVIRONMENT, SAMPLES: 'samples' };
          await using server = await disposable({ args: [...args, '--need-app'], env });
          const agent = new Agent({ keepAlive: true });
          for (const question of QUESTIONS) {
            const what = `${sample} ${question.method ?? 'GET'} ${question.path}`;
            const expected = await ask(own, question, agent);
            const got = await ask(server.http().port, question, agent);
            // Of a response of unknown length we may know the length.
            const length = expected.length === undefined ? { length: undefined } : {};
            assert.deepEqual({ ...got, ...length, body: '' }, { ...expected, body: '' }, what);
            assert.ok(
              got.body === expected.body,
              `${what}: ${got.body.slice(0, 200)} is not ${expected.body.slice(0, 200)}`,
            );
          }
          agent.destroy();
          assert.match(server.log(), /listen\(0\) of the application is served here/);
        });
      }
    });
  }
}

if (missing === undefined) {
  for (const [sample, framework] of [
    ['hono-fetch.mjs', 'hono'],
    ['itty.mjs', 'itty-router'],
  ] as const) {
    describe(`${nameOf(framework)}, its fetch`, () => {
      for (const twin of TWINS) {
        test(`answers as it does to a native Request, ${twin.name}`, async () => {
          const file = join('samples', sample);
          const loaded = (await import(pathToFileURL(join(folder, file)).href)) as { default: WebHandler };
          const args = ['--chdir', folder, '--wsgi-file', file, '--http', '127.0.0.1:0', '--need-app', ...twin.args];
          await using server = await disposable({ args, env: { ...twin.env, ...ENVIRONMENT } });
          const agent = new Agent({ keepAlive: true });
          for (const question of [...QUESTIONS, ...FETCH_QUESTIONS]) {
            const what = `${sample} ${question.method ?? 'GET'} ${question.path}`;
            const expected = await askDirectly(loaded.default, question);
            const got = await ask(server.http().port, question, agent);
            const headers = got.headers.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
            const seen = { ...got, status: got.status.slice(0, 3), headers, length: undefined };
            assert.deepEqual({ ...seen, body: '' }, { ...expected, body: '' }, what);
            assert.ok(
              got.body === expected.body,
              `${what}: ${got.body.slice(0, 200)} is not ${expected.body.slice(0, 200)}`,
            );
          }
          agent.destroy();
          assert.match(server.log(), /kind: fetch/);
        });
      }
    });
  }
}
