// Python processes that hang, crash, grow or are asked to go: what their clients get, and what comes after them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Exit, runCli } from '../helpers/server.js';
import { call, isAlive, PYTHON_APPS, pythonMissing, startPython } from './python-client.js';
import { ask, countInLog, Signs, SOCKET_KINDS, TWINS, until } from './threads-client.js';

const skip = pythonMissing();

/** Starts our Python program in an interpreter that says of itself what `patch` does. */
function refusalBy(patch: string): string {
  const main = join(PYTHON_APPS, '..', '..', '..', 'python', 'main.py');
  const program = `import ast, runpy, sys\nast.parse(open(sys.argv[1]).read(), feature_version=(3, 4))\n${patch}\nrunpy.run_path(sys.argv[1])`;
  const { status, stderr } = spawnSync('python3', ['-c', program, main], { encoding: 'utf8' });
  assert.equal(status, 1);
  return stderr;
}

test('a Python that is too old, or another one than CPython, is refused by name', { skip }, () => {
  assert.match(refusalBy('sys.version_info = (3, 7, 16)'), /^Python 3\.8 or later is needed, this is 3\.\d+\.\d+$/m);
  assert.match(refusalBy('sys.implementation.name = "pypy"'), /^CPython is needed, this is pypy$/m);
});

