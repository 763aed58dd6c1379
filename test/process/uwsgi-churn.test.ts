// Thousands of connections to a uwsgi socket that are dropped at random points, or that send random bytes: no descriptor,
// slot or memory is left behind, and the only slot of the only worker goes on serving.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from '../helpers/in-parallel.js';
import { descriptorsBackTo, idleDescriptors, residentBytes } from '../helpers/process-status.js';
import { Seeded } from '../helpers/seeded.js';
import type { RunningServer } from '../helpers/server.js';
import { generatedBody } from '../helpers/uwsgi-app.js';
import { header, request, requestBytes, UwsgiClient } from '../helpers/uwsgi-client.js';
import { startUwsgiServer, TRANSPORTS, type Transport, UWSGI_ENGINES } from '../helpers/uwsgi-server.js';

const CONNECTIONS = 10_000;
/** Until every slot, buffer and heap has the size it keeps. */
const WARM_UP_CONNECTIONS = 4_000;
const ANY_BYTES_CONNECTIONS = 2_000;
/** What four kilobytes left behind by each connection would come to. */
const GROWTH_BYTES_MAX = CONNECTIONS * 4096;
/** Longer than any timeout of the server's. */
const HANG_MS = 10_000;

const REQUESTS = [
  requestBytes({}),
  requestBytes({ method: 'HEAD' }),
  requestBytes({ method: 'POST', uri: '/hash', body: generatedBody(500) }),
  requestBytes({ method: 'POST', uri: '/echo', body: generatedBody(70_000) }),
  requestBytes({ uri: '/whole?bytes=300000' }),
  requestBytes({ uri: '/stream?bytes=2000000&id=churn' }),
  requestBytes({ uri: '/stream-async?bytes=100000&id=churn' }),
  requestBytes({ uri: '/throw-late' }),
];

for (const engine of UWSGI_ENGINES) {
  for (const transport of TRANSPORTS) {
    describe(`a ${engine} server on ${transport}`, () => {
      test(`is after ${CONNECTIONS} dropped connections as it was before`, async (t) => {
        const server = await startSmallServer(t, engine, transport);
        const random = new Seeded();
        t.diagnostic(`seed ${random.seed}`);
        await churn(server, random, WARM_UP_CONNECTIONS);
        const descriptors = await idleDescriptors(server.pid);
        const resident = residentBytes(server.pid);

        await churn(server, random, CONNECTIONS);
        await descriptorsBackTo(server.pid, descriptors);
        const growth = residentBytes(server.pid) - resident;
        t.diagnostic(`the server grew by ${growth} bytes`);
        assert.ok(growth < GROWTH_BYTES_MAX, `the server grew by ${growth} bytes`);
        for (let i = 0; i < 100; i++) assert.equal((await request(server.uwsgi())).status, 200);
        assert.doesNotMatch(server.log(), /died|Assertion/);
        assert.equal(await server.stop(), 0);
      });

      test('answers or closes, whatever bytes come', async (t) => {
        const server = await startSmallServer(t, engine, transport);
        const random = new Seeded();
        t.diagnostic(`seed ${random.seed}`);
        await request(server.uwsgi());
        const descriptors = await idleDescriptors(server.pid);

        const inputs = Array.from({ length: ANY_BYTES_CONNECTIONS }, () => anyBytes(random));
        await inParallel(32, inputs, (bytes) => sendAnyBytes(server, bytes));
        await descriptorsBackTo(server.pid, descriptors);
        assert.equal((await request(server.uwsgi())).status, 200);
        assert.doesNotMatch(server.log(), /died|Assertion/);
        assert.equal(await server.stop(), 0);
      });
    });
  }
}

/** One worker, one request at a time, and a heap that does not hide a leak behind room it takes for itself. */
async function startSmallServer(t: TestContext, engine: string, transport: Transport): Promise<RunningServer> {
  const nodeArgs = ['--max-semi-space-size=1'];
  const server = await startUwsgiServer(engine, transport, ['--threads', '1', '--disable-logging'], { nodeArgs });
  t.after(() => server.kill('SIGKILL'));
  return server;
}

/** Opens connections, sends some or all of a request, reads some or nothing of the answer, and leaves in one way or another. */
async function churn(server: RunningServer, random: Seeded, count: number): Promise<void> {
  const plans = Array.from({ length: count }, () => {
    const bytes = random.pick(REQUESTS);
    const sent = random.below(3) === 0 ? bytes.length : random.below(bytes.length + 1);
    return {
      bytes: bytes.subarray(0, sent),
      waitMs: random.below(4),
      reads: random.below(4) * 50_000,
      way: random.below(3),
    };
  });
  await inParallel(64, plans, async ({ bytes, waitMs, reads, way }) => {
    const client = new UwsgiClient(server.uwsgi());
    // Not waited for: it may leave before it is connected.
    void client.send(bytes);
    if (waitMs > 0) await sleep(waitMs);
    if (reads > 0 && way > 0) await Promise.race([client.received(reads), sleep(20)]);
    if (way === 1 && client.socket.remoteAddress !== undefined) client.socket.resetAndDestroy();
    else if (way === 2) client.halfClose();
    client.leave();
    await client.outcome;
  });
}

/** Random bytes, a good header with random vars, or a good request with some bytes changed. */
function anyBytes(random: Seeded): Buffer {
  switch (random.below(3)) {
    case 0:
      return random.bytes(random.below(2000));
    case 1: {
      const vars = random.bytes(random.below(300));
      return Buffer.concat([header(random.pick([0, 0, 0, 100, 5]), random.below(400)), vars]);
    }
    default: {
      const bytes = Buffer.from(requestBytes({ method: 'POST', uri: '/hash', body: random.bytes(random.below(3000)) }));
      for (let changes = 1 + random.below(5); changes > 0; changes--)
        bytes[random.below(bytes.length)] = random.below(256);
      return bytes;
    }
  }
}

async function sendAnyBytes(server: RunningServer, bytes: Buffer): Promise<void> {
  const client = new UwsgiClient(server.uwsgi());
  void client.send(bytes);
  client.halfClose();
  const timer = new AbortController();
  const hangs = sleep(HANG_MS, 'hangs' as const, { signal: timer.signal }).catch(() => 'ended' as const);
  const end = await Promise.race([client.outcome, hangs]);
  timer.abort();
  client.leave();
  assert.notEqual(end, 'hangs', `no end of the connection after ${bytes.toString('hex')}`);
}
