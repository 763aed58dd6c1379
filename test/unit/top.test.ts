// What `top` draws: whose numbers, in which order, in how much room, and nothing that a terminal would obey.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCommandLine } from '../../dist/config/command-line.js';
import { difference, formatBytes, formatTime, quantile, rate } from '../../dist/stats/page/rates.js';
import type { ForeignStats } from '../../dist/stats/top/read-stats.js';
import { draw, plain, type View } from '../../dist/stats/top/screen.js';

function worker(id: number, values: Partial<ForeignStats['workers'][number]> = {}): ForeignStats['workers'][number] {
  return {
    id,
    pid: 1,
    accepting: 1,
    requests: 0,
    delta_requests: 0,
    exceptions: 0,
    harakiri_count: 0,
    signals: 0,
    signal_queue: 0,
    status: 'idle',
    rss: 0,
    vsz: 0,
    running_time: 0,
    last_spawn: 0,
    respawn_count: 1,
    tx: 0,
    avg_rt: 0,
    apps: [],
    cores: [],
    ...values,
  };
}

/** As uWSGI itself would tell it: nothing of ours. */
function statsOf(...workers: ForeignStats['workers']): ForeignStats {
  return {
    version: '2.0.21',
    listen_queue: 0,
    listen_queue_errors: 0,
    signal_queue: 0,
    load: 0,
    pid: 1,
    uid: 0,
    gid: 0,
    cwd: '/',
    locks: [],
    sockets: [],
    workers,
  };
}

function core(uri: string): ForeignStats['workers'][number]['cores'][number] {
  return {
    id: 0,
    requests: 0,
    static_requests: 0,
    routed_requests: 0,
    offloaded_requests: 0,
    write_errors: 0,
    read_errors: 0,
    in_request: 1,
    vars: ['REQUEST_METHOD=GET', `REQUEST_URI=${uri}`],
    req_info: { request_start: Math.floor(Date.now() / 1000) - 5 },
  };
}

function viewOf(now: ForeignStats, before?: ForeignStats, values: Partial<View> = {}): View {
  return {
    name: '/run/stats.sock',
    look: { stats: now, atMs: 3000 },
    before: before && { stats: before, atMs: 1000 },
    error: undefined,
    sort: 'w',
    isFrozen: false,
    columns: 120,
    rows: 30,
    ...values,
  };
}

/** The numbers of the workers, from the top. */
function orderOf(view: View): number[] {
  return draw(view)
    .map(({ text }) => Number(/^ {0,3}(\d+) (?:idle|busy)/.exec(text)?.[1] ?? 0))
    .filter((id) => id > 0);
}

test('rates are of the time between two looks', () => {
  const lines = draw(viewOf(statsOf(worker(1, { requests: 300 })), statsOf(worker(1, { requests: 100 }))));
  assert.ok(lines.some(({ text }) => /^requests 300 +100\/s/.test(text)));
  const anew = draw(viewOf(statsOf(worker(1, { requests: 3 })), statsOf(worker(1, { requests: 100 }))));
  assert.ok(anew.some(({ text }) => /^requests 3 +0\/s/.test(text)));
});

test('workers are sorted by what is asked for', () => {
  const before = statsOf(worker(1), worker(2), worker(3));
  const now = statsOf(
    worker(1, { requests: 5, rss: 30, avg_rt: 1 }),
    worker(2, { requests: 50, rss: 10, avg_rt: 2 }),
    worker(3, { requests: 500, rss: 20, avg_rt: 3, status: 'busy', cores: [core('/slow')] }),
  );
  const orders = { w: [1, 2, 3], r: [3, 2, 1], m: [1, 3, 2], l: [3, 2, 1], a: [3, 1, 2] } as const;
  for (const [sort, order] of Object.entries(orders)) {
    assert.deepEqual(orderOf(viewOf(now, before, { sort: sort as keyof typeof orders })), order, sort);
  }
  assert.ok(draw(viewOf(now)).some(({ text }) => / [56](\.\d+)? s +GET \/slow/.test(text)));
});

