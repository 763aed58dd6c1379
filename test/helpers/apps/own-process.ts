// The application behind the tests on daemons: says which process runs it, as whom, and writes a file where it is told to.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartResponse, WsgiEnviron } from '../../../dist/app/wsgi/types.js';

/** The four ids of each thread: `33 33 33 33`. */
function ids(name: 'Uid' | 'Gid'): string[] {
  return readdirSync('/proc/self/task').flatMap((thread) => {
    try {
      const status = readFileSync(`/proc/self/task/${thread}/status`, 'utf8');
      return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.replaceAll('\t', ' ') ?? '';
    } catch {
      // The thread has ended since it was listed.
      return [];
    }
  });
}

export async function application(environ: WsgiEnviron, start: StartResponse): Promise<string[]> {
  const query = new URLSearchParams(String(environ.QUERY_STRING ?? ''));
  const file = query.get('write');
  if (file !== null) writeFileSync(file, 'written');
  await sleep(Number(query.get('ms') ?? 0));
  start('200 OK', [['Content-Type', 'application/json']]);
  const { pid, ppid } = process;
  const body = { pid, ppid, uids: ids('Uid'), gids: ids('Gid'), groups: process.getgroups?.(), env: process.env };
  return [JSON.stringify(body)];
}
