// Relative paths start where uWSGI has them start: the log and the pidfile where the command was called, the rest in chdir.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Folder } from './daemon-helpers.js';
import { ask, disposable, TWINS } from './threads-client.js';

const WEB = `import which
def application(environ, start_response):
    start_response('200 OK', [])
    return [which.PLACE]
`;

for (const twin of TWINS) {
  for (const master of [[], ['--master']]) {
    const name = `${twin.name}${master.length > 0 ? ', under the guard' : ''}`;
    test(`relative paths of the log and the pidfile start where the command was called, others in chdir, ${name}`, async () => {
      using folder = new Folder();
      for (const name of ['app', 'app/lib', 'lib']) mkdirSync(folder.file(name));
      writeFileSync(folder.file('app/web.py'), WEB);
      writeFileSync(folder.file('lib/which.py'), "PLACE = b'where the command was called'\n");
      writeFileSync(folder.file('app/lib/which.py'), "PLACE = b'in chdir'\n");
      writeFileSync(folder.file('app/touch'), '');
      const files = ['--logto', 'log', '--pidfile', 'pid', '--pidfile2', 'pid2', '--safe-pidfile', 'safe'];
      files.push('--master-fifo', 'fifo', '--touch-reload', 'touch', '--socket', 'app.sock', '--stats', 'stats.sock');
      const app = ['--chdir', 'app', '--module', 'web', '--pythonpath', 'lib', '--http', '127.0.0.1:0'];
      await using server = await disposable({
        args: [...app, ...files, ...master, ...twin.args],
        env: twin.env,
        cwd: folder.path,
        logFile: folder.file('log'),
      });
      assert.equal((await ask(server, 'http', '/')).body, 'in chdir');
      assert.deepEqual(readdirSync(folder.path).sort(), ['app', 'lib', 'log', 'pid']);
      const inChdir = readdirSync(folder.file('app')).filter((name) => !name.startsWith('__'));
      assert.deepEqual(inChdir.sort(), 'app.sock fifo lib pid2 safe stats.sock touch web.py'.split(' '));
      const later = new Date(statSync(folder.file('app/touch')).mtimeMs + 10_000);
      utimesSync(folder.file('app/touch'), later, later);
      await server.waitForLog(/^\*\*\* reload done/m);
      assert.equal(await server.stop(), 0);
    });
  }
}
