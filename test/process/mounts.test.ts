// Several applications, of several kinds, in one server: by path over HTTP and uwsgi, and by SCRIPT_NAME.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runCli } from '../helpers/server.js';
import { requestBytes, UwsgiClient } from '../helpers/uwsgi-client.js';
import { APPS, ask, disposable, SOCKET_KINDS, startApp, TWINS } from './threads-client.js';

for (const twin of TWINS) {
  describe(`mounts, ${twin.name}`, () => {
    test('with manage-script-name a path finds the longest prefix, whatever the kind behind it', async () => {
      const file = join(APPS, 'place-wsgi.js');
      await using server = await startApp(twin, [
        ...[
          '--module',
          'place-wsgi',
          '--mount',
          '/api=place-fetch',
          '--mount',
          '/node=place-node',
          '--mount',
          `/api/old=${file}`,
          '--mount',
          '/ä=place-node',
          '--mount',
          '/ä/ü=place-fetch',
          '--mount',
          '/ä/w=place-wsgi',
        ],
        '--manage-script-name',
      ]);
      for (const kind of SOCKET_KINDS) {
        assert.equal((await ask(server, kind, '/x')).body, 'wsgi |/x');
        assert.equal((await ask(server, kind, '/api/x?y=%20')).body, 'fetch /api|/x|/x?y=%20');
        assert.equal((await ask(server, kind, '/api')).body, 'fetch /api||/');
        assert.equal((await ask(server, kind, '/api/old/x')).body, 'wsgi /api/old|/x');
        assert.equal((await ask(server, kind, '/node/x?y=%20')).body, 'node /node|/node/x?y=%20|/x?y=%20');
        assert.equal((await ask(server, kind, '/apixx')).body, 'wsgi |/apixx');
      }
      // The client of the uwsgi socket does not decode.
      assert.equal((await ask(server, 'http', '/%C3%A4/x%20')).body, 'node /%C3%A4|/%C3%A4/x%20|/x%20');
      assert.equal((await ask(server, 'http', '/%C3%A4/%C3%BC/x?y')).body, 'fetch /Ã¤/Ã¼|/x|/x?y');
      assert.equal((await ask(server, 'http', '/%C3%A4/w/x')).body, 'wsgi /Ã¤/w|/x');
      assert.match(server.log(), /kind: wsgi\+fetch\+node/);
    });

    test('without it SCRIPT_NAME chooses, as a web server sends it, and what is for nobody gets 500', async () => {
      await using server = await disposable({
        args: ['--chdir', APPS, '--socket', '127.0.0.1:0', '--mount', '/api=place-fetch', ...twin.args.slice(0, 2)],
        env: twin.env,
      });
      const client = new UwsgiClient(server.uwsgi());
      await client.send(requestBytes({ uri: '/api/x', vars: [['SCRIPT_NAME', '/api']] }));
      assert.match((await client.outcome).bytes.toString(), /fetch \/api\|\/api\/x\|\/api\/x$/);
      assert.deepEqual((await ask(server, 'uwsgi', '/api/x')).status, 500);
      await server.waitForLog(/GET \/api\/x: Error: No application is mounted there/);
    });
  });
}

test('an application that does not load is named by its mount point, and need-app ends the start', async () => {
  const args = ['--chdir', APPS, '--module', 'place-wsgi', '--http', '127.0.0.1:0', '--manage-script-name'];
  const { code, output } = await runCli({ args: [...args, '--mount', '/api=nowhere', '--need-app'] });
  assert.equal(code, 22);
  assert.match(output, /At mount point \/api: .*found no file for module "nowhere"/);
});
