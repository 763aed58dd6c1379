// config/nginx.conf and config/uwsgi.ini as they stand: valid, and together they serve. Only the ports are changed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { send } from '../helpers/http-stream.js';
import { nginxMissing, runNginx, temporaryPaths, userDirective } from '../helpers/nginx.js';
import { freePort } from '../helpers/ports.js';
import { startServer } from '../helpers/server.js';

const CONFIG = join(import.meta.dirname, '..', '..', 'config');
const skip = nginxMissing();

test('config/nginx.conf is valid', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-config-'));
  try {
    cpSync(CONFIG, folder, { recursive: true });
    // Even a test of the configuration leaves the pid file.
    edit(join(folder, 'nginx.conf'), [['/tmp/fastwsgi-nginx.pid', join(folder, 'nginx.pid')]]);
    const { status, stderr } = spawnSync('nginx', ['-t', '-p', folder, '-c', 'nginx.conf'], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /test is successful/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('config/nginx.conf in front of config/uwsgi.ini serves static files and /aaa/bbb', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-config-'));
  cpSync(CONFIG, folder, { recursive: true });
  edit(join(folder, 'uwsgi.ini'), [
    ['127.0.0.1:9999', '127.0.0.1:0'],
    ['127.0.0.1:8000', '127.0.0.1:0'],
  ]);
  const server = await startServer({ args: ['-c', join(folder, 'uwsgi.ini')] });
  t.after(() => server.kill('SIGKILL'));
  const uwsgi = server.uwsgi() as { port: number };
  const port = await freePort();
  edit(join(folder, 'nginx.conf'), [
    ['127.0.0.1:9999', `127.0.0.1:${uwsgi.port}`],
    ['127.0.0.1:8080', `127.0.0.1:${port}`],
    ['/tmp/fastwsgi-nginx.pid', join(folder, 'nginx.pid')],
    ['worker_processes auto;', `worker_processes 1; daemon off; ${userDirective()}`],
    ['access_log off;', `access_log off; ${temporaryPaths(folder)}`],
  ]);
  const nginx = await runNginx(folder, ['-p', folder, '-c', 'nginx.conf'], { http: port });
  t.after(() => nginx.stop());

  const index = await send({ socket: port, path: '/' });
  assert.equal(index.status, 200);
  assert.equal(index.headers['content-type'], 'text/html');
  assert.ok(index.body.equals(readFileSync(join(CONFIG, 'html', 'index.html'))));

  assert.equal((await send({ socket: port, path: '/aaa/bbb' })).body.toString(), 'Hello, world\n');
  const environ = JSON.parse((await send({ socket: port, path: '/aaa/bbb/environ?x=1' })).body.toString());
  assert.equal(environ.PATH_INFO, '/aaa/bbb/environ');
  assert.equal(environ.QUERY_STRING, 'x=1');
  assert.equal(environ.REMOTE_ADDR, '127.0.0.1');
  const echo = { socket: port, path: '/aaa/bbb/echo', method: 'POST', body: [Buffer.from('some text')] };
  assert.equal((await send(echo)).body.toString(), 'some text');
  const slow = await send({ socket: port, path: '/aaa/bbb/slow?ms=10' });
  assert.equal(slow.body.toString(), 'Waiting 10 ms…\nDone\n');
  assert.equal((await send({ socket: port, path: '/aaa/bbb/stream?bytes=200000' })).body.length, 200_000);
  assert.equal((await send({ socket: port, path: '/aaa/bbb/status/404' })).status, 404);

  assert.equal((await send({ socket: server.http().port, path: '/' })).body.toString(), 'Hello, world\n');
  assert.equal(await server.stop(), 0);
});

/** Replaces texts in a file; each has to be there. */
function edit(file: string, changes: readonly (readonly [string, string])[]): void {
  let text = readFileSync(file, 'utf8');
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), `${file} holds ${from}`);
    text = text.replace(from, to);
  }
  writeFileSync(file, text);
}
