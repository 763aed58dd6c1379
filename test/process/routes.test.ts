// Routes and add-header in a server: on every engine, on both kinds of socket, with bodies, keep-alive and the request log.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are what is tested
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type HostPort, runCli } from '../helpers/server.js';
import { requestBytes, UwsgiClient } from '../helpers/uwsgi-client.js';
import { askTls, CertificateFolder, startEcho } from './https-client.js';
import { countInLog, ENGINES, TWINS } from './threads-client.js';

const files = mkdtempSync(join(tmpdir(), 'fastwsgi-routes-'));
after(() => rmSync(files, { recursive: true, force: true }));
writeFileSync(join(files, 'hello.txt'), 'hello from a file');
writeFileSync(join(files, 'page.html'), '<p>a page</p>');

const RULES = [
  'add-header = X-Everywhere: yes',
  'add-header = X-Everywhere: ü',
  `static-map = /s=${files}`,
  'route = ^/old/(.*)$ redirect-permanent:/new/$1',
  'route = ^/forbidden break:403',
  `route = ^/files/(.*)$ static:${files}/$1`,
  'route = ^/mapped/(.*)$ rewrite:/s/$1',
  'route = ^/headed addheader:X-Rule: ${REQUEST_METHOD}',
  'route = ^/re/(.*)$ rewrite:/app/$1?by=rule',
  'route-host = ^closed\\.example$ break:410',
];
const INI = ['[uwsgi]', 'http = 127.0.0.1:0', 'socket = 127.0.0.1:0', ...RULES].join('\n');

interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Asked {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer;
  readonly agent?: Agent;
}

function ask(target: HostPort, { path, method = 'GET', headers = {}, body, agent }: Asked): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...target, path, method, headers, agent: agent ?? false }, (response) => {
      let text = '';
      response.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const varsOf = ({ body }: HttpAnswer): Record<string, string> => JSON.parse(body) as Record<string, string>;

for (const twin of ENGINES) {
  test(`rules answer, lead elsewhere or let pass, over HTTP, ${twin.name}`, async () => {
    await using server = await startRules(twin);
    const target = server.http();
    const moved = await ask(target, { path: '/old/a%20b' });
    assert.deepEqual([moved.status, moved.headers.location, moved.body], [301, '/new/a%20b', 'Moved\n']);
    assert.equal(moved.headers['x-everywhere'], 'yes, \xc3\xbc');
    const head = await ask(target, { path: '/forbidden', method: 'HEAD' });
    assert.deepEqual([head.status, head.body, head.headers['content-length']], [403, '', '10']);
    const file = await ask(target, { path: '/files/hello.txt' });
    assert.deepEqual([file.status, file.body], [200, 'hello from a file']);
    assert.match(file.headers['content-type'] ?? '', /^text\/plain/);
    assert.equal(file.headers['x-everywhere'], 'yes, \xc3\xbc');
    assert.equal((await ask(target, { path: '/files/missing' })).status, 404);
    assert.equal(varsOf(await ask(target, { path: '/files/..%2fhello.txt' })).PATH_INFO, '/hello.txt');
    assert.equal((await ask(target, { path: '/mapped/page.html' })).body, '<p>a page</p>');
    assert.equal((await ask(target, { path: '/', headers: { Host: 'closed.example' } })).status, 410);
    const passed = await ask(target, { path: '/re/x?q=1' });
    assert.equal(passed.headers['x-everywhere'], 'yes, \xc3\xbc');
    assert.equal(passed.headers['x-rule'], undefined);
    const { PATH_INFO, QUERY_STRING, REQUEST_URI } = varsOf(passed);
    assert.deepEqual([PATH_INFO, QUERY_STRING, REQUEST_URI], ['/app/x', 'by=rule&q=1', '/app/x?by=rule&q=1']);
    assert.equal((await ask(target, { path: '/headed' })).headers['x-rule'], 'GET');
    assert.equal(await server.stop(), 0);
  });

  test(`bodies pass behind a rewrite, and do not disturb an answer, ${twin.name}`, async () => {
    await using server = await startRules(twin);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const size of [0, 10, 200_000]) {
      const body = Buffer.alloc(size, 120);
      const passed = await ask(server.http(), { path: '/re/x', method: 'POST', body, agent });
      const vars = varsOf(passed);
      assert.deepEqual([vars.PATH_INFO, vars.bodyBytes, vars.CONTENT_LENGTH ?? '0'], ['/app/x', size, String(size)]);
      assert.equal((await ask(server.http(), { path: '/forbidden', method: 'POST', body })).status, 403);
    }
    if (!twin.name.includes('uws')) {
      const headers = { 'Transfer-Encoding': 'chunked' };
      const body = Buffer.alloc(100_000, 121);
      const vars = varsOf(await ask(server.http(), { path: '/re/x', method: 'POST', body, headers, agent }));
      assert.deepEqual([vars.PATH_INFO, vars.bodyBytes], ['/app/x', 100_000]);
    }
    for (const path of ['/forbidden', '/old/x', '/re/y', '/files/hello.txt', '/forbidden']) {
      assert.ok((await ask(server.http(), { path, agent })).status > 0);
    }
    agent.destroy();
    assert.equal(await server.stop(), 0);
  });
}

