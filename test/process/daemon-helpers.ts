// What the tests on daemons share: folders, pidfiles, processes that are nobody's child, and who answers.
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostPort } from '../helpers/server.js';
import { APPS, type Twin, until } from './threads-client.js';

/** Users and groups can be had by root alone. */
export const NEEDS_ROOT = process.getuid?.() === 0 ? false : 'only root can become somebody else';

export function application(twin: Twin, port: number | string, args: readonly string[] = []): string[] {
  return ['--chdir', APPS, '--module', 'own-process:application', '--http', `127.0.0.1:${port}`, ...twin.args, ...args];
}

/** A folder that is gone after the test; everybody may look into it. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'fastwsgi-daemon-'));

  constructor() {
    chmodSync(this.path, 0o755);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8');
  }

  pid(name: string): number {
    return Number(this.read(name));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Whether a process runs. One that has ended and was not waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export function isGone(pid: number): Promise<void> {
  return until(`process ${pid} ends`, () => !isAlive(pid));
}

export interface Who {
  readonly pid: number;
  readonly ppid: number;
  /** Of each thread, the four ids. */
  readonly uids: readonly string[];
  readonly gids: readonly string[];
  readonly groups: readonly number[];
  readonly env: NodeJS.ProcessEnv;
}

/** Who answers. Rejects when nobody does. */
export function who(where: HostPort | { readonly socketPath: string }, path = '/'): Promise<Who> {
  return new Promise((resolve, reject) => {
    const request = get({ ...where, path, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject).on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body));
        else reject(new Error(`Status ${response.statusCode}: ${body}`));
      });
    });
    request.on('error', reject);
  });
}
