// Mixed load with random deaths of threads and clients: afterwards memory, descriptors and slots are what they were, and the
// server has counted what its clients have. A short run; `SOAK_SECONDS=600 node build-test/run.js soak` is the long one.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { descriptorsBackTo, idleDescriptors, residentBytes } from '../helpers/process-status.js';
import type { HostPort, RunningServer } from '../helpers/server.js';
import { requestBytes } from '../helpers/uwsgi-client.js';
import { ask, countInLog, type SocketKind, startApp, TWINS } from './threads-client.js';

const SECONDS = Number(process.env.SOAK_SECONDS ?? 10);
const CLIENTS = 6;
const MB = 2 ** 20;

/** What the clients have seen. */
interface Count {
  /** Answered by a worker: the server has counted these. */
  answered: number;
  /** Answered for a worker that was lost: nobody has counted these. */
  lost: number;
  /** Left before the answer: the server may have counted them. */
  left: number;
  readonly unexpected: string[];
}

/** Sends a request, and goes away some time after. */
async function leave(server: RunningServer, kind: SocketKind): Promise<void> {
  const target = kind === 'http' ? server.http() : (server.uwsgi() as HostPort);
  const socket = connect(target);
  socket.on('error', () => {});
  const bytes = kind === 'http' ? Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n') : requestBytes({ uri: '/' });
  socket.write(bytes.subarray(0, Math.ceil(Math.random() * bytes.length * 1.2)));
  await sleep(Math.random() * 5);
  socket.resetAndDestroy();
}

async function client(server: RunningServer, count: Count, untilMs: number): Promise<void> {
  while (performance.now() < untilMs) {
    const kind: SocketKind = Math.random() < 0.5 ? 'http' : 'uwsgi';
    const dice = Math.random();
    if (dice < 0.2) {
      await leave(server, kind);
      count.left++;
      continue;
    }
    // A few die and get stuck: the workers are busy with that for most of the time as it is.
    const [uri, expected] =
      dice < 0.202
        ? ['/die?by=exit', 502]
        : dice < 0.204
          ? ['/die?by=throw', 502]
          : dice < 0.205
            ? ['/stuck?by=loop', 504]
            : ['/', 200];
    const { status, complete } = await ask(server, kind, uri);
    if (status !== expected || !complete) count.unexpected.push(`${kind} ${uri}: ${status} ${complete}`);
    else if (status === 200) count.answered++;
    else count.lost++;
  }
}

/** What `kill -USR1` logs now: requests of all workers, and those in flight. */
async function statistics(server: RunningServer): Promise<{ requests: number; inFlight: number }> {
  const from = server.log().length;
  server.kill('SIGUSR1');
  const [, requests] = await server.waitForLog(/^all workers: (\d+) requests/m, { from });
  const lines = server
    .log()
    .slice(from)
    .matchAll(/(\d+) in flight/g);
  return { requests: Number(requests), inFlight: [...lines].reduce((sum, [, count]) => sum + Number(count), 0) };
}

for (const twin of TWINS) {
  test(`mixed load with random deaths leaves nothing behind (${twin.name})`, async (t) => {
    const args = ['--processes', '4', '--harakiri', '1', '--max-requests', '500', '--min-worker-lifetime', '1'];
    await using server = await startApp(twin, [...args, '--disable-logging', '--http-queue', '10000']);
    const warm: Count = { answered: 0, lost: 0, left: 0, unexpected: [] };
    const run = async (count: Count, seconds: number) => {
      const untilMs = performance.now() + seconds * 1000;
      await Promise.all(Array.from({ length: CLIENTS }, () => client(server, count, untilMs)));
      // The last threads are replaced, the last clients noticed.
      await sleep(2000);
    };
    await run(warm, SECONDS / 2);
    const descriptors = await idleDescriptors(server.pid);
    const resident = residentBytes(server.pid);
    const before = await statistics(server);
    const count: Count = { answered: 0, lost: 0, left: 0, unexpected: [] };
    await run(count, SECONDS);
    assert.deepEqual([...warm.unexpected, ...count.unexpected], []);
    const { requests, inFlight } = await statistics(server);
    const counted = requests - before.requests;
    const grown = residentBytes(server.pid) - resident;
    t.diagnostic(
      `${count.answered} answered, ${count.lost} lost with their threads, ${count.left} left; counted ${counted}; ` +
        `${countInLog(server, /^DAMN/)} threads died, ${countInLog(server, /Seeya/)} recycled; memory ${(grown / MB).toFixed(0)} MB more`,
    );
    assert.equal(inFlight, 0);
    assert.ok(counted >= count.answered && counted <= count.answered + count.left, `counted ${counted}`);
    await descriptorsBackTo(server.pid, descriptors + 2);
    assert.ok(grown < 60 * MB, `${grown} bytes more`);
    assert.equal(await server.stop(), 0);
  });
}
