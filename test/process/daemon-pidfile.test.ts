// Pidfiles: who stands in them, who may take them over, and the commands that signal by them.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { runCli } from '../helpers/server.js';
import { application, Folder, isAlive } from './daemon-helpers.js';
import { disposable, TWINS, type Twin } from './threads-client.js';

const TWIN: Twin = TWINS[0] ?? assert.fail();
/** Above the largest process id Linux gives. */
const NO_PID = '4194999';

/** A process that is no server of ours. */
function stranger(): Stranger {
  return run(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
}

interface Stranger extends Disposable {
  readonly pid: number;
  isSignalled(): boolean;
}

function run(program: string, args: readonly string[]): Stranger {
  const child = spawn(program, args, { stdio: 'ignore' });
  return {
    pid: child.pid ?? 0,
    isSignalled: () => child.signalCode !== null || child.exitCode !== null,
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  };
}

test('every kind of pidfile holds the process id; vacuum removes them, and the safe one goes without it', async () => {
  using folder = new Folder();
  const names = ['pidfile', 'pidfile2', 'safe-pidfile'];
  const options = names.flatMap((name) => [`--${name}`, folder.file(name)]);
  await using server = await disposable({ args: application(TWIN, 0, options) });
  for (const name of names) assert.equal(folder.read(name), `${server.pid}\n`);
  assert.equal(await server.stop(), 0);
  assert.deepEqual(
    names.map((name) => existsSync(folder.file(name))),
    [true, true, false],
  );
  await using again = await disposable({ args: application(TWIN, 0, [...options, '--vacuum']) });
  for (const name of names) assert.equal(folder.read(name), `${again.pid}\n`, 'stale ones are taken over');
  assert.equal(await again.stop(), 0);
  for (const name of names) assert.ok(!existsSync(folder.file(name)), name);
});

test('a pidfile that holds somebody else at the end stays', async () => {
  using folder = new Folder();
  const options = ['--safe-pidfile', folder.file('safe'), '--pidfile', folder.file('pid'), '--vacuum'];
  await using server = await disposable({ args: application(TWIN, 0, options) });
  for (const name of ['safe', 'pid']) writeFileSync(folder.file(name), '1\n');
  assert.equal(await server.stop(), 0);
  for (const name of ['safe', 'pid']) assert.equal(folder.read(name), '1\n');
});

test('a server does not start on the pidfile of one that runs, and leaves it alone', async () => {
  using folder = new Folder();
  for (const more of [[], ['--procname', 'shop'], ['--master']]) {
    const args = application(TWIN, 0, ['--pidfile', folder.file('pid'), ...more]);
    await using server = await disposable({ args });
    const { code, output } = await runCli({ args });
    assert.equal(code, 1, output);
    assert.ok(
      output.includes(`Cannot use pidfile ${folder.file('pid')}: the server in it is running (pid: ${server.pid})`),
    );
    assert.equal(folder.read('pid'), `${server.pid}\n`);
    assert.equal(await server.stop(), 0);
  }
});

test('a pidfile of another program, of nobody, of garbage or of nothing is taken over', async () => {
  using folder = new Folder();
  using other = stranger();
  for (const content of [`${other.pid}\n`, `${NO_PID}\n`, 'garbage', '', '-1', '99999999999999999999']) {
    writeFileSync(folder.file('pid'), content);
    await using server = await disposable({ args: application(TWIN, 0, ['--pidfile', folder.file('pid')]) });
    assert.equal(folder.read('pid'), `${server.pid}\n`);
    assert.equal(await server.stop(), 0);
  }
});

test('the pidfile of another server, and a program whose files lie in a fastwsgi-ts, are not taken for the server', async () => {
  using folder = new Folder();
  mkdirSync(folder.file('fastwsgi-ts'));
  writeFileSync(folder.file('fastwsgi-ts/app.log'), '');
  using tail = run('tail', ['-f', folder.file('fastwsgi-ts/app.log')]);
  await using other = await disposable({ args: application(TWIN, 0, ['--pidfile', folder.file('other')]) });
  for (const pid of [tail.pid, other.pid]) {
    writeFileSync(folder.file('pid'), `${pid}\n`);
    const { code, output } = await runCli({ args: ['--stop', folder.file('pid')] });
    assert.equal(code, 1, output);
    assert.match(output, /is another program, the file is stale/);
    await using server = await disposable({ args: application(TWIN, 0, ['--pidfile', folder.file('pid')]) });
    assert.equal(folder.read('pid'), `${server.pid}\n`);
    assert.equal(await server.stop(), 0);
  }
  assert.ok(isAlive(tail.pid) && !tail.isSignalled());
  assert.equal(await other.stop(), 0);
});

test('a pidfile that cannot be written is an error, and no socket stays behind', async () => {
  using folder = new Folder();
  mkdirSync(folder.file('directory'));
  execFileSync('mkfifo', [folder.file('fifo')]);
  for (const option of ['pidfile', 'pidfile2', 'safe-pidfile']) {
    for (const master of [[], ['--master']]) {
      const socket = folder.file('app.sock');
      for (const [file, why] of [
        ['/nowhere/pid', 'no such file or directory'],
        [folder.file('directory'), 'illegal operation on a directory'],
        [folder.file('fifo'), 'no such device or address'],
      ] as const) {
        const args = application(TWIN, 0, [`--${option}`, file, '--socket', socket, '--vacuum', ...master]);
        const { code, output } = await runCli({ args });
        assert.equal(code, 1, output);
        assert.ok(output.includes(`Cannot use ${option} ${file}: ${why}`), output);
        assert.ok(!existsSync(socket), 'the socket is gone');
      }
    }
  }
});

test('--stop ends the server of a pidfile, whatever it is called', async () => {
  using folder = new Folder();
  for (const more of [[], ['--procname', 'shop'], ['--master', '--procname', 'shop']]) {
    const args = application(TWIN, 0, ['--pidfile', folder.file('pid'), ...more]);
    await using server = await disposable({ args });
    assert.deepEqual(await runCli({ args: ['--stop', folder.file('pid')] }), { code: 0, signal: null, output: '' });
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.match(server.log(), /^SIGINT: goodbye/m);
  }
});

test('--stop, --reload and --pause say what is wrong with a pidfile, and signal no other program', async () => {
  using folder = new Folder();
  using other = stranger();
  const file = folder.file('pid');
  for (const [content, why] of [
    [undefined, 'no such file or directory'],
    ['', 'it is empty'],
    ['\n', 'it is empty'],
    ['garbage\n', 'it holds no process id'],
    ['-1\n', 'it holds no process id'],
    ['0\n', 'it holds no process id'],
    [`${NO_PID}\n`, `no process has the id ${NO_PID}, the file is stale`],
    [`${other.pid}\n`, `process ${other.pid} is another program, the file is stale`],
    ['1\n', 'process 1 is another program, the file is stale'],
  ] as const) {
    if (content !== undefined) writeFileSync(file, content);
    for (const [command, signal] of [
      ['stop', 'SIGINT'],
      ['reload', 'SIGHUP'],
      ['pause', 'SIGTSTP'],
    ]) {
      const { code, output } = await runCli({ args: [`--${command}`, file] });
      assert.deepEqual([code, output], [1, `Cannot send ${signal} by the pidfile ${file}: ${why}\n`]);
    }
  }
  // Nobody writes into it: who waited for that would wait for ever.
  execFileSync('mkfifo', [folder.file('fifo')]);
  const { code, output } = await runCli({ args: ['--stop', folder.file('fifo')] });
  assert.deepEqual([code, output.trimEnd().split(': ').at(-1)], [1, 'it is empty']);
  assert.ok(isAlive(other.pid) && !other.isSignalled());
});
