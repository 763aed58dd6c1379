// --check on what makes the process: users and groups, and what excludes what.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountOf, socketOwner } from '../../dist/config/accounts.js';
import { checkConfiguration } from '../../dist/config/check.js';
import { parseCommandLine } from '../../dist/config/command-line.js';
import { parsePid } from '../../dist/system/pidfile.js';
import { APPS } from '../process/threads-client.js';

function check(...args: string[]): string {
  const all = ['--chdir', APPS, '--module', 'threads:application', '--http', '127.0.0.1:0', ...args];
  const command = parseCommandLine(all, {}, process.cwd());
  assert.ok('configuration' in command);
  try {
    checkConfiguration(command.configuration);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test('the guard and uWebSockets.js exclude each other', () => {
  assert.equal(check('--master'), '');
  assert.equal(check('--http-engine', 'uws'), '');
  assert.match(check('--master', '--http-engine', 'uws'), /"http-engine" failed.*the guard/);
});

test('users and groups that do not exist are found', () => {
  assert.match(check('--uid', 'no-such-user'), /"uid" failed.*there is no user "no-such-user"/);
  assert.match(check('--gid', 'no-such-group'), /"gid" failed.*there is no group "no-such-group"/);
  assert.match(check('--chown-socket', '0:no-such-group'), /"chown-socket" failed.*there is no group "no-such-group"/);
  assert.match(
    check('--uid', '64123'),
    process.getuid?.() === 0 ? /no user has the id 64123, so set gid too/ : /non-root/,
  );
});

test('a folder of a pidfile or of the log of a daemon that does not exist is found', () => {
  for (const option of ['pidfile', 'pidfile2', 'safe-pidfile', 'daemonize', 'daemonize2']) {
    assert.match(check(`--${option}`, '/nowhere/file'), new RegExp(`"${option}" failed.*/nowhere does not exist`));
  }
});

test('numbers are ids also where nobody has them', () => {
  assert.deepEqual(socketOwner('64123:64124'), { uid: 64123, gid: 64124 });
  assert.deepEqual(socketOwner('64123'), { uid: 64123, gid: undefined });
  assert.equal(accountOf({ uid: undefined, gid: undefined }), undefined);
});

test('a process id is a positive number with nothing around it but white space', () => {
  assert.deepEqual(['12\n', ' 12 ', '12'].map(parsePid), [12, 12, 12]);
  const others = ['', '\n', '0', '-1', '1 2', '0x10', '12a', '1.5', '4294967296', '99999999999'];
  for (const text of others) assert.equal(parsePid(text), undefined, text);
});
