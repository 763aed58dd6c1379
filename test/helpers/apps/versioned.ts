// An application whose code has a version: the one that stood in the file $VERSION_FILE when it was loaded. It answers with
// it and with the query it was sent, some requests later than others. A version with 'slow' in its name loads until the file
// $VERSION_FILE.go is there, one with 'hang' for ever; of one with 'brittle' the first thread dies when it has loaded, and the
// others load until $VERSION_FILE.go is there. The query 'die' ends its thread,
// 'wait' waits for $VERSION_FILE.go.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import type { StartResponse, WsgiBody, WsgiEnviron } from '../../../dist/app/wsgi/types.js';

const version = readFileSync(process.env.VERSION_FILE ?? '', 'utf8');
if (version === 'broken') throw new Error('this version does not load');
if (version.includes('slow')) {
  writeFileSync(`${process.env.VERSION_FILE}.loading`, version);
  while (!existsSync(`${process.env.VERSION_FILE}.go`)) await sleep(5);
}
if (version.includes('hang')) {
  writeFileSync(`${process.env.VERSION_FILE}.hangs.${threadId}`, '');
  await new Promise(() => setInterval(() => {}, 1000));
}
if (version.includes('brittle')) {
  try {
    writeFileSync(`${process.env.VERSION_FILE}.first`, '', { flag: 'wx' });
    setTimeout(() => {
      writeFileSync(`${process.env.VERSION_FILE}.died`, '');
      process.exit(1);
    }, 50);
  } catch {
    while (!existsSync(`${process.env.VERSION_FILE}.go`)) await sleep(5);
  }
}

export async function application(environ: WsgiEnviron, start: StartResponse): Promise<WsgiBody> {
  const query = environ.QUERY_STRING;
  if (query === 'die') process.exit(1);
  while (query === 'wait' && !existsSync(`${process.env.VERSION_FILE}.go`)) await sleep(5);
  if (query.endsWith('0')) await sleep(5);
  start('200 OK', [['Content-Type', 'text/plain']]);
  return [`${query} ${version}`];
}
