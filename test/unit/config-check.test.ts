// --check: what the configuration names is looked at, and nothing is started.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { checkConfiguration } from '../../dist/config/check.js';
import { errorOf, loadLines, makeFolder, writeFiles } from './config-fixture.js';

const folder = makeFolder();
writeFiles(folder, {
  'srv/empty/x': '',
  'srv/pkg/web.js': '',
  'srv/tool/index.js': '',
  'srv/main.py': '',
  'srv/plain': '',
  'srv/lib/inner.py': '',
});
const GOOD = ['http = :0', 'chdir = srv', 'module = pkg.web'];

test('a configuration whose files, folders and accounts are there passes, and nothing is made', () => {
  const before = readdirSync(folder);
  const lines = [
    ...GOOD,
    'socket = new.sock',
    'socket = :0',
    'uid = root',
    'gid = 0',
    'chown-socket = root:root',
    'pidfile = srv/app.pid',
    'logto = srv/app.log',
    'static-map = /s=pkg',
    'static-map = /page=plain',
    'check-static = .',
    'static-fallback = /=plain',
  ].filter((line) => process.getuid?.() === 0 || !line.startsWith('uid'));
  checkConfiguration(loadLines(lines, folder));
  assert.deepEqual(readdirSync(folder).sort(), [...new Set([...before, 'app.ini'])].sort());
});

test('a module may be a folder or a Python file, and a file may be named by its path', () => {
  checkConfiguration(loadLines(['http = :0', 'chdir = srv', 'module = tool:app'], folder));
  checkConfiguration(loadLines(['http = :0', 'chdir = srv', 'module = main'], folder));
  checkConfiguration(loadLines(['http = :0', 'chdir = srv', 'wsgi-file = main.py'], folder));
  checkConfiguration(loadLines(['http = :0', 'pythonpath = srv', 'module = main'], folder));
  checkConfiguration(loadLines(['http = :0', 'chdir = srv', 'pythonpath = lib', 'module = inner'], folder));
});

const WRONG: readonly (readonly [readonly string[], RegExp])[] = [
  [['module = pkg.web', 'chdir = srv'], /^No socket in the configuration: set socket or http$/],
  [['http = :0'], /^No application in the configuration: set module or wsgi-file$/],
  [['http = :0', 'chdir = srv', 'module = empty'], /"module" failed .* nor a package's folder of that name/],
  [['http = :0', 'module = none.web'], /^Check of option "module" failed at app\.ini:3:10: neither none\/web\{\.js,/],
  [['http = :0', 'wsgi-file = none.py'], /"wsgi-file" failed at app\.ini:3:13: the file \S+none\.py does not exist/],
  [[...GOOD, 'chdir = none'], /"chdir" failed at app\.ini:5:9: the directory \S+none does not exist/],
  [[...GOOD, 'socket = none/app.sock'], /"socket" failed at app\.ini:5:10: the directory \S+none does not exist/],
  [[...GOOD, 'socket = plain'], /"socket" failed .*plain exists and is no socket/],
  [[...GOOD, 'http = :8000', 'http = 8000'], /"http" failed .*0\.0\.0\.0:8000 is used twice/],
  [[...GOOD, 'uid = no-such-user-here'], /"uid" failed at app\.ini:5:7: there is no user "no-such-user-here"/],
  [[...GOOD, 'gid = no-such-group-here'], /"gid" failed .*there is no group "no-such-group-here"/],
  [[...GOOD, 'chown-socket = root:no-such-group-here'], /"chown-socket" failed .*"no-such-group-here"/],
  [[...GOOD, 'pidfile = none/app.pid'], /"pidfile" failed .*does not exist/],
  [[...GOOD, 'static-map = /s=srv'], /"static-map" failed at app\.ini:5:14: the directory \S+srv\/srv does not exist/],
  [[...GOOD, 'static-fallback = /=none.html'], /"static-fallback" failed .*none\.html does not exist/],
  [[...GOOD, 'mimefile = none'], /"mimefile" failed .*none does not exist/],
  // uWSGI opens what comes after chdir in that folder, the rest where it was called.
  [[...GOOD, 'home = srv'], /"home" failed .*srv\/srv does not exist/],
  [[...GOOD, 'pidfile2 = srv/pid'], /"pidfile2" failed .*srv\/srv does not exist/],
  [[...GOOD, 'master-fifo = none/fifo'], /"master-fifo" failed .*none does not exist/],
  [[...GOOD, 'home = none'], /"home" failed .*does not exist/],
];

for (const [lines, message] of WRONG) {
  test(`finds what is wrong with ${lines.at(-1)}`, () => {
    assert.match(errorOf(() => checkConfiguration(loadLines(lines, folder))).message, message);
  });
}

test('everything wrong is told at once', () => {
  const lines = ['socket = none/a.sock', 'module = none', 'chdir = no-dir', 'pidfile = none/a.pid'];
  const { message } = errorOf(() => checkConfiguration(loadLines(lines, folder)));
  assert.deepEqual(message.match(/(?<=app\.ini:)\d+/g), ['2', '3', '4', '5']);
  assert.ok(message.includes(path.join(folder, 'no-dir')));
});

test('a user or group that the process already is may be named by anybody', () => {
  const [user, group] = [process.getuid?.(), process.getgid?.()];
  checkConfiguration(
    loadLines([...GOOD, `uid = ${user}`, `gid = ${group}`, `chown-socket = ${userInfo().username}`], folder),
  );
});

test('a low port is only for who may have it', () => {
  const nobody = 65_534;
  const script = `
    import { checkConfiguration } from ${JSON.stringify(import.meta.resolve('../../dist/config/check.js'))};
    import { parseCommandLine } from ${JSON.stringify(import.meta.resolve('../../dist/config/command-line.js'))};
    if (process.getuid() === 0) { process.setgid(${nobody}); process.setuid(${nobody}); }
    const { configuration } = parseCommandLine(['--http', ':80', '--http', ':8000', '-w', 'os'], {}, '/');
    try { checkConfiguration(configuration); } catch (error) { console.log(error.message); }`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  const first = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  const told = stdout.match(/"http" failed on the command line: only root may listen on port (\d+)/)?.[1];
  assert.equal(told, first > 80 ? '80' : undefined, stdout + stderr);
});
