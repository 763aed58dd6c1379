// Reloads and recycling under load through a real nginx, by uwsgi on both kinds of socket: no request is lost or answered
// twice, none by code that is older than the last reload.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConstantLoad, keepAliveAsk } from '../helpers/constant-load.js';
import { nginxMissing, startNginx } from '../helpers/nginx.js';
import { countInLog, Signs, startApp, TWINS, until } from '../process/threads-client.js';

const CLIENTS = 4;

for (const twin of TWINS) {
  test(`20 reloads and 50 recycles behind nginx lose no request (${twin.name})`, { skip: nginxMissing() }, async () => {
    using signs = new Signs();
    signs.give('version', '1');
    const socket = signs.path('app.sock');
    const args = ['--module', 'versioned:application', '--processes', '2', '--threads', '4', '--disable-logging'];
    const recycling = ['--max-requests', '200', '--max-requests-delta', '50', '--min-worker-lifetime', '0'];
    const env = { VERSION_FILE: signs.path('version') };
    await using server = await startApp(twin, [...args, ...recycling, '--socket', join(socket)], { env });
    const nginx = await startNginx({ tcp: { upstream: server.uwsgi() }, unix: { upstream: { path: socket } } });
    try {
      const asks = Array.from({ length: CLIENTS }, (_, i) =>
        keepAliveAsk({ socketPath: nginx.sockets[i % 2 === 0 ? 'tcp' : 'unix'] ?? '' }),
      );
      const load = new ConstantLoad(asks);
      for (let version = 2; version <= 21; version++) {
        signs.give('version', String(version));
        server.kill('SIGHUP');
        await until(`reload ${version - 1}`, () => countInLog(server, /^\*\*\* reload done/) === version - 1);
        load.oldest = version;
      }
      await until('50 recycles', () => countInLog(server, /is done: it has served/) >= 50, 120_000);
      await load.stop();
      assert.ok(load.answers > 50 * 200, `${load.answers} answers`);
      assert.equal(countInLog(server, /NO MERCY|DAMN/), 0);
      assert.doesNotMatch(nginx.log(), /\[(error|crit|alert)\]/);
      assert.equal(await server.stop(), 0);
    } finally {
      await nginx.stop();
    }
  });
}
