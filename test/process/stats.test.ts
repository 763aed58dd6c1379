// The stats socket: what it tells, in which order, of which workers, and to whom.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { boundTo, readRaw, readStats, statsWhen, totalsOf } from '../helpers/stats-client.js';
import {
  type Answer,
  APPS,
  ask,
  type DisposableServer,
  Signs,
  SOCKET_KINDS,
  startApp,
  TWINS,
  until,
} from './threads-client.js';

/** As uWSGI 2.0 writes them, and ours at the end. */
const KEYS =
  'version listen_queue listen_queue_errors signal_queue load pid uid gid cwd locks sockets workers fastwsgi';
const WORKER_KEYS =
  'id pid accepting requests delta_requests exceptions harakiri_count signals signal_queue status rss vsz running_time ' +
  'last_spawn respawn_count tx avg_rt apps cores';
const APP_KEYS = 'id modifier1 mountpoint startup_time requests exceptions chdir';
const CORE_KEYS =
  'id requests static_requests routed_requests offloaded_requests write_errors read_errors in_request vars req_info';

function keys(value: object | undefined): string {
  return Object.keys(value ?? {}).join(' ');
}

/** `texts` are strings, `numbers` are whole ones from 0. */
function assertTypes(value: object, texts: string, numbers: string): void {
  const entries = new Map<string, unknown>(Object.entries(value));
  for (const key of texts.split(' ').filter(Boolean)) assert.equal(typeof entries.get(key), 'string', key);
  for (const key of numbers.split(' ')) {
    const number = entries.get(key);
    assert.ok(Number.isSafeInteger(number) && (number as number) >= 0, `${key}: ${JSON.stringify(number)}`);
  }
}

function start(twin: (typeof TWINS)[number], ...args: readonly string[]): Promise<DisposableServer> {
  return startApp(twin, ['--stats', '127.0.0.1:0', ...args]);
}

