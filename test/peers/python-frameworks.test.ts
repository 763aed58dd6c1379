// The sample Django site and Flask application of config/python: the same project under us, through nginx on a unix socket and on
// TCP and straight by HTTP, and under the real uWSGI behind the same nginx. What clients get must be the same.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { send } from '../helpers/http-stream.js';
import { connects, type Nginx, nginxMissing, startNginx } from '../helpers/nginx.js';
import type { SocketTarget } from '../helpers/server.js';
import { type DisposableServer, disposable } from '../process/threads-client.js';

const CONFIG = join(import.meta.dirname, '..', '..', 'config', 'python');
const MB = 1 << 20;
const PROJECTS = {
  django: { folder: join(CONFIG, 'site'), module: 'mysite.wsgi:application' },
  flask: { folder: join(CONFIG, 'flask'), module: 'app:app' },
} as const;
type Framework = keyof typeof PROJECTS;

/** The interpreter that has both frameworks: the first of the PATH, or the system's, which uWSGI's plugin uses. */
const interpreter = ['/usr/bin/python3', 'python3'].find(
  (name) => spawnSync(name, ['-c', 'import django, flask']).status === 0,
);
const skip = missing();

function missing(): string | undefined {
  if (process.env.CI === 'true') return undefined;
  if (interpreter === undefined) return 'there is no Python with Django and Flask';
  if (spawnSync('uwsgi', ['--version']).error !== undefined) return 'there is no uwsgi';
  return nginxMissing();
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}
interface Ask {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

const COMMON: Record<Framework, readonly (Ask & { readonly status: number })[]> = {
  django: [
    { path: '/', status: 200 },
    { path: '/', method: 'HEAD', status: 200 },
    { path: '/table', status: 200 },
    { path: '/stream?lines=20000', status: 200 },
    { path: '/missing', status: 404 },
    { path: '/admin', status: 301 },
    { path: '/admin/login/', status: 200 },
    { path: '/%C3%A4/%20?q=%25', status: 404 },
    { path: '/upload', method: 'POST', status: 500 },
  ],
  flask: [
    { path: '/', status: 200 },
    { path: '/', method: 'HEAD', status: 200 },
    { path: '/', method: 'OPTIONS', status: 200 },
    { path: '/', method: 'DELETE', status: 405 },
    { path: '/page/W%C3%B6rld%20%3C', status: 200 },
    { path: '/json?a=1&b=%C3%A4', status: 200 },
    {
      path: '/json',
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from('{"a":[1,2]}'),
      status: 200,
    },
    {
      path: '/json',
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from('{"a":'),
      status: 200,
    },
    { path: '/stream?lines=20000', status: 200 },
    { path: '/file', status: 200 },
    { path: '/file', headers: { Range: 'bytes=10-99' }, status: 206 },
    { path: '/missing', status: 404 },
  ],
};

for (const framework of ['django', 'flask'] as const) {
  describe(`${framework} under us and under uWSGI`, { skip }, () => {
    const data = mkdtempSync(join(tmpdir(), 'fastwsgi-python-'));
    const env = { SITE_DATA: data, PYTHONDONTWRITEBYTECODE: '1' };
    let server: DisposableServer;
    let uwsgi: ChildProcess;
    let nginx: Nginx;
    const ways = new Map<string, (ask: Ask) => Promise<Reply>>();

    before(async () => {
      if (framework === 'django') prepareDjango(env);
      const { folder, module } = PROJECTS[framework];
      const home = interpreter === 'python3' ? [] : ['--home', dirname(dirname(interpreter as string))];
      const sockets = ['--socket', join(data, 'ours.sock'), '--socket', '127.0.0.1:0', '--http', '127.0.0.1:0'];
      const args = ['--chdir', folder, '--module', module, '--need-app', '--processes', '2', ...home, ...sockets];
      server = await disposable({ args, env });
      const theirs = join(data, 'theirs.sock');
      const theirArgs = ['--plugin', 'python3', '--chdir', folder, '--module', module, '--master', '--processes', '2'];
      uwsgi = spawn('uwsgi', [...theirArgs, '--need-app', '--buffer-size', '65535', '--socket', theirs], {
        env: { ...process.env, ...env },
        stdio: 'ignore',
      });
      while (!(await connects(theirs))) await sleep(20);
      const tcp = server.addresses.filter(({ protocol }) => protocol === 'uwsgi')[1]?.address.split(':')[1];
      nginx = await startNginx({
        unix: { upstream: { path: join(data, 'ours.sock') } },
        tcp: { upstream: { host: '127.0.0.1', port: Number(tcp) } },
        uwsgi: { upstream: { path: theirs } },
      });
      for (const [name, socket] of Object.entries(nginx.sockets)) ways.set(name, (ask) => reply({ path: socket }, ask));
      ways.set('http', (ask) => reply(server.http(), ask));
    });

    after(async () => {
      await nginx?.stop();
      uwsgi?.kill('SIGQUIT');
      assert.equal(await server?.stop(), 0);
      rmSync(data, { recursive: true });
    });

    /** Asks everybody, and compares what they answer. */
    async function same(ask: Ask): Promise<Reply> {
      const expected = await (ways.get('uwsgi') as (ask: Ask) => Promise<Reply>)(ask);
      for (const [name, way] of ways) {
        const got = await way(ask);
        assert.equal(got.status, expected.status, `${name}: ${ask.path}`);
        assert.deepEqual(comparable(got), comparable(expected), `${name}: ${ask.path}`);
      }
      return expected;
    }

    for (const ask of COMMON[framework]) {
      const { path, method = 'GET', status } = ask;
      test(`${method} ${path}`, async () => assert.equal((await same(ask)).status, status));
    }

    test('an upload of 100 MB arrives whole', async () => {
      const content = Buffer.alloc(100 * MB, 'a hundred megabytes of text\n');
      const sha1 = createHash('sha1').update(content).digest('hex');
      const { headers, body } = form(content);
      for (const [name, way] of ways) {
        const answer = await way({ path: '/upload', method: 'POST', headers, body });
        const { bytes, sha1: received } = JSON.parse(answer.body.toString());
        assert.deepEqual([answer.status, bytes, received], [200, content.length, sha1], name);
      }
    });

    if (framework === 'django') {
      test('the admin: its form, CSRF, login, a session and what only the logged-in see', async () => {
        for (const [name, way] of ways) {
          const page = await way({ path: '/admin/login/?next=/admin/' });
          const csrf = cookie(page, 'csrftoken');
          const token = /name="csrfmiddlewaretoken" value="(\w+)"/.exec(page.body.toString())?.[1] ?? '';
          assert.ok(csrf.length > 10 && token.length > 10, name);
          const body = (fields: Record<string, string>) => Buffer.from(new URLSearchParams(fields).toString());
          const login = { username: 'admin', password: 'secret', next: '/admin/' };
          const type = { 'Content-Type': 'application/x-www-form-urlencoded' };
          const forged = await way({ path: '/admin/login/', method: 'POST', headers: type, body: body(login) });
          assert.equal(forged.status, 403, name);
          const headers = { ...type, Cookie: `csrftoken=${csrf}` };
          const entered = await way({
            path: '/admin/login/?next=/admin/',
            method: 'POST',
            headers,
            body: body({ ...login, csrfmiddlewaretoken: token }),
          });
          assert.deepEqual([entered.status, entered.headers.location], [302, '/admin/'], name);
          const session = cookie(entered, 'sessionid');
          const inside = await way({ path: '/admin/', headers: { Cookie: `sessionid=${session}` } });
          assert.equal(inside.status, 200);
          assert.match(inside.body.toString(), /Site administration/, name);
          const outside = await way({ path: '/admin/' });
          assert.deepEqual([outside.status, outside.headers.location], [302, '/admin/login/?next=/admin/'], name);
        }
      });

      test('a stored file comes back by FileResponse, whole and by HEAD', async () => {
        const content = Buffer.alloc(3 * MB, 'some media ');
        const { headers, body } = form(content);
        const stored = await (ways.get('unix') as (ask: Ask) => Promise<Reply>)({
          path: '/upload',
          method: 'POST',
          headers,
          body,
        });
        const { name } = JSON.parse(stored.body.toString());
        const file = await same({ path: `/media/${name}` });
        assert.ok(file.body.equals(content));
        assert.equal((await same({ path: `/media/${name}`, method: 'HEAD' })).body.length, 0);
      });
    }
  });
}

function prepareDjango(env: Readonly<Record<string, string>>): void {
  const manage = (args: readonly string[]) => {
    const options = {
      cwd: PROJECTS.django.folder,
      env: { ...process.env, ...env, DJANGO_SUPERUSER_PASSWORD: 'secret' },
    };
    const { status, stderr } = spawnSync(interpreter as string, ['manage.py', ...args], options);
    assert.equal(status, 0, stderr.toString());
  };
  manage(['migrate', '-v0']);
  manage(['createsuperuser', '--noinput', '--username', 'admin', '--email', 'admin@example.org']);
}

async function reply(target: SocketTarget, { path, method = 'GET', headers = {}, body }: Ask): Promise<Reply> {
  const socket = 'path' in target ? target.path : target.port;
  const length = body === undefined ? {} : { 'Content-Length': String(body.length) };
  const all = { Host: 'site.example', ...headers, ...length };
  return send({ socket, path, method, headers: all, ...(body === undefined ? {} : { body: [body] }) });
}

/** A form with one file. */
function form(content: Buffer): { readonly headers: Record<string, string>; readonly body: Buffer } {
  const head =
    '--edge\r\nContent-Disposition: form-data; name="file"; filename="file.txt"\r\nContent-Type: text/plain\r\n\r\n';
  return {
    headers: { 'Content-Type': 'multipart/form-data; boundary=edge' },
    body: Buffer.concat([Buffer.from(head), content, Buffer.from('\r\n--edge--\r\n')]),
  };
}

function cookie({ headers }: Reply, name: string): string {
  const set = headers['set-cookie'] as readonly string[] | undefined;
  return new RegExp(`^${name}=(\\w+)`).exec(set?.find((line) => line.startsWith(name)) ?? '')?.[1] ?? '';
}

/** Without what is the connection's, the clock's or random; `Server` and `Connection` are nginx's. */
function comparable({ headers, body }: Reply): unknown {
  const dropped = ['date', 'server', 'connection', 'keep-alive', 'transfer-encoding', 'expires', 'content-length'];
  const kept = Object.entries(headers).filter(([name]) => !dropped.includes(name));
  const length = headers['transfer-encoding'] === undefined ? headers['content-length'] : undefined;
  const text = body.toString('latin1').replace(/(csrfmiddlewaretoken" value=")\w+/, '$1');
  const cookies = String(headers['set-cookie'] ?? '')
    .replace(/=\w{20,}/g, '=')
    .replace(/expires=[^;]+/g, '');
  return {
    headers: Object.fromEntries(
      kept.map(([name, value]) => [name, name === 'set-cookie' ? cookies : name === 'allow' ? sorted(value) : value]),
    ),
    length,
    text,
  };
}

/** Frameworks take it from a set, whose order is random. */
function sorted(allow: unknown): readonly string[] {
  return String(allow).split(', ').sort();
}
