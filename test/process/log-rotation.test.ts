// The log of a server under load: rotated by size and renamed from outside; and one that moves to another file.
import assert from 'node:assert/strict';
import { linkSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { request } from '../helpers/uwsgi-client.js';
import { Folder } from './daemon-helpers.js';
import { ask, startApp, TWINS, until } from './threads-client.js';

/** Renames the log as logrotate does. False: in the moment of a rotation there is no file of that name. */
function hasRenamed(log: string, to: string): boolean {
  try {
    renameSync(log, to);
    return true;
  } catch {
    return false;
  }
}

for (const twin of TWINS) {
  test(`under load each request is one line, whatever is renamed meanwhile, ${twin.name}`, async () => {
    using folder = new Folder();
    const log = folder.file('app.log');
    const logFile = folder.file('first');
    writeFileSync(log, '');
    linkSync(log, logFile);
    const touch = folder.file('touch');
    const args = ['--processes', '2', '--logto', log, '--log-maxsize', '30000', '--touch-logreopen', touch];
    await using server = await startApp(twin, args, { logFile });
    const bySize = () => readdirSync(folder.path).filter((name) => /^app\.log\.\d+$/.test(name)).length;
    let sent = 0;
    let isOver = false;
    const load = async () => {
      while (!isOver) {
        const i = sent++;
        const answer = await ask(server, i % 2 === 0 ? 'http' : 'uwsgi', `/?n=${i}.`);
        assert.equal(answer.status, 200);
      }
    };
    const scenario = async () => {
      await until('a rotation', () => bySize() >= 1);
      await until('a log to rename', () => hasRenamed(log, folder.file('app.log.outside')));
      writeFileSync(touch, '');
      const before = bySize();
      await until('one more rotation', () => bySize() > before);
    };
    const end = () => {
      isOver = true;
    };
    await Promise.all([scenario().finally(end), ...Array.from({ length: 8 }, load)]);
    assert.equal(await server.stop(), 0);
    const files = readdirSync(folder.path).filter((name) => name.startsWith('app.log'));
    const text = files.map((name) => readFileSync(join(folder.path, name), 'utf8')).join('');
    const lines = text.split('\n').filter((line) => line.includes('/?n='));
    const seen = lines.map((line) => {
      const whole = /^\[pid: \d+\|app: 0\|req: .* GET \/\?n=(\d+)\. => generated .* \(1 switches on core \d+\)$/.exec(
        line,
      );
      assert.ok(whole, `torn: ${line}`);
      return Number(whole[1]);
    });
    assert.deepEqual(
      seen.sort((a, b) => a - b),
      Array.from({ length: sent }, (_, i) => i),
    );
  });
}

test('logto2 takes the log over once the privileges are what they stay, for every thread', async () => {
  using folder = new Folder();
  const [first, second, socket] = [folder.file('first.log'), folder.file('second.log'), folder.file('uwsgi.sock')];
  const args = ['--processes', '2', '--logto', first, '--logto2', second, '--socket', socket];
  await using server = await startApp(TWINS[0] ?? assert.fail(), args, { logFile: second });
  for (let i = 0; i < 10; i++) assert.equal((await request({ path: socket }, { uri: '/' })).status, 200);
  assert.equal(await server.stop(), 0);
  assert.match(readFileSync(first, 'utf8'), /^\*\*\* Starting fastwsgi-ts(.|\n)*socket bound to/);
  assert.doesNotMatch(readFileSync(first, 'utf8'), /GET \//);
  assert.equal(readFileSync(second, 'utf8').match(/^\[pid: .* GET \/ => generated/gm)?.length, 10);
});
