// The application behind the tests on what reaches an application: answers with the vars of the request, and its body's bytes.
import type { StartResponse, WsgiEnviron } from '../../../dist/app/wsgi/types.js';

export async function application(environ: WsgiEnviron, start: StartResponse): Promise<string[]> {
  const vars = Object.fromEntries(Object.entries(environ).filter(([, value]) => typeof value === 'string'));
  const body = await environ['wsgi.input'].read();
  start('200 OK', [['Content-Type', 'application/json']]);
  return [JSON.stringify({ ...vars, bodyBytes: body.length })];
}
