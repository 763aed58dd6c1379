// Kind node in a whole server: an application that listens by itself, on both kinds of socket, native and not.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type RunningServer, runCli } from '../helpers/server.js';
import { ask, disposable, SOCKET_KINDS, startApp, TWINS, until } from './threads-client.js';

const ARGS = ['--module', 'listener', '--need-app'];

async function seen(server: RunningServer): Promise<readonly string[]> {
  return JSON.parse((await ask(server, 'http', '/seen')).body) as string[];
}

/** Leaves when the first bytes of the answer are there. */
function leave(server: RunningServer, path: string): Promise<void> {
  return new Promise((resolve) => {
    const asked = httpRequest({ ...server.http(), path, agent: false }, (response) => {
      response.on('error', () => {});
      response.once('data', () => asked.destroy());
    });
    asked.on('error', () => {}).on('close', resolve);
    asked.end();
  });
}

for (const twin of TWINS) {
  describe(`an application that listens by itself, ${twin.name}`, () => {
    test('answers on every socket, fails alone, and hears of clients that leave', async () => {
      await using server = await startApp(twin, ARGS);
      for (const kind of SOCKET_KINDS) {
        assert.deepEqual(await ask(server, kind, '/a?b'), { status: 200, body: 'GET /a?b', complete: true });
        assert.equal((await ask(server, kind, '/throw')).status, 500);
        const half = await ask(server, kind, `/half?name=${kind}`);
        assert.deepEqual(half, { status: 200, body: 'half', complete: false });
        const large = await ask(server, kind, '/large');
        assert.deepEqual([large.body.length, large.complete], [20_000_000, true]);
      }
      assert.match(server.log(), /GET \/throw: Error: before the head/);
      assert.match(server.log(), /GET \/half\?name=http: Error: after the head/);
      await leave(server, '/never?name=left');
      await leave(server, '/large?name=slow');
      await until('both are told', async () => {
        const all = await seen(server);
        return all.includes('left cut') && all.includes('left aborted') && all.some((line) => line.startsWith('slow '));
      });
      assert.equal((await ask(server, 'http', '/still')).body, 'GET /still');
      assert.equal(await server.stop(), 0);
    });

    test('reads bodies of every size', async () => {
      await using server = await startApp(twin, ARGS);
      for (const size of [0, 1, 65_535, 65_536, 65_537, 90_000, 5_000_000]) {
        const response = await fetch(`http://127.0.0.1:${server.http().port}/read`, {
          method: 'POST',
          body: Buffer.alloc(size),
        });
        assert.equal(await response.text(), String(size));
      }
    });
  });
}

const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-main-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const LISTEN = "createServer((req, res) => res.end('by itself')).listen(3000)";
const MAINS = {
  'main.cjs': `const { createServer } = require('node:http');
    if (require.main === module) ${LISTEN};
    module.exports = { notAnApplication: require('./part.cjs') };`,
  'main.mjs': `import { createServer } from 'node:http';
    import { fileURLToPath } from 'node:url';
    if (process.argv[1] === fileURLToPath(import.meta.url)) ${LISTEN};`,
  'folder.cjs': `const { root } = require('./part.cjs');
    module.exports = (req, res) => res.end(String(root === __dirname));`,
};
const PART = "module.exports = { root: require('node:path').dirname(require.main.filename) };";
const NAMED = `module.exports.listener = (req, res) => res.end('imported');
  if (require.main === module) throw new Error('run');`;

for (const twin of TWINS) {
  describe(`the file of an application, ${twin.name}`, () => {
    writeFileSync(join(folder, 'part.cjs'), PART);
    writeFileSync(join(folder, 'named.cjs'), NAMED);
    for (const [name, text] of Object.entries(MAINS)) {
      test(`is the main module, as under node itself: ${name}`, async () => {
        writeFileSync(join(folder, name), text);
        const args = ['--chdir', folder, '--wsgi-file', name, '--http', '127.0.0.1:0', '--need-app', ...twin.args];
        await using server = await disposable({ args, env: twin.env });
        assert.equal((await ask(server, 'http', '/')).body, name === 'folder.cjs' ? 'true' : 'by itself');
        assert.equal(await server.stop(), 0);
      });
    }

    test('is imported, not run, where an export of it is named', async () => {
      const application = ['--module', 'named:listener', '--app-kind', 'node'];
      const args = ['--chdir', folder, ...application, '--http', '127.0.0.1:0', '--need-app', ...twin.args];
      await using server = await disposable({ args, env: twin.env });
      assert.equal((await ask(server, 'http', '/')).body, 'imported');
      assert.equal(await server.stop(), 0);
    });
  });
}

test('an application that forks by itself is told what to do instead', async () => {
  writeFileSync(
    join(folder, 'forks.cjs'),
    "const cluster = require('node:cluster'); if (cluster.isPrimary) setTimeout(() => cluster.fork(), 10);",
  );
  const ini = `[uwsgi]\nhttp = 127.0.0.1:0\nchdir = ${folder}\nwsgi-file = forks.cjs\nneed-app = true\n`;
  const { code, output } = await runCli({ ini });
  assert.equal(code, 22);
  assert.match(
    output,
    /Cannot load .*forks\.cjs: It forks by itself, with cluster\.fork\(\): let it call listen\(\) instead/,
  );
});
