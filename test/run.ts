// Runs the compiled tests on node's own runner: all of them, or the files whose path holds one of the arguments.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = import.meta.dirname;
const wanted = process.argv.slice(2);
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => wanted.length === 0 || wanted.some((text) => file.includes(text)))
  .sort()
  .map((file) => join(root, file));

if (files.length === 0) {
  console.error(`No test file matches ${wanted.join(' ')}`);
  process.exit(1);
}
const reporters = process.env.CI === 'true' ? ['tap', join(root, 'failures.js')] : ['spec'];
const reports = reporters.flatMap((name) => [`--test-reporter=${name}`, '--test-reporter-destination=stdout']);
// A test that hangs, or leaves a server behind, must not keep the run from ending.
const limits = ['--test-timeout=300000', `--import=${join(root, 'ends.js')}`];
const options = ['--test', '--test-concurrency=2', ...limits, ...reports];
const runner = spawn(process.execPath, [...options, ...files], { stdio: 'inherit' });
runner.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => runner.kill(signal));
