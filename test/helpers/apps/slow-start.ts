// An application that takes its time to load: until the file in the environment variable READY is there. It says that it
// has begun by writing its process id to the file STARTED.
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartResponse } from '../../../dist/app/wsgi/types.js';

const { READY = '', STARTED = '' } = process.env;
writeFileSync(STARTED, String(process.pid));
while (!existsSync(READY)) await sleep(5);

export function application(_: unknown, start: StartResponse): string[] {
  start('200 OK', []);
  return ['ready'];
}