for (const twin of TWINS) {
  test(`rules on a uwsgi socket, ${twin.name}`, async () => {
    await using server = await startRules(twin);
    const answer = async (uri: string): Promise<string> => {
      const client = new UwsgiClient(server.uwsgi());
      await client.send(requestBytes({ uri }));
      return (await client.outcome).bytes.toString('latin1');
    };
    assert.match(await answer('/old/x'), /^HTTP\/1\.1 301 Moved Permanently\r\n(?:.*\r\n)*Location: \/new\/x\r\n/);
    assert.match(await answer('/forbidden'), /^HTTP\/1\.1 403 Forbidden\r\n(?:.*\r\n)*X-Everywhere: yes\r\n/);
    assert.match(await answer('/files/hello.txt'), /\r\n\r\nhello from a file$/);
    assert.match(await answer('/re/x'), /"PATH_INFO":"\/app\/x"/);
    assert.match(await answer('/headed'), /X-Rule: GET\r\n/);
    assert.equal(await server.stop(), 0);
  });

  test(`the request log has what rules answered, and a 500 has the added headers, ${twin.name}`, async () => {
    const ini = `${INI}\nmodule = threads:application\nlog-x-forwarded-for = true\n`;
    await using server = await startIni(twin, ini);
    const answer = await ask(server.http(), {
      path: '/forbidden',
      headers: { 'X-Forwarded-For': '6.6.6.6, 192.0.2.7' },
    });
    assert.equal(answer.status, 403);
    await server.waitForLog(
      /\|app: -1\|.*\] 192\.0\.2\.7 \(\) .* GET \/forbidden => generated 10 bytes .*\(HTTP\/1\.1 403\)/,
    );
    const failed = await ask(server.http(), { path: '/fail', headers: { 'X-Forwarded-For': '192.0.2.8' } });
    assert.deepEqual([failed.status, failed.headers['x-everywhere']], [500, 'yes, \xc3\xbc']);
    await server.waitForLog(/\|app: 0\|.*\] 192\.0\.2\.8 \(\) .* GET \/fail => .*\(HTTP\/1\.1 500\)/);
    for (const header of ['nonsense', '1.2.3.4\x80', '1.2.3.4, ']) {
      const from = server.log().length;
      await ask(server.http(), { path: '/', headers: { 'X-Forwarded-For': header } });
      await server.waitForLog(/\|app: 0\|.*\] 127\.0\.0\.1 \(\) .* GET \/ => /, { from });
    }
    assert.equal(countInLog(server, /nonsense/), 0);
    assert.equal(await server.stop(), 0);
  });

  test(`http-to-https sends every client to the same URL, ${twin.name}`, async () => {
    using folder = new CertificateFolder();
    folder.put('a');
    const args = ['--http-to-https', '127.0.0.1:0', '--http-to-https', `127.0.0.1:0,8443`, '--https', folder.line('a')];
    await using server = await startEcho(twin, args);
    const [plain, ported] = server.addresses
      .filter(({ protocol }) => protocol === 'http')
      .map(({ address }) => ({ host: '127.0.0.1', port: Number(address.split(':')[1]) }));
    assert.ok(plain !== undefined && ported !== undefined);
    const location = async (target: HostPort, asked: Asked) => {
      const { status, headers } = await ask(target, asked);
      return `${status} ${headers.location}`;
    };
    const headers = { Host: 'a.example:8080' };
    assert.equal(await location(plain, { path: '/x%20y?q=1', headers }), '301 https://a.example/x%20y?q=1');
    assert.equal(await location(ported, { path: '/', headers }), '301 https://a.example:8443/');
    assert.equal(await location(plain, { path: '/', headers: { Host: '[::1]:80' } }), '301 https://[::1]/');
    assert.equal(await location(plain, { path: 'http://b.example/p?q', headers }), '301 https://b.example/p?q');
    assert.equal(await location(plain, { path: '//evil.example/', headers }), '301 https://a.example//evil.example/');
    assert.equal(
      await location(plain, { path: '/', method: 'POST', body: Buffer.alloc(9), headers }),
      '301 https://a.example/',
    );
    // The https address itself serves.
    assert.equal((await askTls(server.https())).status, 200);
    assert.equal(await server.stop(), 0);
  });
}

test('a rule that cannot be read ends the start, with its place', async () => {
  const { code, output } = await runCli({
    ini: '[uwsgi]\nhttp = :0\nroute = ^/(a+)+$ break:403\nroute = ^/x fly:away\n',
  });
  assert.equal(code, 1);
  assert.match(output, /"route" at \S+app\.ini:3:9: a repeated group .* can take forever to match/);
  assert.match(output, /"route" at \S+app\.ini:4:9: there is no action "fly"/);
});

function startRules(twin: (typeof ENGINES)[number]): ReturnType<typeof startEcho> {
  return startIni(twin, `${INI}\nmodule = echo:application\n`);
}

function startIni(twin: (typeof ENGINES)[number], text: string): ReturnType<typeof startEcho> {
  const ini = join(files, `${twin.name.replaceAll(/\W/g, '')}.ini`);
  writeFileSync(ini, text);
  return startEcho(twin, ['-c', ini]);
}
