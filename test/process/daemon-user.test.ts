// Starting as root and serving as somebody else: owners of sockets, pidfiles, logs and of what the application writes.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type RunningServer, runCli } from '../helpers/server.js';
import { application, Folder, NEEDS_ROOT, who } from './daemon-helpers.js';
import { disposable, TWINS, type Twin } from './threads-client.js';

const TWIN: Twin = TWINS[0] ?? assert.fail();
const skip = NEEDS_ROOT;
/** Ids that need no name. */
const UID = 64_123;
const GID = 64_124;

function owner(file: string): string {
  const { uid, gid, mode } = statSync(file);
  return `${uid}:${gid} ${(mode & 0o777).toString(8)}`;
}

async function assertDropped(server: RunningServer, folder: Folder): Promise<void> {
  const { uids, gids, groups } = await who(server.http(), `/?write=${folder.file('users/written')}`);
  assert.ok(uids.length > 4, 'there are threads');
  for (const each of uids) assert.equal(each, `${UID} ${UID} ${UID} ${UID}`);
  for (const each of gids) assert.equal(each, `${GID} ${GID} ${GID} ${GID}`);
  assert.deepEqual(groups, [GID]);
  assert.equal(owner(folder.file('users/written')), `${UID}:${GID} 644`);
}

for (const twin of TWINS) {
  for (const master of [[], ['--master']]) {
    const name = `${twin.name}${master.length > 0 ? ', under the guard' : ''}`;
    test(`uid and gid leave no thread to root, and files their owners, ${name}`, { skip }, async () => {
      using folder = new Folder();
      mkdirSync(folder.file('users'));
      chownSync(folder.file('users'), UID, GID);
      const options = ['--uid', String(UID), '--gid', String(GID), '--umask', '022', '--chmod-socket', '640'];
      options.push('--pidfile', folder.file('pid'), '--pidfile2', folder.file('users/pid2'), ...master);
      options.push('--socket', folder.file('app.sock'), '--chown-socket', `0:${GID}`, '--logto', folder.file('log'));
      const args = application(twin, 0, options);
      await using server = await disposable({ args, env: twin.env, logFile: folder.file('log') });
      await assertDropped(server, folder);
      assert.equal(owner(folder.file('app.sock')), `0:${GID} 640`);
      assert.equal(owner(folder.file('pid')), '0:0 644');
      assert.equal(owner(folder.file('users/pid2')), `${UID}:${GID} 644`);
      assert.equal(owner(folder.file('log')), `${UID}:${GID} 644`);
      for (const file of ['pid', 'users/pid2']) assert.equal(folder.pid(file), server.pid);
      assert.equal(await server.stop(), 0);
    });
  }
}

test('a server the guard starts again is as unprivileged as the first', { skip }, async () => {
  using folder = new Folder();
  mkdirSync(folder.file('users'));
  chownSync(folder.file('users'), UID, GID);
  const args = application(TWIN, 0, ['--master', '--uid', String(UID), '--gid', String(GID)]);
  await using server = await disposable({ args });
  process.kill((await who(server.http())).pid, 'SIGKILL');
  await assertDropped(server, folder);
  assert.equal(await server.stop(), 0);
});

test('a user by name brings its own group along', { skip }, async () => {
  await using server = await disposable({ args: application(TWIN, 0, ['--uid', 'nobody']) });
  const { uids, gids } = await who(server.http());
  for (const ids of [uids, gids]) for (const each of ids) assert.doesNotMatch(each, /\b0\b/);
  assert.equal(await server.stop(), 0);
});

test('a request with a body in a file is served after the drop', { skip }, async () => {
  await using server = await disposable({
    args: application(TWIN, 0, ['--uid', String(UID), '--gid', String(GID), '--post-buffering', '1']),
  });
  const { host, port } = server.http();
  const response = await fetch(`http://${host}:${port}/`, { method: 'POST', body: 'x'.repeat(300_000) });
  assert.equal(response.status, 200);
  await response.arrayBuffer();
  assert.equal(await server.stop(), 0);
});

test('a user or group that does not exist, and an id without a group, are errors', { skip }, async () => {
  using folder = new Folder();
  for (const [options, line] of [
    [['--uid', 'no-such-user'], 'Cannot use uid no-such-user: there is no user "no-such-user"'],
    [['--gid', 'no-such-group'], 'Cannot use gid no-such-group: there is no group "no-such-group"'],
    [['--uid', String(UID)], `Cannot use uid ${UID}: no user has this id, so set gid too`],
    [['--chown-socket', 'no-such-user'], 'Cannot use chown-socket no-such-user: there is no user "no-such-user"'],
    [['--chown-socket', '0:no-such-group'], 'Cannot use chown-socket no-such-group: there is no group "no-such-group"'],
  ] as const) {
    for (const master of [[], ['--master']]) {
      const args = application(TWIN, 0, [...options, ...master, '--pidfile', folder.file('pid')]);
      const { code, output } = await runCli({ args });
      assert.equal(code, 1, output);
      assert.ok(output.split('\n').includes(line), output);
    }
  }
});

test('a plain user cannot become somebody else, and may stay who he is', { skip }, async () => {
  using folder = new Folder();
  chmodSync(folder.path, 0o777);
  // The server itself is started by a plain user: the one that root becomes to run it.
  const become = `process.setgroups([${GID}]); process.setgid(${GID}); process.setuid(${UID});`;
  writeFileSync(folder.file('become.cjs'), `if (process.getuid() === 0) { ${become} }`);
  const nodeArgs = ['--require', folder.file('become.cjs')];
  for (const [options, line] of [
    [['--uid', '0'], 'cannot setuid() as non-root user'],
    [['--uid', 'nobody'], 'cannot setuid() as non-root user'],
    [['--gid', '0'], 'cannot setgid() as non-root user'],
  ] as const) {
    for (const master of [[], ['--master']]) {
      const { code, output } = await runCli({
        args: application(TWIN, 0, [...options, ...master]),
        nodeArgs,
        cwd: folder.path,
      });
      assert.equal(code, 1, output);
      assert.ok(output.split('\n').includes(line), output);
    }
  }
  const same = application(TWIN, 0, ['--uid', String(UID), '--gid', String(GID)]);
  await using server = await disposable({ args: same, nodeArgs, cwd: folder.path });
  assert.equal((await who(server.http())).uids[0], `${UID} ${UID} ${UID} ${UID}`);
  assert.equal(await server.stop(), 0);
});
