// The server on every supported line of Node, with its native parts and without them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NODE_VERSIONS, nodeBinary } from '../helpers/node-binaries.js';
import { type RunningServer, startServer } from '../helpers/server.js';
import { APPS, ask, SOCKET_KINDS } from '../process/threads-client.js';

const ARGS = ['--chdir', APPS, '--module', 'threads:application', '--processes', '2'];
const SOCKETS = ['--http', '127.0.0.1:0', '--socket', '127.0.0.1:0'];

function enginesOf(server: RunningServer): string {
  return server.addresses
    .map(({ protocol, engine }) => `${protocol} ${engine}`)
    .sort()
    .join(', ');
}

for (const version of NODE_VERSIONS) {
  test(`Node ${version} serves both protocols and survives the death of a thread, with native parts and without`, async (t) => {
    let node: string;
    try {
      node = await nodeBinary(version);
    } catch (error) {
      // In CI there is no excuse; elsewhere the registry may be out of reach.
      if (process.env.CI === 'true') throw error;
      t.skip(`there is no binary of Node ${version}: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
      return;
    }
    for (const native of ['1', '0']) {
      const server = await startServer({ node, args: [...ARGS, ...SOCKETS], env: { FASTWSGI_NATIVE: native } });
      assert.match(server.log(), new RegExp(`\\(Node v${version.replaceAll('.', '\\.')}`));
      if (native === '0') assert.equal(enginesOf(server), 'http node, uwsgi net');
      else if (process.env.FASTWSGI_NATIVE !== '0') assert.match(enginesOf(server), /uwsgi epoll/);
      for (const kind of SOCKET_KINDS) {
        const answer = await ask(server, kind, '/');
        assert.deepEqual([answer.status, answer.complete], [200, true]);
        const from = server.log().length;
        assert.equal((await ask(server, kind, '/die?by=throw')).status, 502);
        await server.waitForLog(/DAMN ! worker \d \(pid: \d+\) died: thrown in a timer/, { from });
        await server.waitForLog(/^Respawned uWSGI worker/m, { from });
        assert.equal((await ask(server, kind, '/')).status, 200);
      }
      assert.equal(await server.stop(), 0);
    }
  });
}