for (const twin of TWINS) {
  test(`the keys of the stats are uWSGI's, in its order (${twin.name})`, async () => {
    await using server = await start(twin);
    await ask(server, 'uwsgi', '/');
    const text = await readRaw(boundTo(server, 'stats'));
    const stats = await statsWhen(server, ({ workers }) => workers[0]?.requests === 1);
    assert.equal(keys(stats), KEYS);
    const [worker] = stats.workers;
    assert.equal(keys(worker), WORKER_KEYS);
    assert.equal(keys(worker?.apps[0]), APP_KEYS);
    assert.equal(keys(worker?.cores[0]), CORE_KEYS);
    assert.equal(keys(stats.sockets[0]), 'name proto queue max_queue shared can_offload');
    assert.deepEqual(
      stats.sockets.map(({ name, proto }) => `${proto} ${name}`),
      server.addresses.map(({ protocol, address }) => `${protocol} ${address}`),
    );
    assert.match(text, /^\{\n\t"version": "/);
    assert.equal(stats.pid, server.pid);
    assert.equal(worker?.status, 'idle');
    assert.ok(worker.rss > 2 ** 20 && worker.tx > 20 && worker.running_time > 0 && worker.avg_rt > 0);
    assert.equal(worker.respawn_count, 1);
  });

  test(`stats-minified takes the white space away, and a unix socket has the mode of chmod-socket (${twin.name})`, async () => {
    using signs = new Signs();
    const path = join(signs.path('stats.sock'));
    await using server = await startApp(twin, ['--stats', path, '--stats-minified', '--chmod-socket=600', '--vacuum']);
    const text = await readRaw({ path });
    assert.doesNotMatch(text.trimEnd(), /[\n\t]/);
    assert.equal(keys(JSON.parse(text) as object), KEYS);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(await server.stop(), 0);
    assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
  });

  test(`a worker that is stuck is told of with its request, without what is secret in it (${twin.name})`, async () => {
    using signs = new Signs();
    await using server = await start(twin, '--processes', '2');
    const { host, port } = server.http();
    const stuck = connect({ host, port });
    stuck.on('error', () => {});
    const secrets = 'Authorization: Basic aGk6aG8=\r\nCookie: id=12345\r\nX-Api-Key: 12345\r\nX-Plain: 12345\r\n';
    stuck.write(`GET /stuck?by=loop&mark=${signs.path('on')} HTTP/1.1\r\nHost: a\r\n${secrets}\r\n`);
    await until('the request is running', () => signs.count('on') === 1);
    const stats = await statsWhen(server, ({ fastwsgi }) =>
      fastwsgi.workers.some(({ stalled_ms, running }) => stalled_ms > 200 && (running[0]?.age_ms ?? 0) >= 200),
    );
    const [busy, ...others] = stats.workers.filter(({ status }) => status === 'busy');
    assert.ok(busy !== undefined && others.length === 0);
    const core = busy.cores.find(({ in_request }) => in_request === 1);
    assert.ok(core !== undefined);
    const vars = core.vars.filter((line) => /^(HTTP_(AUTH|COOKIE|X_)|REQUEST_METHOD)/.test(line));
    assert.deepEqual(vars.sort(), [
      'HTTP_AUTHORIZATION=***',
      'HTTP_COOKIE=***',
      'HTTP_X_API_KEY=***',
      'HTTP_X_PLAIN=12345',
      'REQUEST_METHOD=GET',
    ]);
    assert.ok(Math.abs((core.req_info.request_start ?? 0) - Date.now() / 1000) < 60);
    stuck.destroy();
    server.kill('SIGKILL');
  });

  test(`every request is counted once, whatever it comes to (${twin.name})`, async () => {
    const args = ['--processes', '2', '--threads', '4', '--harakiri', '1', '--limit-post', '10'];
    using signs = new Signs();
    await using server = await start(twin, ...args);
    const answers: Answer[] = [];
    const uris = [
      '/',
      '/nowhere',
      '/error',
      '/',
      '/begin?by=exit',
      '/',
      '/die?by=exit',
      '/stuck?by=await',
      '/stuck?by=loop',
    ];
    for (const uri of uris) {
      for (const kind of SOCKET_KINDS) {
        // A cut that comes together with data is not told from an end.
        const until = uri.startsWith('/begin') ? `&until=${signs.path(`cut-${kind}`)}` : '';
        answers.push(await ask(server, kind, uri + until, () => signs.give(`cut-${kind}`)));
      }
    }
    // Those that died, and those that were stuck, have successors by then.
    await statsWhen(server, ({ workers }) => workers.reduce((sum, one) => sum + one.respawn_count, 0) === 2 + 4 + 2);
    server.kill('SIGHUP');
    await server.waitForLog(/^\*\*\* reload done/m);
    for (const kind of SOCKET_KINDS) answers.push(await ask(server, kind, '/'));
    // What no worker sees.
    const raw = connect(server.http());
    raw.on('error', () => {});
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n01234567890');
    await new Promise((resolve) => raw.once('data', resolve));
    raw.destroy();
    const cut = connect(server.http());
    cut.on('error', () => {});
    cut.end('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n0123');
    await new Promise((resolve) => cut.once('close', resolve).resume());
    const expected = uris.length * 2 + 2 + 2;
    const stats = await statsWhen(server, (now) => {
      const reloaded = now.fastwsgi.ends.find(({ cause }) => cause === 'reload');
      return totalsOf(now).all >= expected && reloaded?.count === 2;
    });
    const totals = totalsOf(stats);
    assert.equal(totals.all, expected);
    const count = (wanted: number) => answers.filter(({ status, complete }) => complete && status === wanted).length;
    assert.equal(totals.unanswered.cut, answers.filter(({ complete }) => !complete).length);
    assert.equal(totals.byStatusClass[2], count(200));
    assert.equal(totals.answers[502], count(502));
    assert.equal(totals.answers[413], 1);
    assert.equal(totals.unanswered.incomplete, 1);
    // Two by the worker, whose event loop turned, and two in its stead.
    assert.deepEqual([count(504), totals.answers[504]], [4, 2]);
    assert.equal(totals.byStatusClass[5], count(500) + 2);
    const sum = (key: 'harakiri_count' | 'exceptions' | 'respawn_count') =>
      stats.workers.reduce((total, worker) => total + worker[key], 0);
    assert.equal(sum('harakiri_count'), 4);
    const ends = Object.fromEntries(stats.fastwsgi.ends.map(({ cause, count: times }) => [cause, times]));
    assert.deepEqual([ends.died, ends.harakiri, ends.reload], [4, 2, 2]);
    assert.equal(sum('respawn_count'), 2 + 4 + 2 + 2);
    assert.deepEqual(stats.fastwsgi.reloads, { done: 1, failed: 0 });
    const kinds = new Set(stats.fastwsgi.events.map(({ kind }) => kind));
    for (const kind of ['start', 'death', 'harakiri', 'respawn', 'reload'] as const) assert.ok(kinds.has(kind), kind);
  });

  test(`what is answered out of files is counted, and by no worker (${twin.name})`, async () => {
    await using server = await start(twin, '--static-map', `/files=${APPS}`);
    for (const kind of SOCKET_KINDS) {
      assert.equal((await ask(server, kind, '/files/threads.js')).status, 200);
      assert.equal((await ask(server, kind, '/')).status, 200);
    }
    const totals = totalsOf(await statsWhen(server, (stats) => totalsOf(stats).all === 4));
    assert.deepEqual([totals.local, totals.byWorkers], [2, 2]);
  });

  test(`clients that connect and do not read, and more than there is room for, keep nobody else from the stats (${twin.name})`, async () => {
    await using server = await start(twin);
    const target = boundTo(server, 'stats');
    const idle = Array.from({ length: 80 }, () =>
      connect(target)
        .on('error', () => {})
        .pause(),
    );
    await Promise.all(
      idle.map((socket) => new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))),
    );
    assert.equal((await ask(server, 'http', '/')).status, 200);
    // All of them are still there.
    assert.equal((await statsWhen(server, ({ workers }) => workers[0]?.requests === 1)).workers.length, 1);
    for (const socket of idle) socket.destroy();
  });

  test(`a scraper that keeps its connection busy is not the one that goes when there is no room (${twin.name})`, async () => {
    await using server = await start(twin, '--stats-http');
    const target = boundTo(server, 'stats');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    const scrape = () =>
      new Promise<void>((resolve, reject) => {
        get({ ...target, agent }, (response) => {
          ports.add(response.socket.localPort);
          response.resume().on('end', resolve);
        }).on('error', reject);
      });
    await scrape();
    const slow: Socket[] = [];
    for (let i = 0; i < 100; i++) {
      const socket = connect(target).on('error', () => {});
      slow.push(socket);
      await once(socket, 'connect');
      socket.write('GET /slow HTT');
      if (i % 10 === 9) await scrape();
    }
    assert.equal(ports.size, 1);
    for (const socket of slow) socket.destroy();
    agent.destroy();
  });

  test(`what is sent to the stats, be it garbage or nothing, from a thousand of them, is survived (${twin.name})`, async () => {
    await using server = await start(twin);
    const target = boundTo(server, 'stats');
    const garbage = Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 31) & 0xff));
    for (let round = 0; round < 20; round++) {
      // No more than the backlog holds: what the kernel drops there, a client that only listens never hears of.
      const crowd = Array.from({ length: 50 }, (_, i) => {
        const socket = connect(target).on('error', () => {});
        if (i % 2 === 0) socket.write(garbage);
        return socket;
      });
      await Promise.all(crowd.map((socket) => new Promise((resolve) => socket.once('close', resolve).resume())));
    }
    assert.equal((await ask(server, 'http', '/')).status, 200);
    const { requests } = (await statsWhen(server, ({ workers }) => workers[0]?.requests === 1)).workers[0] ?? {};
    assert.equal(requests, 1);
  });

  test(`every key that uwsgitop and uwsgi_exporter read has the type they read (${twin.name})`, async () => {
    await using server = await start(twin, '--processes', '2');
    for (const kind of SOCKET_KINDS) await ask(server, kind, '/');
    const stats = await statsWhen(server, (all) => totalsOf(all).byWorkers === SOCKET_KINDS.length);
    // Go's decoder takes no fraction for an int, and no number for a string.
    assertTypes(stats, 'version cwd', 'listen_queue listen_queue_errors signal_queue load pid uid gid');
    assert.ok(stats.sockets.length > 0);
    for (const socket of stats.sockets) assertTypes(socket, 'name proto', 'queue max_queue shared can_offload');
    assert.equal(stats.workers.length, 2);
    for (const worker of stats.workers) {
      assertTypes(
        worker,
        'status',
        'id pid accepting requests delta_requests exceptions harakiri_count signals signal_queue rss vsz running_time ' +
          'last_spawn respawn_count tx avg_rt',
      );
      assert.equal(worker.apps.length, 1);
      for (const app of worker.apps) {
        assertTypes(app, 'mountpoint chdir', 'id modifier1 startup_time requests exceptions');
      }
      assert.ok(worker.cores.length > 0);
      for (const core of worker.cores) {
        assertTypes(
          core,
          '',
          'id requests static_requests routed_requests offloaded_requests write_errors read_errors in_request',
        );
        assert.ok(core.vars.every((text) => typeof text === 'string'));
      }
    }
  });

  test(`stats go on over a pause and a drain (${twin.name})`, async () => {
    using signs = new Signs();
    await using server = await start(twin);
    assert.equal((await readStats(server)).fastwsgi.state, 'ready');
    server.kill('SIGTSTP');
    const paused = await statsWhen(server, ({ fastwsgi }) => fastwsgi.state === 'paused');
    assert.equal(paused.workers[0]?.status, 'pause');
    server.kill('SIGTSTP');
    await statsWhen(server, ({ fastwsgi }) => fastwsgi.state === 'ready');
    const held = ask(server, 'http', `/hold?mark=${signs.path('on')}&until=${signs.path('off')}`);
    await until('the request is running', () => signs.count('on') === 1);
    server.kill('SIGTERM');
    const stopping = await statsWhen(server, ({ fastwsgi }) => fastwsgi.state === 'stopping');
    assert.equal(stopping.fastwsgi.in_flight, 1);
    signs.give('off');
    assert.equal((await held).status, 200);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });
}
