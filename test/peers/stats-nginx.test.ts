// The counters against those who know: the load generator, and the access log of a real nginx. Equal to the request, over
// reloads, recycles, and workers that die.
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { test } from 'node:test';
import { nginxMissing, startNginx } from '../helpers/nginx.js';
import { statsWhen, totalsOf } from '../helpers/stats-client.js';
import { countInLog, Signs, startApp, TWINS } from '../process/threads-client.js';

const WORKERS = 2;
const CLIENTS = 4;
const REQUESTS_EACH = 500;

/** One GET; its status, 0 when it was cut. */
function get(agent: Agent, socketPath: string, path: string): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request({ socketPath, agent, path }, (response) => {
      response.resume();
      response.on('close', () => resolve(response.complete ? (response.statusCode ?? 0) : 0));
    });
    outgoing.on('error', () => resolve(0)).end();
  });
}

/** Mostly what is answered; now and then an error, and a worker that dies before or in the middle of its answer. */
function pathOf(at: number): string {
  if (at % 250 === 120) return '/die?by=exit';
  if (at % 250 === 240) return '/begin?by=exit';
  if (at % 10 === 3) return '/error';
  return at % 10 === 7 ? '/nowhere' : '/';
}

for (const twin of TWINS) {
  test(`the counters equal nginx's access log and the clients' count (${twin.name})`, {
    skip: nginxMissing(),
  }, async () => {
    using signs = new Signs();
    const log = signs.path('access.log');
    const fifo = signs.path('fifo');
    const args = [
      '--master-fifo',
      fifo,
      '--processes',
      String(WORKERS),
      '--threads',
      '4',
      '--max-requests',
      '60',
      '--min-worker-lifetime',
      '0',
    ];
    await using server = await startApp(twin, ['--stats', '127.0.0.1:0', '--disable-logging', ...args]);
    const nginx = await startNginx({
      app: { upstream: server.uwsgi(), settings: [`access_log ${log} combined;`] },
    });
    const seen: number[] = [];
    let threadsEnded = 0;
    try {
      const client = async (): Promise<void> => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        for (let at = 0; at < REQUESTS_EACH; at++) {
          const path = pathOf(at);
          if (path.endsWith('by=exit')) threadsEnded++;
          seen.push(await get(agent, nginx.sockets.app ?? '', path));
          if (at % 125 === 60) server.kill('SIGHUP');
          // Ends threads in the middle of whatever they do.
          if (at % 125 === 100) {
            appendFileSync(fifo, 'R');
            threadsEnded += WORKERS;
          }
        }
        agent.destroy();
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
    } finally {
      await nginx.stop();
    }
    const logged = readFileSync(log, 'latin1')
      .trimEnd()
      .split('\n')
      .map((line) => Number(/" (\d{3}) /.exec(line)?.[1]));
    const sent = CLIENTS * REQUESTS_EACH;
    assert.equal(logged.length, sent);
    assert.equal(seen.length, sent);
    const stats = await statsWhen(server, ({ fastwsgi }) => fastwsgi.in_flight === 0);
    const totals = totalsOf(stats);
    assert.equal(totals.all, sent, JSON.stringify(totals));
    const count = (statusClass: number) => logged.filter((status) => Math.floor(status / 100) === statusClass).length;
    const byFront = Object.values(totals.answers).reduce((a, b) => a + b, 0);
    const cut = totals.unanswered.cut ?? 0;
    assert.equal(totals.byStatusClass[4], count(4));
    // nginx has passed on the head of what was cut, or answered 502. A thread that ends between its last byte and its count
    // leaves a response that is whole, and counted as cut: one for each thread that was ended at most.
    const cutSeen = seen.filter((status) => status === 0).length;
    const whole = count(2) - (totals.byStatusClass[2] ?? 0) - cutSeen;
    assert.ok(whole >= 0 && whole <= threadsEnded, `${whole} counted as cut are whole`);
    assert.equal((totals.byStatusClass[5] ?? 0) + byFront + (cut - cutSeen - whole), count(5));
    assert.ok(cut > 0 && byFront > 0 && countInLog(server, /^\*\*\* reload done/) > 0);
    assert.ok(stats.fastwsgi.ends.some(({ cause, count: ends }) => cause === 'max-requests' && ends > 0));
    assert.ok(stats.workers.every(({ requests, delta_requests }) => delta_requests <= requests));
    assert.equal(await server.stop(), 0);
  });
}
