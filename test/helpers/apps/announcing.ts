// Announces trailers that it cannot send.
import type { StartResponse, WsgiEnviron } from '../../../dist/index.js';

export function application(_environ: WsgiEnviron, start: StartResponse): string[] {
  start('200 OK', [
    ['Trailer', 'X-Sum'],
    ['Content-Length', '5'],
  ]);
  return ['short'];
}
