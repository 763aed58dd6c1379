// Deadlines: whatever keeps a request from ending, its client gets 504 and every other request its answer.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { descriptorsBackTo, idleDescriptors } from '../helpers/process-status.js';
import type { RunningServer } from '../helpers/server.js';
import { ask, countInLog, ENGINES, Signs, SOCKET_KINDS, startApp, TWINS, until } from './threads-client.js';

/** Ways in which a thread is kept, and whether its event loop turns meanwhile. */
const WAYS: readonly { readonly by: string; readonly graceful: boolean; readonly stack?: RegExp }[] = [
  { by: 'await', graceful: true },
  { by: 'loop', graceful: false, stack: / {4}at loop \(.*threads\.js:\d+:\d+\)/ },
  { by: 'wait', graceful: false },
  { by: 'regexp', graceful: false },
  { by: 'exec', graceful: false },
];

for (const twin of ENGINES) {
  describe(`harakiri on the ${twin.name} twin`, () => {
    let server: RunningServer;
    before(async () => {
      const args = ['--processes', '3', '--harakiri', '1', '--harakiri-verbose', '--http-keepalive', '0'];
      server = await startApp(twin, args);
    });
    after(() => server.stop());

    for (const { by, graceful, stack } of WAYS) {
      test(`a request that is kept by ${by} gets 504, and the others their answers`, async () => {
        using signs = new Signs();
        const from = server.log().length;
        const guilty = SOCKET_KINDS.map((kind) => ask(server, kind, `/stuck?by=${by}&mark=${signs.path(kind)}`));
        await until('both to run', () => signs.count('') === 2);
        for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, '/')).status, 200);
        for (const { status, complete } of await Promise.all(guilty)) assert.deepEqual([status, complete], [504, true]);
        const twice = (line: RegExp) => until(`${line} twice`, () => countInLog(server, line, from) === 2);
        const word = graceful ? 'yes' : 'no';
        await twice(new RegExp(`\\*\\*\\* HARAKIRI ON WORKER \\d \\(pid: ${server.pid}, try: 1, graceful: ${word}\\)`));
        await twice(/HARAKIRI \[core \d+\] 127\.0\.0\.1 - GET \/stuck\?by=\w+&\S+ since \d{10}$/);
        if (!graceful) {
          await twice(/DAMN ! worker \d \(pid: \d+\) died, killed by harakiri :\( trying respawn/);
          await twice(/^Respawned uWSGI worker/);
          await twice(/was stuck in$/);
          if (stack !== undefined) await twice(stack);
        }
        for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, '/')).status, 200);
      });
    }

    test('a response that has begun is cut at its deadline, and its iterator closed', async () => {
      using signs = new Signs();
      for (const kind of SOCKET_KINDS) {
        const answer = await ask(server, kind, `/drip?closed=${signs.path(kind)}`);
        assert.deepEqual([answer.status, answer.body.slice(0, 5), answer.complete], [200, 'begun', false]);
      }
      await until('both iterators to be closed', () => signs.count('') === 2);
    });

    test('a thread out of memory, one that exits and one that throws take only their own requests along', async () => {
      for (const by of ['throw', 'exit']) {
        for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, `/die?by=${by}`)).status, 502);
      }
      for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, '/')).status, 200);
    });
  });
}

