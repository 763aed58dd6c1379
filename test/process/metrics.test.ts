// The metrics socket: what a real parser of Prometheus' format makes of it, and what tells whether the server is to get requests.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { startServer } from '../helpers/server.js';
import { boundTo, httpAsk, readStats } from '../helpers/stats-client.js';
import { APPS, ask, Signs, startApp, TWINS, until } from './threads-client.js';

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Every line is a comment that announces a family, or a sample of the family announced last. promtool's word: test/peers. */
function samplesOf(body: string): Sample[] {
  let family = '';
  const samples: Sample[] = [];
  for (const line of body.trimEnd().split('\n')) {
    const [, kind, name] = /^# (HELP|TYPE) ([a-z_]+) \S/.exec(line) ?? [];
    if (kind !== undefined) {
      assert.ok(kind === 'HELP' || name === family, line);
      family = name ?? '';
      continue;
    }
    const [, sampleName = '', labels = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? assert.fail(line);
    assert.ok(sampleName.startsWith(family), line);
    const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [key, text]);
    samples.push({ name: sampleName, labels: Object.fromEntries(pairs), value: Number(value) });
    assert.ok(Number.isFinite(Number(value)), line);
  }
  return samples;
}

for (const twin of TWINS) {
  test(`the exposition is read by a parser, and its numbers fit together (${twin.name})`, async () => {
    await using server = await startApp(twin, ['--metrics', '127.0.0.1:0', '--processes', '2']);
    const target = boundTo(server, 'metrics');
    for (let i = 0; i < 5; i++) await ask(server, 'uwsgi', '/');
    await ask(server, 'http', '/nowhere');
    await ask(server, 'http', '/die?by=exit');
    let samples: Sample[] = [];
    const sum = (name: string, labels: Record<string, string> = {}) =>
      samples
        .filter((sample) => sample.name === name)
        .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
        .reduce((total, { value }) => total + value, 0);
    await until('all is counted', async () => {
      const { status, headers, body } = await httpAsk(target, '/metrics');
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
      samples = samplesOf(body);
      return sum('fastwsgi_front_answers_total', { status: '502' }) === 1 && sum('fastwsgi_worker_ends_total') === 1;
    });
    assert.equal(sum('uwsgi_worker_requests_total'), 6);
    assert.equal(sum('fastwsgi_worker_responses_total', { class: '2xx' }), 5);
    assert.equal(sum('fastwsgi_worker_responses_total', { class: '4xx' }), 1);
    assert.equal(sum('fastwsgi_front_answers_total', { cause: 'worker-died' }), 1);
    assert.equal(sum('fastwsgi_worker_ends_total', { cause: 'died' }), 1);
    assert.equal(sum('fastwsgi_connections_accepted_total'), 7);
    for (const name of ['fastwsgi_request_duration_seconds', 'fastwsgi_request_queue_seconds']) {
      assert.equal(sum(`${name}_count`), 6);
      assert.equal(sum(`${name}_bucket`, { le: '+Inf' }), 6);
      assert.ok(sum(`${name}_sum`) > 0 && sum(`${name}_sum`) < 60);
      for (const worker_id of ['1', '2']) {
        const counts = samples.filter((one) => one.name === `${name}_bucket` && one.labels.worker_id === worker_id);
        assert.deepEqual(
          counts,
          counts.toSorted((one, other) => one.value - other.value),
        );
      }
    }
    const open = await httpAsk(target, '/metrics', { accept: 'application/openmetrics-text; version=1.0.0' });
    assert.match(open.headers['content-type'] ?? '', /^application\/openmetrics-text; version=1\.0\.0/);
    assert.match(open.body, /\n# EOF\n$/);
    assert.match(open.body, /^# TYPE uwsgi_worker_requests counter$/m);
  });

  test(`/readyz says no before the application is loaded, in a pause, and while the server stops; /healthz says yes (${twin.name})`, async () => {
    using signs = new Signs();
    await using server = await startApp(twin, ['--metrics', '127.0.0.1:0']);
    const target = boundTo(server, 'metrics');
    const ready = async () => {
      const { status, body } = await httpAsk(target, '/readyz');
      return `${status} ${body.trim()}`;
    };
    assert.equal(await ready(), '200 ready');
    server.kill('SIGTSTP');
    await until('it is paused', async () => (await ready()) === '503 paused');
    assert.equal((await httpAsk(target, '/healthz')).status, 200);
    server.kill('SIGTSTP');
    await until('it goes on', async () => (await ready()) === '200 ready');
    const held = ask(server, 'http', `/hold?mark=${signs.path('on')}&until=${signs.path('off')}`);
    await until('the request is running', () => signs.count('on') === 1);
    server.kill('SIGTERM');
    await until('it stops', async () => (await ready()) === '503 stopping');
    assert.equal((await httpAsk(target, '/healthz')).status, 200);
    signs.give('off');
    assert.equal((await held).status, 200);
    assert.equal((await server.exited).code, 0);
  });

  test(`/readyz says no where the application could not be loaded, until a reload brings one (${twin.name})`, async () => {
    using folder = new Signs();
    const args = [
      '--chdir',
      folder.path(''),
      '--module',
      'late:application',
      '--metrics',
      '127.0.0.1:0',
      '--stats',
      '127.0.0.1:0',
    ];
    await using server = await startApp(twin, args);
    const target = boundTo(server, 'metrics');
    const ready = async () => {
      const { status, body } = await httpAsk(target, '/readyz');
      return `${status} ${body.trim()}`;
    };
    assert.equal((await ask(server, 'http', '/')).status, 500);
    assert.equal(await ready(), '503 no-app');
    assert.equal((await httpAsk(target, '/healthz')).status, 200);
    assert.deepEqual((await readStats(server)).workers[0]?.apps, []);
    const broken = server.log().length;
    server.kill('SIGHUP');
    await server.waitForLog(/RELOAD FAILED/, { from: broken });
    assert.equal(await ready(), '503 no-app');
    folder.give(
      'late.mjs',
      'export const application = (environ, start) => { start("200 OK", []); return ["here"]; };',
    );
    server.kill('SIGHUP');
    await until('it is ready', async () => (await ready()) === '200 ready');
    assert.equal((await ask(server, 'http', '/')).body, 'here');
    // A reload that fails leaves those who serve.
    folder.give('late.mjs', 'throw new Error("broken")');
    const failed = server.log().length;
    server.kill('SIGHUP');
    await server.waitForLog(/RELOAD FAILED/, { from: failed });
    assert.equal(await ready(), '200 ready');
  });

  test(`the metrics are there while the application still loads, and answer nothing but what they are for (${twin.name})`, async () => {
    using signs = new Signs();
    const started = startServer({
      args: [
        '--chdir',
        APPS,
        '--module',
        'slow-start:application',
        '--http',
        '127.0.0.1:0',
        '--metrics',
        signs.path('m.sock'),
        ...twin.args,
      ],
      env: { ...twin.env, READY: signs.path('go'), STARTED: signs.path('started') },
    });
    const socketPath = signs.path('m.sock');
    let answer = '';
    await until('somebody answers', async () => {
      await new Promise<void>((resolve) => {
        const socket = connect(socketPath, () => socket.write('GET /readyz HTTP/1.0\r\n\r\n'));
        socket.on('data', (chunk) => {
          answer += chunk;
        });
        // It is not there yet, or does not listen yet.
        socket.on('error', () => {});
        socket.on('close', () => resolve());
      });
      return answer !== '';
    });
    assert.match(answer, /^HTTP\/1\.1 503 [\s\S]*\r\n\r\nstarting\n$/);
    signs.give('go');
    const server = await started;
    server.kill('SIGKILL');
    await server.exited;
  });
}

test('the metrics answer nothing but GET, and only what they are for', async () => {
  await using server = await startApp(TWINS[0] as (typeof TWINS)[number], ['--metrics', '127.0.0.1:0']);
  const target = boundTo(server, 'metrics');
  assert.equal((await httpAsk(target, '/metrics', {}, 'POST')).status, 405);
  assert.equal((await httpAsk(target, '/')).status, 404);
  assert.deepEqual(await httpAsk(target, '/metrics', {}, 'HEAD').then(({ status, body }) => [status, body]), [200, '']);
});
