// A server of which a test sees the start, or that is started by a shell.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './threads-client.js';

const SIGHUP = 1n;

export const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');

/** A process from its first moment on: node's, with the command line as its first argument, or a shell that becomes it. */
export class Start implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<readonly [code: number | null, signal: NodeJS.Signals | null]>;
  log = '';

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}, command = process.execPath, cwd = process.cwd()) {
    this.child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
      });
    }
    this.ended = once(this.child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  }

  logged(pattern: RegExp): Promise<void> {
    return until(`the log matches ${pattern}`, () => {
      assert.equal(this.child.exitCode ?? this.child.signalCode, null, `it has ended:\n${this.log}`);
      return pattern.test(this.log);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** Whether the process has a handler for SIGHUP. */
export function catchesHup(pid = 0): boolean {
  const [, caught = '0'] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return ((BigInt(`0x${caught}`) >> (SIGHUP - 1n)) & 1n) === 1n;
}

/** Process ids, with blanks between them. */
export function childrenOf(pid = 0): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
}
