// A worker that is busy, or stuck, keeps nobody waiting that another worker can serve; and what runs at a time is bounded.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, ask, Signs, SOCKET_KINDS, startApp, TWINS, until } from './threads-client.js';

/** Sends `count` requests, both kinds in turn, at most 32 at a time. */
async function askMany(count: number, send: (index: number) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const sender = async () => {
    for (let i = next++; i < count; i = next++) answers.push(await send(i));
  };
  await Promise.all(Array.from({ length: 32 }, sender));
  return answers;
}

for (const twin of TWINS) {
  for (const [kind, threads] of [
    ['http', 1],
    ['uwsgi', 4],
  ] as const) {
    test(`while a ${kind} handler blocks one of two workers of ${threads} threads every other request is answered, ${twin.name}`, async () => {
      using signs = new Signs();
      await using server = await startApp(twin, ['--processes', '2', '--threads', String(threads)]);
      let spinning = true;
      const stuck = ask(server, kind, `/spin?until=${signs.path('stop')}&mark=${signs.path('begun')}`);
      void stuck.then(() => {
        spinning = false;
      });
      await until('it spins', () => signs.count('begun') === 1);
      const answers = await askMany(400, (i) => ask(server, SOCKET_KINDS[i % 2] ?? 'http', '/'));
      // It ends only when it is told to, below: nobody has waited for it.
      assert.ok(spinning);
      assert.equal(answers.length, 400);
      for (const { status, complete } of answers) assert.deepEqual([status, complete], [200, true]);
      assert.equal(new Set(answers.map(({ body }) => body)).size, 1, 'one worker has answered them all');
      signs.give('stop');
      const { status, body } = await stuck;
      assert.deepEqual([status, body], [200, 'spun']);
      assert.equal(await server.stop(), 0);
    });
  }

  for (const [option, threads] of [
    ['threads', 3],
    ['async', 5],
    [undefined, 1],
  ] as const) {
    const name =
      option === undefined
        ? 'a worker runs one request at a time by default'
        : `${option} = ${threads} bounds what a worker runs at a time`;
    test(`${name}, ${twin.name}`, async () => {
      using signs = new Signs();
      const args = option === undefined ? [] : [`--${option}`, String(threads)];
      await using server = await startApp(twin, ['--processes', '2', ...args]);
      const held = Array.from({ length: 20 }, (_, i) =>
        ask(server, SOCKET_KINDS[i % 2] ?? 'http', `/hold?until=${signs.path('go')}&mark=${signs.path(`mark-${i}`)}`),
      );
      await until('both workers are full', () => signs.count('mark-') === 2 * threads);
      signs.give('go');
      const workers = new Set((await Promise.all(held)).map(({ status, body }) => `${status} ${body}`));
      assert.equal(workers.size, 2, [...workers].join());
      // A request runs in whichever worker is free: ask until both have told.
      const peaks = new Set<string>();
      for (let i = 0; i < 40; i++) peaks.add((await ask(server, SOCKET_KINDS[i % 2] ?? 'http', '/peak')).body);
      assert.deepEqual([...peaks], [String(threads)]);
      assert.equal(await server.stop(), 0);
    });
  }
}
