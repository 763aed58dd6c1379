// What a server says while it starts: what is served where, nothing when it is to be quiet, and what takes long.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { request } from '../helpers/uwsgi-client.js';
import { Folder } from './daemon-helpers.js';
import { APPS, disposable, startApp, TWINS, until } from './threads-client.js';

const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');

for (const twin of TWINS) {
  test(`the start-up log tells what is served where, by how many, and where requests are logged, ${twin.name}`, async () => {
    await using server = await startApp(twin, ['--processes', '2', '--max-requests', '5']);
    const [uwsgi, http] = server.addresses;
    const at = `uwsgi ${uwsgi?.address} (${uwsgi?.engine}), http://${http?.address}/ (${http?.engine})`;
    const log = server.log();
    assert.ok(log.includes(`\nserving threads:application from ${APPS} at ${at}\n`), log);
    assert.match(log, /^by 2 workers on \d+ CPUs; requests are logged to standard error$/m);
    assert.match(log, /^Warning: each worker is replaced after 5 requests \(max-requests\)/m);
    assert.equal(await server.stop(), 0);
  });

  test(`with quiet a start says only what is wrong, ${twin.name}`, async () => {
    using folder = new Folder();
    const socket = folder.file('app.sock');
    const observers = ['--stats', '127.0.0.1:0', '--metrics', '127.0.0.1:0'];
    const application = ['--chdir', APPS, '--module', 'threads:application', '--socket', socket, ...twin.args];
    const args = [...application, ...observers, '--quiet'];
    const child = spawn(process.execPath, [CLI, ...args, '--max-requests', '5'], {
      env: { ...process.env, ...twin.env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    try {
      // The file is there before anybody listens.
      const ask = () => request({ path: socket }, { uri: '/peak' });
      await until('an answer', () =>
        ask().then(
          ({ status }) => status === 200,
          () => false,
        ),
      );
      await until('the request line', () => log.includes('generated'));
    } finally {
      child.kill('SIGTERM');
      await once(child, 'close');
    }
    const lines = log.split('\n').filter((line) => !/^\*\*\* WARNING: you are running fastwsgi-ts as root/.test(line));
    assert.match(
      lines.join('\n'),
      /^(.* cannot serve here: .*\n)*Warning: each worker is replaced .*\n\[pid: .* GET \/peak => .*\nSIGTERM: goodbye to fastwsgi-ts\n$/,
    );
  });

  test(`an application that takes long to load is named while it does, ${twin.name}`, async () => {
    using folder = new Folder();
    const [ready, started] = [folder.file('ready'), folder.file('started')];
    const args = ['--chdir', APPS, '--module', 'slow-start:application', '--http', '127.0.0.1:0', ...twin.args];
    const log = folder.file('log');
    const starting = disposable({
      args: [...args, '--logto', log],
      env: { ...twin.env, READY: ready, STARTED: started },
      logFile: log,
    });
    await until(
      'the line',
      () =>
        existsSync(log) && /^worker 1 is still loading slow-start:application, \d+ s so far$/m.test(folder.read('log')),
    );
    writeFileSync(ready, '');
    await using server = await starting;
    assert.equal(await server.stop(), 0);
  });
}
