// daemonize: the command returns when the server is ready, or has failed, and says which.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { freePort } from '../helpers/ports.js';
import { runCli } from '../helpers/server.js';
import { application, Folder, isAlive, isGone, who } from './daemon-helpers.js';
import { APPS, TWINS, type Twin, until } from './threads-client.js';

const TWIN: Twin = TWINS[0] ?? assert.fail();

/** The process a pidfile names does not outlive the test. */
function ended(folder: Folder, name = 'pid'): Disposable {
  return {
    [Symbol.dispose]: () => {
      if (existsSync(folder.file(name)) && isAlive(folder.pid(name))) process.kill(folder.pid(name), 'SIGKILL');
    },
  };
}

/** The session of a process: proc_pid_stat(5), the sixth field. */
function sessionOf(pid: number): number {
  return Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')[3],
  );
}

for (const twin of TWINS) {
  for (const master of [[], ['--master']]) {
    const name = `${twin.name}${master.length > 0 ? ', with the guard' : ''}`;
    test(`daemonize returns when the server serves, and the server needs nobody, ${name}`, async () => {
      using folder = new Folder();
      using _end = ended(folder);
      const port = await freePort();
      const options = ['--daemonize', folder.file('log'), '--pidfile', folder.file('pid'), '--vacuum', ...master];
      const { code, output } = await runCli({ args: application(twin, port, options), env: twin.env });
      assert.deepEqual([code, output], [0, '']);
      const answer = await who({ host: '127.0.0.1', port });
      const pid = folder.pid('pid');
      assert.equal(master.length > 0 ? answer.ppid : answer.pid, pid);
      assert.deepEqual(
        Object.keys(answer.env).filter((variable) => /^(FASTWSGI_(PARENT|SOCKETS)|NODE_CHANNEL)/.test(variable)),
        [],
      );
      assert.equal(sessionOf(pid), pid, 'a session of its own');
      assert.equal(readlinkSync(`/proc/${pid}/fd/0`), '/dev/null');
      for (const fd of [1, 2]) assert.equal(readlinkSync(`/proc/${pid}/fd/${fd}`), folder.file('log'));
      assert.match(folder.read('log'), /^\*\*\* fastwsgi-ts is running/m);
      assert.equal((await runCli({ args: ['--stop', folder.file('pid')] })).code, 0);
      await isGone(pid);
      assert.match(folder.read('log'), /^SIGINT: goodbye/m);
      assert.ok(!existsSync(folder.file('pid')));
    });
  }
}

test('daemonize ends with the status of a server that failed, and shows why', async () => {
  using folder = new Folder();
  writeFileSync(folder.file('log'), 'of yesterday\n');
  for (const master of [[], ['--master']]) {
    for (const [options, status, pattern] of [
      [['--pidfile', '/nowhere/pid'], 1, /^Cannot use pidfile \/nowhere\/pid/m],
      [['--module', 'missing:application', '--need-app'], 22, /GAME OVER/],
      [['--chdir', '/nowhere'], 1, /^Cannot change to the directory \/nowhere/m],
    ] as const) {
      const args = application(TWIN, 0, ['--daemonize2', folder.file('log'), ...master, ...options]);
      const { code, output } = await runCli({ args });
      assert.equal(code, status, output);
      assert.match(output, pattern);
      assert.doesNotMatch(output, /yesterday/);
      assert.match(folder.read('log'), pattern);
    }
  }
});

test('daemonize into a file that cannot be written is an error', async () => {
  using folder = new Folder();
  mkdirSync(folder.file('directory'));
  for (const [file, why] of [
    ['/nowhere/log', 'no such file or directory'],
    [folder.file('directory'), 'illegal operation on a directory'],
  ] as const) {
    const { code, output } = await runCli({ args: application(TWIN, 0, ['--daemonize', file]) });
    assert.deepEqual([code, output], [1, `Cannot open the log ${file}: ${why}\n`]);
  }
});

test('daemonize2 shows in the terminal what is logged until the server is ready', async () => {
  using folder = new Folder();
  using _end = ended(folder);
  const options = ['--daemonize2', folder.file('log'), '--pidfile', folder.file('pid')];
  const { code, output } = await runCli({ args: application(TWIN, 0, options) });
  assert.equal(code, 0, output);
  assert.match(output, /^\*\*\* fastwsgi-ts is running/m);
  const pid = folder.pid('pid');
  process.kill(pid, 'SIGTERM');
  await isGone(pid);
});

test('a daemon that is told to stop while it starts leaves a command that failed, and no process', async () => {
  using folder = new Folder();
  using _end = ended(folder);
  const args = ['--chdir', APPS, '--module', 'slow-start:application', '--http', '127.0.0.1:0'];
  args.push('--daemonize', folder.file('log'), '--pidfile', folder.file('pid'));
  const env = { READY: folder.file('never'), STARTED: folder.file('started') };
  const running = runCli({ args, env });
  await until('it loads', () => existsSync(folder.file('started')));
  const pid = folder.pid('pid');
  process.kill(pid, 'SIGTERM');
  const { code, output } = await running;
  await isGone(pid);
  assert.equal(code, 1);
  assert.match(output, /^The server has ended before it was ready$/m);
});
