// What signals ask of a running server, directly and through the guard, by kill and by the commands.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { runCli, type ServerStart } from '../helpers/server.js';
import { Folder, who } from './daemon-helpers.js';
import { APPS, ask, countInLog, disposable, Signs, TWINS, until } from './threads-client.js';

for (const twin of TWINS) {
  for (const master of [[], ['--master']]) {
    const name = `${twin.name}${master.length > 0 ? ', under the guard' : ''}`;

    test(`--reload brings the new configuration, --pause holds requests back, ${name}`, async () => {
      using folder = new Folder();
      const ini = (version: number) =>
        `[uwsgi]\nchdir = ${APPS}\nmodule = own-process:application\nhttp = 127.0.0.1:0\nenv = VERSION=${version}\n`;
      const file = folder.file('app.ini');
      writeFileSync(file, ini(1));
      const pidfile = folder.file('pid');
      const args = ['-c', file, '--pidfile', pidfile, ...master, ...twin.args];
      await using server = await disposable({ args, env: twin.env });
      const { pid, env } = await who(server.http());
      assert.equal(env.VERSION, '1');
      writeFileSync(file, ini(2));
      assert.equal((await runCli({ args: ['--reload', pidfile] })).code, 0);
      await server.waitForLog(/^\*\*\* reload done/m);
      const reloaded = await who(server.http());
      assert.deepEqual([reloaded.env.VERSION, reloaded.pid], ['2', pid]);

      writeFileSync(file, '[uwsgi]\nprocesses = many\n');
      assert.equal((await runCli({ args: ['--reload', pidfile] })).code, 0);
      await server.waitForLog(/RELOAD FAILED/);
      assert.match(server.log(), /Cannot parse option "processes"/);
      assert.equal((await who(server.http())).env.VERSION, '2');

      assert.equal((await runCli({ args: ['--pause', pidfile] })).code, 0);
      await server.waitForLog(/^\*\*\* paused/m);
      let answered = false;
      const waiting = who(server.http()).then(() => {
        answered = true;
      });
      process.kill(server.pid, 'SIGUSR1');
      await server.waitForLog(/^all workers: /m);
      assert.equal(answered, false);
      assert.equal((await runCli({ args: ['--pause', pidfile] })).code, 0);
      await waiting;
      assert.equal(await server.stop(), 0);
    });

    test(`signals while it starts wait until it serves, ${name}`, async () => {
      using folder = new Folder();
      const args = ['--chdir', APPS, '--module', 'slow-start:application', '--http', '127.0.0.1:0', ...master];
      const env = { ...twin.env, READY: folder.file('ready'), STARTED: folder.file('started') };
      const all = [...args, '--pidfile', folder.file('pid'), ...twin.args];
      const starting = disposable({ args: all, env });
      await until('it loads', () => existsSync(folder.file('started')));
      const pid = folder.pid('pid');
      for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTSTP', 'SIGTSTP', 'SIGHUP']) process.kill(pid, signal);
      writeFileSync(folder.file('ready'), '');
      await using server = await starting;
      await server.waitForLog(/^\*\*\* reload done/m);
      assert.equal(countInLog(server, /^\*\*\* reload done/), 1, server.log());
      assert.equal(await server.stop(), 0);
    });
  }
}

for (const twin of TWINS) {
  for (const master of [[], ['--master']]) {
    const name = `${twin.name}${master.length > 0 ? ', under the guard' : ''}`;

    test(`an application that never ends loading at the start is superseded by a reload, or ended by a stop, ${name}`, async () => {
      const start = (signs: Signs): ServerStart => {
        signs.give('version', '1 hang');
        const application = ['--chdir', APPS, '--module', 'versioned:application', '--http', '127.0.0.1:0'];
        const args = [...application, '--need-app', '--pidfile', signs.path('pid'), ...master, ...twin.args];
        return { args, env: { ...twin.env, VERSION_FILE: signs.path('version') } };
      };
      const signal = async (signs: Signs, signals: readonly NodeJS.Signals[]) => {
        await until('it hangs', () => signs.count('version.hangs') === 1);
        for (const each of signals) process.kill(Number(signs.read('pid')), each);
      };

      using first = new Signs();
      const stopped = runCli(start(first));
      await signal(first, ['SIGHUP', 'SIGHUP', 'SIGTERM']);
      const { code, output } = await stopped;
      assert.equal(code, 0, output);
      assert.equal(output.match(/^SIGHUP: the server is starting, /gm)?.length, 1, output);

      using second = new Signs();
      const starting = disposable(start(second));
      await signal(second, ['SIGHUP']);
      second.give('version', '2');
      await using server = await starting;
      await server.waitForLog(/^\*\*\* reload done/m);
      assert.equal((await ask(server, 'http', '/?x')).body, 'x 2');
      assert.equal(countInLog(server, /DAMN|GAME OVER/), 0, server.log());
      assert.equal(await server.stop(), 0);
    });
  }
}
