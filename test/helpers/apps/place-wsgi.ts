// Says where it is mounted: kind wsgi.
import type { StartResponse, WsgiEnviron } from '../../../dist/index.js';

export function application(environ: WsgiEnviron, start: StartResponse): string[] {
  start('200 OK', [['Content-Type', 'text/plain']]);
  return [`wsgi ${environ.SCRIPT_NAME ?? ''}|${environ.PATH_INFO}`];
}
