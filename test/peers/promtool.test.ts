// The exposition, read by Prometheus' own tool, which also knows what names and units are good manners.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { boundTo, httpAsk } from '../helpers/stats-client.js';
import { ask, startApp, TWINS } from '../process/threads-client.js';

/** Where CI says so (CI=true) a missing tool is a failure, not a reason. */
function promtoolMissing(): string | undefined {
  if (process.env.CI === 'true') return undefined;
  const { error } = spawnSync('promtool', ['--version']);
  return error === undefined ? undefined : `promtool cannot be run: ${error.message}`;
}

for (const twin of TWINS) {
  test(`promtool has nothing to say about the metrics (${twin.name})`, { skip: promtoolMissing() }, async () => {
    await using server = await startApp(twin, ['--metrics', '127.0.0.1:0', '--processes', '2']);
    for (const uri of ['/', '/nowhere', '/die?by=exit', '/']) await ask(server, 'http', uri);
    const { body } = await httpAsk(boundTo(server, 'metrics'), '/metrics');
    const { stdout, stderr, status } = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' });
    assert.equal(`${stdout}${stderr}`, '');
    assert.equal(status, 0);
  });
}
