// Runs all tests, or the files whose path holds one of the arguments, on every supported line of Node: one line for each.
// For a release: `node build-test/all-nodes.js`. What a version printed is kept in a file when it failed.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NODE_VERSIONS, nodeBinary } from './helpers/node-binaries.js';

const outputs = mkdtempSync(join(tmpdir(), 'fastwsgi-all-nodes-'));

interface Outcome {
  readonly status: number;
  readonly summary: string;
  readonly file: string;
}

/** Runs the suite; the binary it is started with is the one that its servers are started with. */
function runSuite(node: string, version: string): Promise<Outcome> {
  const file = join(outputs, `${version}.tap`);
  const output = createWriteStream(file);
  const child = spawn(node, [join(import.meta.dirname, 'run.js'), ...process.argv.slice(2)], {
    env: { ...process.env, CI: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output.write(text);
      tail = (tail + text).slice(-2000);
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      output.end();
      const count = (name: string) => /\d+/.exec(new RegExp(`^# ${name} \\d+`, 'm').exec(tail)?.[0] ?? '')?.[0] ?? '?';
      resolve({ status: code ?? 1, summary: `${count('pass')} passed, ${count('fail')} failed`, file });
    });
  });
}

for (const version of NODE_VERSIONS) {
  const node = await nodeBinary(version);
  const startedMs = performance.now();
  const { status, summary, file } = await runSuite(node, version);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  console.log(`Node ${version}: ${summary} in ${seconds} s${status === 0 ? '' : `, see ${file}`}`);
  if (status !== 0) process.exitCode = 1;
}
