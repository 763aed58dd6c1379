// As the first process of a container, to which a signal that it has not caught does nothing: stops and reloads are not lost.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { application } from './daemon-helpers.js';
import { CLI, catchesHup, childrenOf, Start } from './raw-start.js';
import { TWINS, until } from './threads-client.js';

const CONTAINER = ['--pid', '--fork', '--kill-child', '--mount-proc'];
const skip = spawnSync('unshare', [...CONTAINER, 'true']).status === 0 ? false : 'unshare makes no PID namespace here';

for (const twin of TWINS) {
  for (const master of [[], ['--master']]) {
    const place = `${twin.name}${master.length > 0 ? ', the guard is the first' : ''}`;
    const start = () => {
      const command = [process.execPath, CLI, ...application(twin, 0, master)];
      return new Start([...CONTAINER, ...command], twin.env, 'unshare');
    };
    const firstProcess = async (start: Start) => {
      await until('it is there', () => childrenOf(start.child.pid) !== '');
      return Number(childrenOf(start.child.pid));
    };

    test(`the first process of a container reloads and stops, ${place}`, { skip }, async () => {
      await using container = start();
      await container.logged(/^\*\*\* fastwsgi-ts is running/m);
      assert.match(container.log, /\(pid: 1[),]/);
      const pid = await firstProcess(container);
      process.kill(pid, 'SIGHUP');
      await container.logged(/^\*\*\* reload done/m);
      process.kill(pid, 'SIGTERM');
      assert.deepEqual(await container.ended, [0, null], container.log);
      assert.match(container.log, /^SIGTERM: goodbye/m);
    });

    test(`a stop is not lost by a first process that has hardly begun, ${place}`, { skip }, async () => {
      await using container = start();
      const pid = await firstProcess(container);
      // Before, it is unshare that waits for its child.
      await until('it holds signals', () => catchesHup(pid));
      process.kill(pid, 'SIGTERM');
      assert.deepEqual(await container.ended, [0, null], container.log);
    });
  }
}