test('whatever the server says, the screen holds printable characters within its size only', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 });
  fc.assert(
    fc.property(
      text,
      text,
      fc.integer({ min: 1, max: 90 }),
      fc.integer({ min: 1, max: 12 }),
      (uri, status, columns, rows) => {
        // What is no number, where there should be one, is all the same.
        const number = uri as unknown as number;
        const one = worker(number, { status, cores: [core(uri)], requests: number, exceptions: number });
        const stats = { ...statsOf(one), version: uri, pid: number, listen_queue: number };
        const lines = draw(viewOf(stats, undefined, { columns, rows, name: uri, error: status }));
        assert.ok(lines.length <= rows);
        for (const line of lines) {
          assert.ok(line.text.length <= columns);
          assert.match(line.text, /^[\x20-\x7eµ]*$/);
        }
      },
    ),
  );
  assert.equal(plain('\x1b[2J\u202eé\n'), '\\u{1b}[2J\\u{202e}\\u{e9}\\u{a}');
});

test('an error is told above what is shown, and alone when there is nothing to show', () => {
  const lost = draw(viewOf(statsOf(worker(1)), undefined, { error: 'connect ECONNREFUSED' }));
  assert.ok(lost.some(({ text, style }) => style === 'alarm' && text.startsWith('LOST: connect ECONNREFUSED')));
  const [first] = draw({ ...viewOf(statsOf()), look: undefined, error: 'no answer' });
  assert.equal(first?.text, '/run/stats.sock: no answer');
});

test('a quantile lies in its bucket, and grows with its rank', () => {
  const bounds = [1, 2, 5, 10];
  assert.equal(quantile(bounds, [0, 0, 0, 0, 0], 0.5), undefined);
  assert.equal(quantile(bounds, [0, 4, 0, 0, 0], 0.5), 1.5);
  assert.equal(quantile(bounds, [1, 0, 0, 0, 9], 0.99), 10);
  fc.assert(
    fc.property(fc.array(fc.nat(50), { minLength: 5, maxLength: 5 }), (counts) => {
      const [low, high] = [quantile(bounds, counts, 0.2), quantile(bounds, counts, 0.9)];
      assert.equal(
        low === undefined,
        counts.every((count) => count === 0),
      );
      if (low !== undefined && high !== undefined) assert.ok(low <= high && high <= 10 && low >= 0);
    }),
  );
});

test('numbers are written as people read them', () => {
  assert.deepEqual([0, 350, 12_345, 4_200_000, 200_000_000, 7_500_000_000, 100_000_000_000].map(formatTime), [
    '0 µs',
    '350 µs',
    '12.3 ms',
    '4.20 s',
    '3 m 20 s',
    '2 h 5 m',
    '1 d 3 h',
  ]);
  assert.deepEqual([0, 999, 1229, 35_651_584].map(formatBytes), ['0 B', '999 B', '1.20 kB', '34 MB']);
  assert.deepEqual(difference([5, 3], [2, 3]), [3, 0]);
  assert.deepEqual(difference([1, 0], [2, 3]), [1, 0]);
  assert.deepEqual([rate(10, 5, 500), rate(1, 5, 500), rate(5, undefined, 500)], [10, 0, 0]);
});

test('top ADDR [SECONDS] is a command', () => {
  const parse = (...argv: string[]) => parseCommandLine(argv, {}, '/');
  const tcp = { kind: 'tcp', host: '127.0.0.1', port: 1717 };
  assert.deepEqual(parse('top', '127.0.0.1:1717'), { kind: 'top', address: tcp, intervalMs: 1000 });
  assert.deepEqual(parse('top', 'http://127.0.0.1:1717/', '0.5'), { kind: 'top', address: tcp, intervalMs: 500 });
  assert.deepEqual(parse('top', '/run/s.sock'), {
    kind: 'top',
    address: { kind: 'unix', path: '/run/s.sock' },
    intervalMs: 1000,
  });
  for (const argv of [
    ['top'],
    ['top', ':1717', '0'],
    ['top', ':1717', 'x'],
    ['top', ':1717', '1', '2'],
    ['top', 'a:b:c'],
  ]) {
    assert.throws(() => parse(...argv), { name: 'FastwsgiError' });
  }
});
