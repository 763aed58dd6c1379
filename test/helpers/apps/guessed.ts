// Functions of two parameters whose names do not tell, or tell the wrong thing: each is called as the other kind.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { StartResponse, WsgiEnviron } from '../../../dist/index.js';

export function listener(question: IncomingMessage, answer: ServerResponse): void {
  answer.end(question.url);
}

export async function laterListener(question: IncomingMessage, answer: ServerResponse): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1));
  question.resume().on('end', () => answer.end());
}

export function misnamed(req: WsgiEnviron, res: StartResponse): string[] {
  res('200 OK', []);
  return [req.PATH_INFO ?? ''];
}

/** Fails by itself. */
export function broken(environ: WsgiEnviron, start: StartResponse): string[] {
  start('200 OK', []);
  return [(environ as unknown as { get(name: string): string }).get('PATH_INFO')];
}
