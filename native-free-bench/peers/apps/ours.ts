// Peer: fastwsgi-ts. Its application, which reads an upload as app.py does.
import { answerTo, textAnswer } from './answers.js';

interface Environ {
  readonly PATH_INFO: string;
  readonly 'wsgi.input': { read(size: number): Uint8Array };
}
type StartResponse = (status: string, headers: readonly (readonly [string, string])[]) => unknown;

const CHUNK_BYTES = 65_536;

function countUpload(input: Environ['wsgi.input']): string {
  let count = 0;
  for (let chunk = input.read(CHUNK_BYTES); chunk.length > 0; chunk = input.read(CHUNK_BYTES)) count += chunk.length;
  return String(count);
}

export function application(environ: Environ, startResponse: StartResponse): (string | Buffer)[] {
  const path = environ.PATH_INFO;
  const { headers, body } = path === '/upload' ? textAnswer(countUpload(environ['wsgi.input'])) : answerTo(path);
  startResponse('200 OK', headers);
  return [body];
}
