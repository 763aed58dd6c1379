// One life of the server under the guard: the process that the guard starts, what it says, what it is told, how it ended.

import { type ChildProcess, spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { FIRST_INHERITED_FD, guardEnvironment } from '../system/inherited.js';
import { filesEnvironment, type OpenFile } from '../system/inherited-files.js';
import { type ChildMessage, childEnvironment, type GuardMessage, isChildMessage } from '../system/parent.js';
import type { GuardSockets } from './guard-sockets.js';

/** How it ended: by itself, with `code`, or by a signal. */
export interface LifeEnd {
  readonly pid: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lifeMs: number;
}

/** The command line of this process, run again as its child with the sockets and files. */
export class GuardedServer {
  readonly pid: number;
  readonly ended: Promise<LifeEnd>;
  private readonly child: ChildProcess;

  constructor({ held }: GuardSockets, files: readonly OpenFile[], onMessage: (message: ChildMessage) => void) {
    const { NOTIFY_SOCKET: _ofTheGuard, ...env } = {
      ...childEnvironment('guard'),
      ...guardEnvironment(held),
      ...filesEnvironment(files, FIRST_INHERITED_FD + held.length),
    };
    const startedMs = performance.now();
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      env,
      // A session of its own: what a terminal sends goes to the guard alone, which passes it on.
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', ...[...held, ...files].map(({ fd }) => fd), 'ipc'],
    });
    this.child = child;
    this.pid = child.pid ?? 0;
    child.on('message', (message) => {
      if (isChildMessage(message)) onMessage(message);
    });
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        resolve({ pid: this.pid, code, signal, lifeMs: performance.now() - startedMs });
      });
    });
  }

  /** By message and not by signal: it waits until somebody is there to read it, and tells itself from a signal to all. */
  forward(signal: NodeJS.Signals): void {
    const message: GuardMessage = { signal };
    // It may be dying; its end is told by `ended`.
    if (this.child.connected) this.child.send(message, () => {});
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}
