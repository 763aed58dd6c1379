import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createHttpFront } from '../../dist/front/http/create.js';
import type { HttpFrontOptions, MainThreadEngine } from '../../dist/front/http/options.js';
import { NodeHttpFront } from '../../dist/front/node/front.js';
import { UwsFront } from '../../dist/front/uws/front.js';
import { loadUws } from '../../dist/front/uws/load.js';
import { selfCheck } from '../../dist/front/uws/self-check.js';
import { InProcessWorker } from '../helpers/in-process-worker.js';

const OPTIONS: HttpFrontOptions = {
  address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
  chmodSocket: undefined,
  varsBytesMax: 65535,
  postBufferingBytes: 65536,
  limitPostBytes: 0,
  httpTimeoutMs: 60_000,
  httpKeepaliveMs: 5000,
  proxyProtocol: false,
  trustedProxies: [],
  listenBacklog: 511,
  log: () => {},
};

async function create(engine: MainThreadEngine): Promise<{ front: unknown; notice: string }> {
  const worker = new InProcessWorker(() => {});
  try {
    return await createHttpFront(engine, OPTIONS, worker.turns);
  } finally {
    await worker.stop();
  }
}

const loaded = loadUws();

describe('the choice of the HTTP engine', () => {
  test('is node:http where it is asked for', async () => {
    const { front, notice } = await create('node');
    assert.ok(front instanceof NodeHttpFront);
    assert.equal(notice, 'http engine: node (http-engine = node)');
  });

  test('is uWebSockets.js by itself only where that loads and reads requests as RFC 9112 has them', async () => {
    const { front, notice } = await create('auto');
    if ('reason' in loaded) {
      assert.ok(front instanceof NodeHttpFront);
      assert.equal(notice, `http engine: node (${loaded.reason})`);
      return;
    }
    const { unusable, complaints } = await selfCheck(loaded.uws);
    const isTrusted = unusable === '' && complaints.length === 0;
    assert.equal(front instanceof UwsFront, isTrusted);
    assert.match(
      notice,
      isTrusted ? /^http engine: uws / : /^http engine: node \(uWebSockets.js failed its self-check: /,
    );
  });

  test('is uWebSockets.js where it is asked for by name, and the notice says what it does wrong', async () => {
    if ('reason' in loaded) {
      await assert.rejects(create('uws'), {
        code: 'ERR_ENGINE',
        message: `Cannot use http-engine uws: ${loaded.reason}`,
      });
      return;
    }
    const { front, notice } = await create('uws');
    assert.ok(front instanceof UwsFront);
    for (const complaint of (await selfCheck(loaded.uws)).complaints) assert.ok(notice.includes(complaint), notice);
  });

  test('is never uWebSockets.js for an abstract socket, which that does not know', async () => {
    const options: HttpFrontOptions = { ...OPTIONS, address: { kind: 'abstract', name: 'app' } };
    const worker = new InProcessWorker(() => {});
    const { front } = await createHttpFront('auto', options, worker.turns);
    assert.ok(front instanceof NodeHttpFront);
    await assert.rejects(createHttpFront('uws', options, worker.turns), { code: 'ERR_ENGINE' });
    await worker.stop();
  });

  test('is never native with FASTWSGI_NATIVE=0', () => {
    const load = join(import.meta.dirname, '../../dist/front/uws/load.js');
    const script = `import { loadUws } from ${JSON.stringify(load)}; console.log(JSON.stringify(loadUws()));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, FASTWSGI_NATIVE: '0' },
      encoding: 'utf8',
    });
    assert.deepEqual(JSON.parse(stdout), { reason: 'FASTWSGI_NATIVE=0' });
  });
});
