// An application that loads, throws, or ends its thread while it is loaded, as a file in the environment variable MOOD says.
// Without one it throws.
import { existsSync, readFileSync } from 'node:fs';
import type { StartResponse } from '../../../dist/app/wsgi/types.js';

const file = process.env.MOOD ?? '';
const mood = existsSync(file) ? readFileSync(file, 'utf8') : 'throw';
if (mood === 'throw') throw new Error('this application does not load');
if (mood === 'exit') process.exit(4);

export function application(environ: { PATH_INFO: string }, start: StartResponse): string[] {
  if (environ.PATH_INFO === '/exit') process.exit(3);
  start('200 OK', []);
  return ['loaded'];
}