for (const twin of TWINS) {
  describe(`Python processes on the ${twin.name} twin`, { skip }, () => {
    test('one that is stuck is killed: 504, its stack in the log, a new one in its place', async () => {
      await using server = await startPython(twin, ['--processes', '2', '--harakiri', '1', '--harakiri-verbose']);
      for (const by of ['sleep', 'loop', 'native']) {
        for (const kind of SOCKET_KINDS) {
          const from = server.log().length;
          const [late, other] = await Promise.all([ask(server, kind, `/stuck?by=${by}`), ask(server, kind, '/')]);
          assert.deepEqual([late.status, late.complete, other.status], [504, true, 200], `${by} ${kind}`);
          await server.waitForLog(/^\*\*\* HARAKIRI ON WORKER \d \(pid: \d+, try: 1, graceful: no\) \*\*\*$/m, {
            from,
          });
          await server.waitForLog(/^HARAKIRI \[core \d+\] 127\.0\.0\.1 - GET \/stuck\?by=\w+ since \d+$/m, { from });
          await server.waitForLog(/contract\.py", line \d+ in stuck$/m, { from });
          await server.waitForLog(/died: its Python process \(pid: \d+\) was killed by harakiri :\( trying respawn/, {
            from,
          });
          await server.waitForLog(/^Respawned uWSGI worker \d \(.*kind: python\)$/m, { from });
        }
      }
    });

    test('a response that has begun is cut at its deadline', async () => {
      await using server = await startPython(twin, ['--harakiri', '1']);
      for (const kind of SOCKET_KINDS) {
        const { status, body, complete } = await ask(server, kind, '/stuck?by=sleep&begun=1');
        assert.deepEqual([status, body, complete], [200, 'begun', false], kind);
      }
    });

    test('set_user_harakiri ends a request, unless it is taken back', async () => {
      await using server = await startPython(twin);
      for (const kind of SOCKET_KINDS) {
        assert.equal((await ask(server, kind, '/own-deadline')).status, 504);
        assert.equal((await ask(server, kind, '/own-deadline?cancel=1')).status, 200);
      }
    });

    test('one that exits or crashes: 502, how in the log, a new one in its place, and nothing of others is lost', async () => {
      await using server = await startPython(twin, ['--processes', '2']);
      for (const [by, how] of [
        ['exit', 'ended with status 7'],
        ['segfault', 'was killed by SIGSEGV'],
      ] as const) {
        for (const kind of SOCKET_KINDS) {
          const from = server.log().length;
          const others = Array.from({ length: 20 }, () => ask(server, kind, '/'));
          assert.equal((await ask(server, kind, `/stuck?by=${by}`)).status, 502, `${by} ${kind}`);
          for (const { status } of await Promise.all(others)) assert.equal(status, 200);
          await server.waitForLog(new RegExp(`its Python process \\(pid: \\d+\\) ${how} :\\( trying respawn`), {
            from,
          });
          await server.waitForLog(/^Respawned/m, { from });
        }
      }
    });

    test('what was answered when a process ends is not run again', async () => {
      using signs = new Signs();
      await using server = await startPython(twin);
      for (const kind of SOCKET_KINDS) {
        signs.give('mark');
        const counted = () => Array.from({ length: 10 }, () => ask(server, kind, `/count?mark=${signs.path('mark')}`));
        const before = counted();
        const ending = ask(server, kind, '/stuck?by=exit');
        const answers = await Promise.all([...before, ...counted()]);
        assert.equal((await ending).status, 502, kind);
        for (const { status } of answers) assert.equal(status, 200, kind);
        assert.equal(signs.read('mark').split('\n').length - 1, answers.length, kind);
      }
    });

    test('requests that wait behind a slow one are answered by another worker', async () => {
      using signs = new Signs();
      await using server = await startPython(twin, ['--processes', '2']);
      const held = ask(server, 'uwsgi', `/hold?mark=${signs.path('mark')}&until=${signs.path('go')}`);
      await until('it to run', () => signs.count('mark') === 1 && signs.read('mark') !== '');
      const answers = await Promise.all(Array.from({ length: 40 }, () => ask(server, 'uwsgi', '/')));
      for (const { status } of answers) assert.equal(status, 200);
      signs.give('go');
      assert.equal((await held).status, 200);
    });

    test('requests that wait for a process which holds its lock are answered when it is killed', async () => {
      using signs = new Signs();
      const args = ['--processes', '2', '--harakiri', '2'];
      await using server = await startPython(twin, args);
      // The other worker has its own: whatever goes to the first one has to wait.
      const other = ask(server, 'uwsgi', `/hold?mark=${signs.path('mark')}&until=${signs.path('go')}`);
      await until('it to run', () => signs.count('mark') === 1 && signs.read('mark') !== '');
      const stuck = ask(server, 'uwsgi', '/stuck?by=native');
      const waiting = Array.from({ length: 5 }, () => ask(server, 'uwsgi', '/'));
      assert.equal((await stuck).status, 504);
      signs.give('go');
      for (const { status } of await Promise.all(waiting)) assert.equal(status, 200);
      assert.ok([200, 504].includes((await other).status));
    });

    test('one that has grown is replaced, by its real figures', async () => {
      const args = ['--reload-on-rss', '200', '--min-worker-lifetime', '0'];
      await using server = await startPython(twin, args);
      assert.equal((await ask(server, 'uwsgi', '/keep?mb=250')).status, 200);
      await server.waitForLog(/^\.\.\.The work of worker 1 is done: it has \d+ MB, more than 200 MB\. Seeya!$/m);
      await server.waitForLog(/^Respawned/m);
      assert.equal((await ask(server, 'http', '/')).status, 200);
    });

    test('one that has grown far too much is killed, and the thread notices', async () => {
      using signs = new Signs();
      await using server = await startPython(twin, ['--evil-reload-on-rss', '200']);
      const held = ask(server, 'http', `/hold?mark=${signs.path('mark')}&until=${signs.path('never')}`);
      await until('it to run', () => signs.count('mark') === 1 && signs.read('mark') !== '');
      const pid = Number(signs.read('mark'));
      process.kill(pid, 0);
      // It grows while another request runs: with one thread, only the next process can.
      process.kill(pid, 'SIGKILL');
      assert.equal((await held).status, 502);
      assert.equal((await ask(server, 'uwsgi', '/keep?mb=250')).status, 200);
      await server.waitForLog(/died, evil reload: it has \d+ MB, more than 200 MB :\( trying respawn/);
      await until('an answer', async () => (await ask(server, 'http', '/')).status === 200);
    });

    test('max-requests counts, and no request is lost', async () => {
      const args = ['--processes', '2', '--max-requests', '20', '--min-worker-lifetime', '0'];
      await using server = await startPython(twin, args);
      for (let i = 0; i < 10; i++) {
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, n) => ask(server, SOCKET_KINDS[n % 2] ?? 'http', '/')),
        );
        for (const { status } of answers) assert.equal(status, 200);
      }
      await server.waitForLog(/The work of worker \d is done: it has served \d+ requests/);
    });

    test('the end of the server, whatever it is, is the end of its processes', async () => {
      for (const [signal, by] of [
        ['SIGTERM', 'none'],
        ['SIGKILL', 'none'],
        ['SIGKILL', 'loop'],
        ['SIGKILL', 'sleep'],
      ] as const) {
        using signs = new Signs();
        await using server = await startPython(twin);
        const pid = JSON.parse((await call(server, 'http', { uri: '/environ' })).body).pid as number;
        assert.ok(isAlive(pid));
        if (by !== 'none') void ask(server, 'uwsgi', `/stuck?by=${by}`);
        signs.give('asked');
        server.kill(signal);
        const exit: Exit = await server.exited;
        assert.equal(exit.signal ?? 'SIGTERM', signal);
        await until(`${signal} to reach Python (${by})`, () => !isAlive(pid));
      }
    });

    test('a module that does not load is told once, with the traceback, and ends the start', async () => {
      const args = [
        '--chdir',
        PYTHON_APPS,
        '--module',
        'broken',
        '--need-app',
        '--processes',
        '2',
        '--http',
        '127.0.0.1:0',
      ];
      const { code, output } = await runCli({ args: [...args, ...twin.args], env: twin.env });
      assert.equal(code, 22);
      assert.match(output, /^Cannot load broken: RuntimeError: this module is broken$/m);
      assert.equal([...output.matchAll(/Traceback \(most recent call last\)/g)].length, 1);
      assert.match(output, /broken\.py", line 2, in <module>/);
      assert.doesNotMatch(output, /at async|node:internal/);
    });

    test('without need-app a module that does not load is answered 500, and nothing is respawned', async () => {
      await using server = await startPython(twin, ['--module', 'broken']);
      for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, '/')).status, 500);
      assert.equal(countInLog(server, /respawn/i), 0);
    });

    test('an interpreter that is not there, or not to be reached, is the operator’s error', async () => {
      using signs = new Signs();
      const home = signs.path('venv');
      mkdirSync(join(home, 'bin'), { recursive: true });
      symlinkSync('python', join(home, 'bin', 'python'));
      const application = ['--chdir', PYTHON_APPS, '--module', 'contract', '--need-app', '--http', '127.0.0.1:0'];
      for (const [folder, message] of [
        ['/nowhere', 'there is neither bin/python nor bin/python3 in /nowhere'],
        [home, `ELOOP: too many symbolic links encountered, stat '${home}/bin/python'`],
      ] as const) {
        const args = [...application, '--home', folder, ...twin.args];
        const { code, output } = await runCli({ args, env: twin.env });
        assert.equal(code, 22);
        assert.ok(output.includes(`Cannot load the application: ${message}\n`), output);
        assert.doesNotMatch(output, /^ +at /m);
      }
    });

    test('no request is lost, and none is old, in ten reloads under load', async () => {
      using signs = new Signs();
      signs.give('version', '0');
      const env = { VERSION_FILE: signs.path('version') };
      await using server = await startPython(twin, ['--module', 'versioned', '--processes', '2'], { env });
      let isOver = false;
      let version = 0;
      const clients = SOCKET_KINDS.flatMap((kind) => [kind, kind]).map(async (kind) => {
        let answers = 0;
        while (!isOver) {
          const oldest = version;
          const { status, body } = await ask(server, kind, '/');
          assert.equal(status, 200);
          assert.ok(Number(body) >= oldest, `${body} after ${oldest}`);
          answers++;
        }
        return answers;
      });
      for (let i = 1; i <= 10; i++) {
        const from = server.log().length;
        signs.give('version', String(i));
        server.kill('SIGHUP');
        await server.waitForLog(/reload done/, { from, waitMs: 30_000 });
        version = i;
      }
      isOver = true;
      for (const answers of await Promise.all(clients)) assert.ok(answers > 10);
      assert.equal(await server.stop(), 0);
    });

    test('py-autoreload and uwsgi.reload() load the new code', async () => {
      using signs = new Signs();
      const app = (version: string) =>
        `def application(environ, start_response):\n    if environ['PATH_INFO'] == '/reload':\n        import uwsgi\n        uwsgi.reload()\n    start_response('200 OK', [])\n    return [b'${version}']\n`;
      signs.give('fresh.py', app('one'));
      const args = ['--chdir', join(signs.path('fresh.py'), '..'), '--module', 'fresh', '--py-autoreload', '1'];
      await using server = await startPython(twin, args);
      assert.equal((await ask(server, 'http', '/')).body, 'one');
      // What was seen first is what it is compared with.
      await new Promise((resolve) => setTimeout(resolve, 1200));
      writeFileSync(signs.path('fresh.py'), app('two'));
      utimesSync(signs.path('fresh.py'), 1, 1);
      await server.waitForLog(/fresh\.py: a reload is wanted/);
      await server.waitForLog(/reload done/);
      assert.equal((await ask(server, 'http', '/')).body, 'two');
      const from = server.log().length;
      writeFileSync(signs.path('fresh.py'), app('three'));
      assert.equal((await ask(server, 'uwsgi', '/reload')).status, 200);
      await server.waitForLog(/reload done/, { from });
      assert.equal((await ask(server, 'http', '/')).body, 'three');
    });
  });
}
