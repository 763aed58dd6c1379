// The same in TypeScript: `module = typed:application`. Node 22.18 and later run it as it stands; older ones when tsx or
// esbuild is installed. It answers a POST of {"name": "…"} with a greeting.
//
//   curl -d '{"name": "Ada"}' http://127.0.0.1:8000/
import type { StartResponse, WsgiBody, WsgiEnviron } from 'fastwsgi-ts';

interface Greeting {
  readonly hello: string;
  readonly method: string;
}

export async function application(environ: WsgiEnviron, startResponse: StartResponse): Promise<WsgiBody> {
  const greeting: Greeting = { hello: await nameOf(environ), method: environ.REQUEST_METHOD };
  startResponse('200 OK', [['Content-Type', 'application/json']]);
  return [JSON.stringify(greeting), '\n'];
}

async function nameOf(environ: WsgiEnviron): Promise<string> {
  const text = await environ['wsgi.input'].text();
  if (text === '') return 'world';
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && 'name' in body) return String(body.name);
  } catch {
    environ['wsgi.errors'].write('The request body is no JSON\n');
  }
  return 'world';
}
