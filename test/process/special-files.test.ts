// Where a file is expected and something else is: it is named, and nobody waits for it. What a shell passes (a pipe) is read.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { makeCertificate } from '../helpers/certificate.js';
import { runCli } from '../helpers/server.js';
import { application, Folder, who } from './daemon-helpers.js';
import { CLI, Start } from './raw-start.js';
import { countInLog, disposable, TWINS, until } from './threads-client.js';

const ini = (version: number) => `[uwsgi]\nenv = VERSION=${version}\n`;

/** What may have the name of a file. */
const KINDS: Readonly<Record<string, { readonly make: (path: string) => unknown; readonly why: RegExp }>> = {
  FIFO: { make: (path) => execFileSync('mkfifo', [path]), why: /it is a FIFO, and a file is wanted/ },
  directory: { make: (path) => mkdirSync(path), why: /it is a directory/ },
  socket: {
    make: (path) => new Promise<void>((resolve) => createServer().unref().listen(path, resolve)),
    why: /it is a socket, and a file is wanted/,
  },
  device: { make: (path) => symlinkSync('/dev/zero', path), why: /it has more than \d+ bytes/ },
};

for (const twin of TWINS) {
  for (const master of [[], ['--master']]) {
    const place = `${twin.name}${master.length > 0 ? ', under the guard' : ''}`;

    test(`a reload that finds no file where the configuration was, or a part of it, names it and changes nothing, ${place}`, async () => {
      using folder = new Folder();
      const file = folder.file('app.ini');
      writeFileSync(file, `${ini(1)}ini = part.ini\nenv = SECRET=@(${folder.file('secret')})\n`);
      for (const part of ['part.ini', 'secret'])
        writeFileSync(folder.file(part), part === 'secret' ? 'x' : '[uwsgi]\n');
      const args = [...application(twin, 0, master), '-c', file];
      await using server = await disposable({ args, env: twin.env });
      let failed = 0;
      for (const part of ['secret', 'part.ini', 'app.ini']) {
        for (const [kind, { make, why }] of Object.entries(KINDS)) {
          rmSync(folder.file(part), { recursive: true });
          await make(folder.file(part));
          const from = server.log().length;
          server.kill('SIGHUP');
          failed++;
          await until('it fails', () => countInLog(server, /RELOAD FAILED/) === failed);
          assert.match(server.log().slice(from), why, `${part} is a ${kind}`);
          assert.match(server.log().slice(from), new RegExp(`Cannot read .*${part.replace('.', '\\.')}`));
          assert.equal((await who(server.http())).env.VERSION, '1');
        }
      }
      rmSync(file);
      writeFileSync(file, ini(2));
      server.kill('SIGHUP');
      await server.waitForLog(/^\*\*\* reload done/m);
      assert.equal((await who(server.http())).env.VERSION, '2');
      rmSync(file);
      execFileSync('mkfifo', [file]);
      server.kill('SIGHUP');
      assert.equal(await server.stop(), 0);
    });
  }

  test(`a configuration that comes through a pipe is read at the start, and kept for reloads, ${twin.name}`, async () => {
    using folder = new Folder();
    writeFileSync(folder.file('app.ini'), ini(1));
    const rest = application(twin, 0).join(' ');
    const node = `exec ${process.execPath} ${CLI} ${rest}`;
    for (const [script, from] of [
      [`${node} -c <(cat app.ini)`, '/dev/fd/63'],
      [`${node} -c /dev/stdin < <(sleep 0.3; cat app.ini)`, '/dev/stdin'],
      [`${node} --ini - < <(cat app.ini)`, '/dev/stdin'],
      [`${node} --ini - < app.ini`, '/dev/stdin'],
    ] as const) {
      await using start = new Start(['-c', script], twin.env, 'bash', folder.path);
      await start.logged(/^\*\*\* fastwsgi-ts is running/m);
      const [, port] = /^http socket bound to 127\.0\.0\.1:(\d+)/m.exec(start.log) ?? [];
      const http = { host: '127.0.0.1', port: Number(port) };
      const { pid, env } = await who(http);
      assert.equal(env.VERSION, '1', script);
      process.kill(pid, 'SIGHUP');
      await start.logged(/^\*\*\* reload done/m);
      assert.equal((await who(http)).env.VERSION, '1', script);
      process.kill(pid, 'SIGTERM');
      assert.deepEqual(await start.ended, [0, null], start.log);

      for (const option of ['--master', `--daemonize ${folder.file('log')}`]) {
        const checked = new Start(['-c', script.replace(rest, `${rest} --check ${option}`)], {}, 'bash', folder.path);
        assert.deepEqual(await checked.ended, [1, null], checked.log);
        await using refused = new Start(['-c', script.replace(rest, `${rest} ${option}`)], {}, 'bash', folder.path);
        assert.deepEqual(await refused.ended, [1, null]);
        assert.ok(refused.log.includes(`cannot read its configuration from ${from}: use a file\n`), refused.log);
      }
    }
  });

  test(`a file that is touched may be anything, ${twin.name}`, async () => {
    using folder = new Folder();
    const fifo = folder.file('touch');
    execFileSync('mkfifo', [fifo]);
    const args = application(twin, 0, ['--touch-reload', fifo]);
    await using server = await disposable({ args, env: twin.env });
    const later = new Date(Date.now() + 10_000);
    utimesSync(fifo, later, later);
    await server.waitForLog(/^\*\*\* reload done/m);
    assert.equal(await server.stop(), 0);
  });

  test(`a certificate that has become a FIFO leaves the old one in its place, ${twin.name}`, async () => {
    using folder = new Folder();
    const { certificate, key } = makeCertificate('localhost');
    writeFileSync(folder.file('cert.pem'), certificate);
    writeFileSync(folder.file('key.pem'), key);
    const https = `127.0.0.1:0,${folder.file('cert.pem')},${folder.file('key.pem')}`;
    await using server = await disposable({ args: application(twin, 0, ['--https', https]), env: twin.env });
    rmSync(folder.file('key.pem'));
    execFileSync('mkfifo', [folder.file('key.pem')]);
    server.kill('SIGHUP');
    await server.waitForLog(/keeps its old certificate: Cannot read \S+key\.pem: it is a FIFO/);
    await server.waitForLog(/^\*\*\* reload done/m);
    assert.equal(await server.stop(), 0);
  });
}

test('a start that finds a FIFO where a file is wanted says so, and ends', async () => {
  using folder = new Folder();
  const fifo = folder.file('fifo');
  execFileSync('mkfifo', [fifo]);
  writeFileSync(folder.file('read.ini'), `[uwsgi]\nfor-readline = ${fifo}\nendfor =\n`);
  writeFileSync(folder.file('include.ini'), '[uwsgi]\nini = fifo\n');
  writeFileSync(folder.file('cert.pem'), makeCertificate('localhost').certificate);
  const rest = application({ name: '', args: [], env: {} }, 0);
  const certificate = `127.0.0.1:0,${folder.file('cert.pem')},${fifo}`;
  for (const args of [
    ['-c', fifo],
    ['-c', folder.file('include.ini')],
    ['-c', folder.file('read.ini')],
    ['--env', `A=@(${fifo})`],
    ['--mimefile', fifo, '--static-map', `/=${folder.path}`],
    ['--https', certificate],
    ['--https', certificate, '--master'],
  ]) {
    const { code, output } = await runCli({ args: [...rest, ...args] });
    assert.equal(code, 1, output);
    assert.match(output, /it is a FIFO, and a file is wanted/, args.join(' '));
  }
});
