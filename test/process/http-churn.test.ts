// Ten thousand connections, dropped at random points of whatever they were doing: no descriptor, slot or memory stays behind.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { request, type Target } from '../helpers/http-client.js';
import { ENGINES, eventually, pattern, startHttp } from '../helpers/http-front.js';

const CONNECTIONS = 10_000;
const AT_A_TIME = 50;

/** A generator of 32-bit numbers with a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

const HEAD = 'HTTP/1.1\r\nHost: a\r\n';
const REQUESTS: readonly Buffer[] = [
  Buffer.from(`GET / ${HEAD}\r\n`),
  Buffer.from(`GET /stream?300000 ${HEAD}\r\n`),
  Buffer.from(`GET /length?300000 ${HEAD}\r\n`),
  Buffer.from(`GET /slow?20 ${HEAD}\r\n`),
  Buffer.from(`GET / ${HEAD}\r\nGET /slow?5 ${HEAD}\r\nGET / ${HEAD}\r\n`),
  Buffer.from(`POST /hash ${HEAD}Content-Length: 5\r\n\r\nhello`),
  Buffer.concat([Buffer.from(`POST /hash ${HEAD}Content-Length: 300000\r\n\r\n`), pattern(0, 300_000)]),
  Buffer.from(`POST /hash ${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`),
  Buffer.from(`GET / ${HEAD}Host: a\r\n\r\n`),
];

/** Sends a random part of a request and leaves after a random while, by RST half of the time. */
function dropOne(target: Target, next: () => number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(target.port ?? 0, '127.0.0.1');
    const bytes = REQUESTS[next() % REQUESTS.length] as Buffer;
    const isWhole = next() % 2 === 0;
    const part = bytes.subarray(0, isWhole ? bytes.length : next() % (bytes.length + 1));
    const waitMs = next() % 12;
    const reset = next() % 2 === 0;
    const reads = next() % 2 === 0;
    if (reads) socket.resume();
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.on('connect', () => {
      socket.write(part);
      setTimeout(() => (reset ? socket.resetAndDestroy() : socket.destroy()), waitMs);
    });
  });
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

for (const engine of ENGINES) {
  describe(`dropped connections on ${engine}`, () => {
    test(`leave nothing behind, ${CONNECTIONS} of them`, async (context) => {
      const seed = Number(process.env.HTTP_CHURN_SEED ?? Date.now() & 0x7fffffff);
      context.diagnostic(`HTTP_CHURN_SEED=${seed}`);
      const next = random(seed);
      await using http = await startHttp(engine, { worker: { slots: 32, concurrency: 16, queueMax: 20 } });
      const churn = async (count: number): Promise<void> => {
        let left = count;
        const worker = async (): Promise<void> => {
          while (left-- > 0) await dropOne(http.target, next);
        };
        await Promise.all(Array.from({ length: AT_A_TIME }, worker));
        await eventually(
          'all slots are free',
          () => http.worker.busySlots === 0 && http.worker.dispatcher.queued === 0,
        );
      };
      await churn(1000);
      await sleep(100);
      const before = openDescriptors();
      const rssBefore = process.memoryUsage().rss;
      await churn(CONNECTIONS - 1000);
      // The kernel tells the engine of the last resets a moment later.
      await eventually('no descriptor is left', () => openDescriptors() <= before);
      const grown = process.memoryUsage().rss - rssBefore;
      assert.ok(grown < 100_000_000, `resident memory grew by ${grown} bytes`);
      assert.equal((await request(http.target, REQUESTS[0] as Buffer))?.status, 200);
    });
  });
}
