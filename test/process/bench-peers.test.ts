// The benchmark against other servers, in its shortest form: that it starts them, compares, measures, reports, and leaves
// nothing behind. What it measures is no matter here.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const BENCH = resolve(import.meta.dirname, '../../build-bench/peers/run.js');
const SHORTEST = ['--scenario', 'hello', '--rounds', '1', '--seconds', '1', '--workers', '1', '--load', 'autocannon'];
/** A preload that makes node:http say something else, of the same length, in the peer that is node:http alone. */
const OTHER_ANSWER = `data:text/javascript,${encodeURIComponent(`
  import { ServerResponse } from 'node:http';
  const { end } = ServerResponse.prototype;
  if (process.argv[1]?.endsWith('node-http.js')) ServerResponse.prototype.end = function () { return end.call(this, 'Other World'); };
`)}`;

interface Bench {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

function startBench(args: readonly string[], env: NodeJS.ProcessEnv = {}): Bench {
  const child = spawn(process.execPath, [BENCH, ...args], { env: { ...process.env, ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return { child, output: () => output, ended: new Promise((done) => child.on('close', done)) };
}

/** The processes that a process has started and that have not ended. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
}

/** Not waited for by its parent is ended all the same. */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

describe('bench:peers', () => {
  for (const ours of ['fastwsgi-ts', 'fastwsgi-ts-native-free']) {
    test(`measures ${ours} beside node:http, and writes results, page and chart`, async () => {
      const docs = mkdtempSync(join(tmpdir(), 'fastwsgi-bench-'));
      try {
        const bench = startBench([...SHORTEST, '--peers', `${ours},node-http`, '--docs', docs]);
        assert.equal(await bench.ended, 0, bench.output());
        const { scenarios } = JSON.parse(readFileSync(join(docs, 'benchmarks.json'), 'utf8'));
        const rows = scenarios.hello.rows as { peer: string; figures: Record<string, number> }[];
        assert.deepEqual(
          rows.map(({ peer }) => peer.replace(' ', '-')),
          [ours, 'node:http'],
        );
        for (const { figures } of rows) {
          assert.ok((figures.requestsPerSecond as number) > 0);
          assert.equal(figures.errors, 0);
        }
        const page = readFileSync(join(docs, 'benchmarks.md'), 'utf8');
        assert.match(page, /\| node:http \(Node [\d.]+\) \| 1 \| \d+ \|/);
        assert.match(readFileSync(join(docs, 'images/bench-hello.svg'), 'utf8'), /node:http, 1 worker/);
      } finally {
        rmSync(docs, { recursive: true, force: true });
      }
    });
  }

  test('ends with status 1 when a peer answers differently', async () => {
    const peers = ['--peers', 'fastwsgi-ts-native-free,node-http'];
    const bench = startBench([...SHORTEST, ...peers], { NODE_OPTIONS: `--import=${OTHER_ANSWER}` });
    assert.equal(await bench.ended, 1, bench.output());
    assert.match(bench.output(), /node:http answers \/ differently/);
  });

  test('ends its peers when it is interrupted', async () => {
    const bench = startBench([...SHORTEST, '--rounds', '100', '--peers', 'node-http,node-cluster']);
    const pid = bench.child.pid as number;
    let peers: number[] = [];
    while (peers.length < 2) {
      await sleep(20);
      peers = childrenOf(pid);
    }
    while (peers.every((peer) => childrenOf(peer).length === 0)) await sleep(20);
    const all = [...peers, ...peers.flatMap(childrenOf)];
    bench.child.kill('SIGTERM');
    assert.notEqual(await bench.ended, 0);
    while (all.some(isAlive)) await sleep(20);
  });

  test('names the scenarios and peers there are when it does not know one', async () => {
    const bench = startBench(['--scenario', 'helo']);
    assert.equal(await bench.ended, 2);
    assert.match(bench.output(), /No scenario "helo": hello, nginx-unix/);
  });
});
