// What the fronts answer themselves, changed by a reload: routes, static files and add-header, on every engine and on every kind of socket.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseResponses, RawClient } from '../helpers/http-client.js';
import type { HostPort } from '../helpers/server.js';
import { parseResponse, requestBytes, UwsgiClient } from '../helpers/uwsgi-client.js';
import { CertificateFolder } from './https-client.js';
import { countInLog, type DisposableServer, disposable, ENGINES, type Twin } from './threads-client.js';

const APP = `import { existsSync } from 'node:fs';
if (existsSync('broken')) throw new Error('this version does not load');
export async function application(environ, startResponse) {
  const body = await environ['wsgi.input'].read();
  startResponse('200 OK', [['Content-Type', 'text/plain']]);
  return ['app ' + environ.PATH_INFO + ' ' + body.length];
}
`;
const LARGE_BYTES = 8_000_000;

/** A folder with an application, two folders of files, and a configuration that can be changed. */
class Site implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'fastwsgi-rules-'));
  private readonly certificates = new CertificateFolder();
  private readonly twin: Twin;

  constructor(twin: Twin) {
    this.twin = twin;
    this.certificates.put('a');
    this.write('rules_app.mjs', APP);
    for (const name of ['one', 'two']) {
      mkdirSync(join(this.folder, name));
      this.write(`${name}/file.txt`, `from ${name}`);
      this.write(`${name}/large.bin`, Buffer.alloc(LARGE_BYTES, name));
    }
  }

  write(name: string, content: string | Buffer): void {
    writeFileSync(join(this.folder, name), content);
  }

  remove(name: string): void {
    rmSync(join(this.folder, name));
  }

  configure(rules: readonly string[]): void {
    const sockets = ['http = 127.0.0.1:0', 'socket = 127.0.0.1:0', `https = ${this.certificates.line('a')}`];
    const lines = ['[uwsgi]', `chdir = ${this.folder}`, 'module = rules_app:application', ...sockets];
    this.write('app.ini', `${[...lines, 'http-to-https = 127.0.0.1:0', 'processes = 1', ...rules].join('\n')}\n`);
  }

  start(rules: readonly string[]): Promise<DisposableServer> {
    this.configure(rules);
    return disposable({ args: ['-c', join(this.folder, 'app.ini'), ...this.twin.args], env: this.twin.env });
  }

  [Symbol.dispose](): void {
    this.certificates[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function reload(server: DisposableServer, outcome = /^\*\*\* reload done/m): Promise<void> {
  const from = server.log().length;
  server.kill('SIGHUP');
  await server.waitForLog(outcome, { from });
}

/** Status, what `X-Rule` says, and the body. */
type Seen = readonly [number, string, string];

function askHttp(send: typeof httpRequest, target: HostPort, path: string): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const options = { ...target, path, agent: false as const, rejectUnauthorized: false };
    const asked = send(options, (response: IncomingMessage) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('error', reject);
      response.on('end', () => resolve([response.statusCode ?? 0, String(response.headers['x-rule'] ?? ''), body]));
    });
    asked.on('error', reject).end();
  });
}

async function askUwsgi(server: DisposableServer, uri: string): Promise<Seen> {
  const client = new UwsgiClient(server.uwsgi());
  await client.send(requestBytes({ uri }));
  const { status, headers, body } = parseResponse((await client.outcome).bytes);
  const rule = headers.find(([name]) => name.toLowerCase() === 'x-rule')?.[1] ?? '';
  return [status, rule, body.toString()];
}

/** The same answer on each kind of socket. */
async function ask(server: DisposableServer, path: string): Promise<Seen> {
  const seen = await askHttp(httpRequest, server.http(), path);
  assert.deepEqual(await askUwsgi(server, path), seen, `${path} on a uwsgi socket`);
  assert.deepEqual(await askHttp(httpsRequest, server.https(), path), seen, `${path} over https`);
  return seen;
}

const FIRST = [
  'route = ^/closed break:403',
  'route = ^/moved rewrite:/first',
  'static-map = /s=one',
  'add-header = X-Rule: first',
];
const SECOND = [
  'route = ^/closed break:410',
  'route = ^/moved rewrite:/second',
  'route = ^/headed addheader:X-Rule: headed',
  'static-map = /s=two',
  'static-expires = \\.txt$ 60',
];