for (const twin of TWINS) {
  test(`requests that a stuck thread was awaiting get 502, those it had not started are answered elsewhere (${twin.name})`, async () => {
    using signs = new Signs();
    // Two workers with two requests each: in one a request awaits and the other loops.
    await using server = await startApp(twin, ['--processes', '2', '--threads', '2', '--harakiri', '3']);
    // What a thread opens only now and then is open once each has been replaced.
    for (const kind of SOCKET_KINDS) await ask(server, kind, '/die?by=throw');
    await until('both to be replaced', () => countInLog(server, /^Respawned/) === 2);
    const descriptors = await idleDescriptors(server.pid);
    const awaiting = SOCKET_KINDS.map((kind) =>
      ask(server, kind, `/hold?until=${signs.path('go')}&mark=${signs.path(`hold-${kind}`)}`),
    );
    await until('both to await', () => signs.count('hold') === 2);
    // The deadline of those that loop is far behind that of the others, which is when their threads are ended.
    await sleep(1500);
    const looping = SOCKET_KINDS.map((kind) => ask(server, kind, `/stuck?by=loop&mark=${signs.path(`loop-${kind}`)}`));
    await until('both to loop', () => signs.count('loop') === 2);
    // Nobody can take these before a thread is replaced.
    const waiting = SOCKET_KINDS.map((kind) => ask(server, kind, '/'));
    const answers = [...(await Promise.all(awaiting)), ...(await Promise.all(looping))].map(({ status }) => status);
    // The awaiting ones are older: their deadline passes first, and their worker does not react.
    assert.deepEqual(answers, [504, 504, 502, 502]);
    for (const { status } of await Promise.all(waiting)) assert.equal(status, 200);
    await descriptorsBackTo(server.pid, descriptors);
    assert.equal(await server.stop(), 0);
  });
}

for (const twin of TWINS) {
  test(`threads that are stuck in native code are replaced, and do not keep the server from ending (${twin.name})`, async () => {
    const args = ['--processes', '2', '--harakiri', '1', '--reload-mercy', '2'];
    await using server = await startApp(twin, args);
    const kept = SOCKET_KINDS.map((kind) => ask(server, kind, '/stuck?by=native'));
    for (const { status } of await Promise.all(kept)) assert.equal(status, 504);
    await until(
      'both to be announced',
      () => countInLog(server, /: its thread is stuck in native code and cannot be ended/) === 2,
    );
    for (const kind of SOCKET_KINDS) assert.equal((await ask(server, kind, '/')).status, 200);
    server.kill('SIGTERM');
    // Without libc there is no way to end with a status that waits for nobody.
    const end = twin.env.FASTWSGI_NATIVE === '0' ? { code: null, signal: 'SIGKILL' } : { code: 0, signal: null };
    assert.deepEqual(await server.exited, end);
  });
}

for (const twin of TWINS) {
  test(`requests that hang one after the other get 504 each, and their thread lives (${twin.name})`, async () => {
    await using server = await startApp(twin, ['--processes', '1', '--async', '64', '--harakiri', '1']);
    const asked = [];
    for (let i = 0; i < 60; i++) {
      asked.push(ask(server, SOCKET_KINDS[i % 2] ?? assert.fail(), '/stuck?by=await'));
      await sleep(25);
    }
    for (const { status, complete } of await Promise.all(asked)) assert.deepEqual([status, complete], [504, true]);
    await until('all to be told', () => countInLog(server, /^HARAKIRI \[core \d+\]/) === 60);
    assert.equal(countInLog(server, /graceful: no|DAMN/), 0);
    assert.equal(await server.stop(), 0);
  });
}

for (const twin of TWINS) {
  test(`a deadline that ends the last request of a worker that goes is logged, too (${twin.name})`, async () => {
    using signs = new Signs();
    await using server = await startApp(twin, ['--processes', '1', '--harakiri', '2']);
    const guilty = ask(server, 'http', `/stuck?by=await&mark=${signs.path('begun')}`);
    await until('it to run', () => signs.count('begun') === 1);
    server.kill('SIGHUP');
    assert.equal((await guilty).status, 504);
    await server.waitForLog(/graceful: yes\) \*\*\*\nHARAKIRI \[core \d+\] 127\.0\.0\.1 - GET \/stuck\?by=await/);
    assert.equal(await server.stop(), 0);
  });
}

test('http-harakiri is for HTTP alone', async () => {
  await using server = await startApp(TWINS[0] ?? assert.fail(), ['--processes', '2', '--http-harakiri', '1']);
  using signs = new Signs();
  const uwsgi = ask(server, 'uwsgi', `/hold?until=${signs.path('go')}`);
  assert.equal((await ask(server, 'http', '/stuck?by=await')).status, 504);
  signs.give('go');
  assert.equal((await uwsgi).status, 200);
});
