// What --show-config and --check print, and where: the command itself is run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { makeFolder, writeFiles } from './config-fixture.js';

const folder = makeFolder();
const CLI = path.join(import.meta.dirname, '../../dist/cli.js');
writeFiles(folder, {
  'app.js': '',
  'app.ini': '[uwsgi]\nhttp = 127.0.0.1:0\nmodule = app\nproceses = 2\n',
  'top.ini': 'http = 127.0.0.1:0\nmodule = app\n',
  'wrong.ini': '[uwsgi]\nharakiri = x\n',
});

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: {},
  });
  return { status, stdout, stderr };
}

const WARNING = 'Unknown option "proceses" at app.ini:4:12 is taken for a placeholder; did you mean "processes"?\n';

test('--show-config prints a file that can be read again, and warnings beside it', () => {
  assert.deepEqual(run('--show-config', 'app.ini'), {
    status: 0,
    stdout: '[uwsgi]\nhttp = 127.0.0.1:0\nmodule = app\nproceses = 2\n',
    stderr: WARNING,
  });
});

test('--check ends with 0 where everything is there, and says what a start would say', () => {
  assert.deepEqual(run('--check', 'app.ini'), { status: 0, stdout: 'The configuration is valid\n', stderr: WARNING });
});

test('--check ends with 1 and says why nothing was read', () => {
  const { status, stdout, stderr } = run('--check', 'top.ini');
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^Line at top\.ini:1:1 stands before the first \[section\] and is not read$/m);
  assert.match(stderr, /^No section .*write \[uwsgi\] above its first line$/m);
  assert.match(stderr, /^No application .*\nNo socket /m);
});

test('an error of the file ends each of them with 1', () => {
  for (const command of ['--check', '--show-config']) {
    const { status, stdout, stderr } = run(command, 'wrong.ini');
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^Cannot parse option "harakiri" at wrong\.ini:2:12: .*\n {4}harakiri = x\n {15}\^\n$/);
  }
});
