// What waits while every worker is busy: a bounded number of HTTP requests, and any number of uwsgi connections.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseResponses, RawClient } from '../helpers/http-client.js';
import type { RunningServer } from '../helpers/server.js';
import { type Answer, ask, ENGINES, Signs, startApp, until } from './threads-client.js';

const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
/** Longer than a worker may stand still before nothing more is put into its lane. */
const STALL_MS = 50;

/** Occupies the only worker until the sign `go`. */
async function occupy(server: RunningServer, signs: Signs): Promise<{ readonly answer: Promise<Answer> }> {
  const answer = ask(server, 'http', `/hold?until=${signs.path('go')}&mark=${signs.path('begun')}`);
  await until('it runs', () => signs.count('begun') === 1);
  await sleep(STALL_MS);
  return { answer };
}

function sendRequest(server: RunningServer): RawClient {
  const client = new RawClient({ port: server.http().port });
  void client.send(REQUEST);
  return client;
}

function statuses(clients: readonly RawClient[]): number[] {
  return clients.flatMap(({ received, closed }) => parseResponses(received, closed).map(({ status }) => status));
}

for (const twin of ENGINES) {
  test(`HTTP requests over http-queue are answered 503, the others wait their turn, ${twin.name}`, async () => {
    using signs = new Signs();
    await using server = await startApp(twin, ['--processes', '1', '--http-queue', '3']);
    const held = await occupy(server, signs);
    const clients = Array.from({ length: 10 }, () => sendRequest(server));
    await until('seven are refused', () => statuses(clients).length === 7);
    for (const client of clients.filter(({ received }) => received.length > 0)) {
      const [response] = parseResponses(client.received, client.closed);
      assert.equal(response?.status, 503);
      assert.match(response?.headers.get('retry-after') ?? '', /^\d+$/);
    }
    signs.give('go');
    await until('all are answered', () => statuses(clients).length === 10);
    assert.deepEqual(statuses(clients).sort(), [...Array(3).fill(200), ...Array(7).fill(503)]);
    assert.equal((await held.answer).status, 200);
    for (const client of clients) client.destroy();
    assert.equal((await ask(server, 'http', '/')).status, 200);
    assert.equal(await server.stop(), 0);
  });

  test(`an HTTP client that leaves while it waits gives up its place, ${twin.name}`, async () => {
    using signs = new Signs();
    await using server = await startApp(twin, ['--processes', '1', '--http-queue', '1']);
    const held = await occupy(server, signs);
    const leaving = sendRequest(server);
    await until('the queue is full', async () => {
      const probe = sendRequest(server);
      await probe.until(() => probe.received.length > 0, STALL_MS);
      const refused = statuses([probe])[0] === 503;
      probe.destroy();
      return refused;
    });
    leaving.destroy();
    // Whoever comes next gets the place: it is not refused, and answered in the end.
    let next = sendRequest(server);
    await until('a request waits', async () => {
      await next.until(() => next.received.length > 0, STALL_MS);
      if (next.received.length === 0) return true;
      next.destroy();
      next = sendRequest(server);
      return false;
    });
    signs.give('go');
    assert.deepEqual(
      (await next.responses(1)).map(({ status }) => status),
      [200],
    );
    next.destroy();
    assert.equal((await held.answer).status, 200);
    assert.equal(await server.stop(), 0);
  });

  test(`uwsgi connections wait, however many, and all are answered, ${twin.name}`, async () => {
    using signs = new Signs();
    await using server = await startApp(twin, ['--processes', '1', '--http-queue', '1']);
    const held = await occupy(server, signs);
    const waiting = Array.from({ length: 90 }, () => ask(server, 'uwsgi', '/'));
    await sleep(STALL_MS);
    signs.give('go');
    for (const { status, complete } of await Promise.all(waiting)) assert.deepEqual([status, complete], [200, true]);
    assert.equal((await held.answer).status, 200);
    assert.equal(await server.stop(), 0);
  });
}