for (const twin of ENGINES) {
  test(`a reload puts changed rules in force, from none and to none (${twin.name})`, async () => {
    using site = new Site(twin);
    await using server = await site.start([]);
    const paths = ['/closed', '/moved', '/headed', '/s/file.txt'];
    const answers = async () => {
      const seen: Seen[] = [];
      for (const path of paths) seen.push(await ask(server, path));
      return seen.map(([status, rule, body]) => [status, rule, body.trim()]);
    };
    const none = paths.map((path) => [200, '', `app ${path} 0`]);
    assert.deepEqual(await answers(), none);

    site.configure(FIRST);
    await reload(server);
    assert.deepEqual(await answers(), [
      [403, 'first', 'Forbidden'],
      [200, 'first', 'app /first 0'],
      [200, 'first', 'app /headed 0'],
      [200, 'first', 'from one'],
    ]);
    const redirect = server.addresses.filter(({ protocol }) => protocol === 'http')[1]?.address.split(':')[1];
    assert.deepEqual((await askHttp(httpRequest, { host: '127.0.0.1', port: Number(redirect) }, '/')).slice(0, 2), [
      301,
      'first',
    ]);

    site.configure(SECOND);
    await reload(server);
    assert.deepEqual(await answers(), [
      [410, '', 'Gone'],
      [200, '', 'app /second 0'],
      [200, 'headed', 'app /headed 0'],
      [200, '', 'from two'],
    ]);

    site.configure([]);
    await reload(server);
    assert.deepEqual(await answers(), none);
    assert.equal(countInLog(server, /only with the next start/), 0);
    assert.equal(await server.stop(), 0);
  });

  test(`rules of a reload that fails are not in force (${twin.name})`, async () => {
    using site = new Site(twin);
    await using server = await site.start(FIRST);
    const isFirst = async () => {
      assert.equal((await ask(server, '/closed'))[0], 403);
      assert.deepEqual((await ask(server, '/s/file.txt')).slice(1), ['first', 'from one']);
    };
    site.configure(SECOND);
    site.write('broken', '');
    await reload(server, /^\*\*\* RELOAD FAILED/m);
    await isFirst();
    site.remove('broken');
    site.configure([...SECOND, 'mime-file = no/such/file']);
    await reload(server, /no\/such\/file[\s\S]*^\*\*\* RELOAD FAILED/m);
    await isFirst();
    site.configure([...SECOND, 'route = ^/(a+)+$ break:403']);
    await reload(server, /^\*\*\* RELOAD FAILED/m);
    await isFirst();
    site.configure(SECOND);
    await reload(server);
    assert.equal((await ask(server, '/closed'))[0], 410);
    assert.equal(await server.stop(), 0);
  });

  test(`requests in flight keep the rules they came under, and connections go on under the new ones (${twin.name})`, async () => {
    using site = new Site(twin);
    await using server = await site.start(FIRST);
    const host = 'HTTP/1.1\r\nHost: a\r\n';
    const upload = new RawClient(server.http());
    await upload.send(`POST /moved ${host}Content-Length: 10\r\n\r\n01234`);
    const download = new RawClient(server.http());
    await download.send(`GET /s/large.bin ${host}\r\n`);
    await download.until(() => download.received.length > 0);
    download.socket.pause();
    const idle = new RawClient(server.http());
    await idle.send(`GET /closed ${host}\r\n`);
    assert.equal((await idle.responses(1))[0]?.status, 403);

    site.configure(SECOND);
    await reload(server);
    await upload.send('56789');
    const [first] = await upload.responses(1);
    assert.deepEqual([first?.status, first?.body.toString()], [200, 'app /first 10']);
    await upload.send(`POST /moved ${host}Content-Length: 1\r\n\r\n0`);
    assert.equal((await upload.responses(2))[1]?.body.toString(), 'app /second 1');
    download.socket.resume();
    await download.until(() => download.received.length >= LARGE_BYTES, 20_000);
    const [file] = parseResponses(download.received, false);
    assert.ok(file?.body.equals(Buffer.alloc(LARGE_BYTES, 'one')));
    await idle.send(`GET /closed ${host}\r\n`);
    assert.equal((await idle.responses(2))[1]?.status, 410);
    for (const client of [upload, download, idle]) client.destroy();
    assert.equal(await server.stop(), 0);
  });

  test(`no request is lost, and none answered by neither rules, while they change under load (${twin.name})`, async () => {
    using site = new Site(twin);
    await using server = await site.start(FIRST);
    const known = new Set(['403', '410', '200 app /first 0', '200 app /second 0', '200 from one', '200 from two']);
    let stopping = false;
    let count = 0;
    const client = async (path: string) => {
      for (; !stopping; count++) {
        const [status, , body] = await (count % 2 === 0
          ? askHttp(httpRequest, server.http(), path)
          : askUwsgi(server, path));
        assert.ok(known.has(status === 200 ? `200 ${body}` : String(status)), `${status} ${body}`);
      }
    };
    const clients = Promise.all(['/closed', '/moved', '/s/file.txt', '/moved'].map(client));
    for (let i = 0; i < 6; i++) {
      site.configure(i % 2 === 0 ? SECOND : FIRST);
      await reload(server);
      assert.equal((await ask(server, '/closed'))[0], i % 2 === 0 ? 410 : 403);
    }
    stopping = true;
    await clients;
    assert.ok(count > 100, `${count} requests`);
    assert.equal(await server.stop(), 0);
  });
}
