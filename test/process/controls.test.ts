// What a running server is told by files and by its FIFO.
import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { Folder } from './daemon-helpers.js';
import { ask, countInLog, Signs, startApp, TWINS, until } from './threads-client.js';

function touch(file: string): void {
  writeFileSync(file, '', { flag: 'a' });
  const later = new Date(statSync(file).mtimeMs + 10_000);
  utimesSync(file, later, later);
}

for (const twin of TWINS) {
  test(`touch-reload and touch-chain-reload load the new code, ${twin.name}`, async () => {
    using signs = new Signs();
    signs.give('version', '1');
    signs.give('all');
    const files = ['--touch-reload', signs.path('all'), '--touch-chain-reload', signs.path('chain')];
    const args = ['--module', 'versioned:application', '--processes', '2', ...files];
    await using server = await startApp(twin, args, { env: { VERSION_FILE: signs.path('version') } });
    let version = 1;
    for (const name of ['all', 'chain']) {
      const from = server.log().length;
      signs.give('version', String(++version));
      // The second does not exist before: its appearance is a touch.
      touch(signs.path(name));
      await server.waitForLog(/^\*\*\* \S+ has been touched\.\.\. \*\*\*$/m, { from });
      await server.waitForLog(/^\*\*\* reload done/m, { from });
      for (let i = 0; i < 4; i++) assert.equal((await ask(server, 'http', '/?x')).body, `x ${version}`);
    }
    assert.equal(await server.stop(), 0);
  });

  test(`the master FIFO takes uWSGI’s commands, ${twin.name}`, async () => {
    using folder = new Folder();
    using signs = new Signs();
    signs.give('version', '1');
    const fifo = folder.file('fifo');
    const args = ['--module', 'versioned:application', '--processes', '3', '--master-fifo', fifo];
    const start = { env: { VERSION_FILE: signs.path('version') } };
    await using server = await startApp(twin, args, start);
    assert.equal(statSync(fifo).mode & 0o777, 0o600);
    const command = async (letter: string, answer: RegExp) => {
      const from = server.log().length;
      writeFileSync(fifo, letter);
      await server.waitForLog(answer, { from });
    };
    await command('s', /^all workers: \d+ requests/m);
    for (const letter of ['r', 'c', 'R']) await command(letter, /^\*\*\* reload done/m);
    await command('-', /^worker 3 is not needed now/m);
    await command('+', /^Respawned uWSGI worker 3/m);
    await command('p', /^\*\*\* paused/m);
    await command('p', /^\*\*\* resumed/m);
    await command('?!\n', /^master fifo: no such command: "\?!"$/m);
    assert.equal((await ask(server, 'uwsgi', '/?x')).status, 200);
    assert.equal(countInLog(server, /DAMN|NO MERCY/), 0);
    writeFileSync(fifo, 'q');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.equal(existsSync(fifo), false);
  });

  test(`the log is opened again and rotated without losing a line, ${twin.name}`, async () => {
    using folder = new Folder();
    const log = folder.file('app.log');
    const fifo = folder.file('fifo');
    // What is logged at the start stays in sight under another name.
    const logFile = folder.file('first');
    writeFileSync(log, '');
    linkSync(log, logFile);
    const args = ['--processes', '2', '--logto', log, '--touch-logreopen', folder.file('touch'), '--master-fifo', fifo];
    await using server = await startApp(twin, args, { logFile });
    const askTen = async () => {
      for (let i = 0; i < 10; i++) assert.equal((await ask(server, i % 2 === 0 ? 'http' : 'uwsgi', '/')).status, 200);
    };
    await askTen();
    renameSync(log, folder.file('renamed'));
    await askTen();
    touch(folder.file('touch'));
    await until('a new file', () => existsSync(log));
    await askTen();
    writeFileSync(fifo, 'L');
    const rotated = /rotated to (\S+)$/m;
    const hasRotated = () => {
      try {
        return rotated.test(readFileSync(log, 'utf8'));
      } catch {
        // Between the rename and the new file there is none.
        return false;
      }
    };
    await until('a rotation', hasRotated);
    await askTen();
    const [, backup = ''] = rotated.exec(readFileSync(log, 'utf8')) ?? [];
    assert.equal(await server.stop(), 0);
    const all = ['renamed', 'app.log'].map((name) => folder.read(name)).join('') + readFileSync(backup, 'utf8');
    assert.equal(all.match(/^\[pid: .* GET \/ => generated \d+ bytes/gm)?.length, 40);
  });
}

test('a full disk costs log lines, and no request; standard error says so', async () => {
  using folder = new Folder();
  const log = folder.file('app.log');
  const logFile = folder.file('first');
  writeFileSync(log, '');
  linkSync(log, logFile);
  const args = ['--processes', '2', '--logto', log, '--touch-logreopen', folder.file('touch')];
  await using server = await startApp(TWINS[0] ?? assert.fail(), args, { logFile });
  unlinkSync(log);
  symlinkSync('/dev/full', log);
  touch(folder.file('touch'));
  await server.waitForLog(/^Cannot write the log \S+app\.log: no space left on device$/m);
  for (let i = 0; i < 20; i++) assert.equal((await ask(server, i % 2 === 0 ? 'http' : 'uwsgi', '/')).status, 200);
  // There is room again.
  unlinkSync(log);
  touch(folder.file('touch'));
  await until('what had waited is written', () => existsSync(log) && folder.read('app.log').includes('GET / =>'));
  assert.equal(await server.stop(), 0);
});
