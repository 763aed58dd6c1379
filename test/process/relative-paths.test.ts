// Relative paths start where uWSGI has them start: the log and the pidfile where the command was called, the rest in chdir.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { Folder } from './daemon-helpers.js';
import { ask, disposable, TWINS, until } from './threads-client.js';

const WEB = `import which
def application(environ, start_response):
    start_response('200 OK', [])
    return [which.PLACE]
`;

for (const twin of TWINS) {
  for (const master of [[], ['--master']]) {
    const place = `${twin.name}${master.length > 0 ? ', under the guard' : ''}`;
    test(`relative paths of the log and the pidfile start where the command was called, others in chdir, ${place}`, async () => {
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

    test(`loggers write to files in chdir, and a reload follows it and opens what was renamed, ${place}`, async () => {
      using folder = new Folder();
      for (const release of ['one', 'two']) {
        mkdirSync(folder.file(`releases/${release}`), { recursive: true });
        writeFileSync(folder.file(`releases/${release}/web.py`), WEB);
        writeFileSync(folder.file(`releases/${release}/which.py`), `PLACE = b'${release}'\n`);
      }
      symlinkSync('releases/one', folder.file('current'));
      const app = ['--chdir', 'current', '--module', 'web', '--http', '127.0.0.1:0', '--logto', 'log'];
      await using server = await disposable({
        args: [...app, '--logger', 'file:x.log', '--req-logger', 'file:../req.log', ...master, ...twin.args],
        env: twin.env,
        cwd: folder.path,
        logFile: folder.file('releases/one/x.log'),
      });
      const address = server.http();
      const hello = async (path: string) => (await ask({ ...server, http: () => address }, 'http', path)).body;
      const logs = (path: string, pattern: RegExp) =>
        until(`${path} says ${pattern}`, () => existsSync(folder.file(path)) && pattern.test(folder.read(path)));
      assert.equal(await hello('/first'), 'one');
      await logs('releases/req.log', /GET \/first /);

      renameSync(folder.file('releases/req.log'), folder.file('releases/old.log'));
      unlinkSync(folder.file('current'));
      symlinkSync('releases/two', folder.file('current'));
      server.kill('SIGHUP');
      await logs('releases/two/x.log', /^\*\*\* reload done/m);
      assert.equal(await hello('/second'), 'two');
      await logs('releases/req.log', /GET \/second /);
      assert.doesNotMatch(folder.read('releases/old.log'), /second/);
      assert.match(folder.read('releases/two/x.log'), /req\.log reopened\.$/m);
      // Nothing has moved since: nothing is opened again.
      const size = folder.read('releases/two/x.log').length;
      server.kill('SIGHUP');
      await until('it reloads once more', () => /reload done/.test(folder.read('releases/two/x.log').slice(size)));
      assert.doesNotMatch(folder.read('releases/two/x.log').slice(size), /reopened/);
      // No line was left for the log, and the guard has its own.
      assert.deepEqual(readdirSync(folder.path).sort(), ['current', ...(master.length > 0 ? ['log'] : []), 'releases']);
      assert.equal(await server.stop(), 0);
    });
  }
}
