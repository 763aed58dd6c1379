// What is measured: each scenario's name on the command line, its title, its load, and the answer that every peer must give.
import { textAnswer } from './apps/answers.js';
import type { Speaks } from './contestants.js';
import { expectedReply, type Reply } from './http.js';
import type { Load } from './load.js';
import type { Way } from './nginx.js';

export interface LoadScenario {
  readonly title: string;
  readonly load: Load;
  readonly expected: Reply;
  /** Through nginx. */
  readonly way?: Way;
  /** Connections that were used once and are kept open beside the load. */
  readonly idle?: number;
}

export const CONNECTIONS = 32;
const HELLO = expectedReply('text/plain', 'Hello World');
const hello: Load = { path: '/', connections: CONNECTIONS };
const ITEMS = Array.from({ length: 20 }, (_, id) => ({ id, name: `item ${id}`, price: id * 10, tags: ['a', 'b'] }));
const JSON_REPLY = expectedReply('application/json; charset=utf-8', JSON.stringify({ items: ITEMS }));

function replyOf(path: string, bytes: number): Pick<LoadScenario, 'load' | 'expected'> {
  return { load: { path, connections: CONNECTIONS }, expected: expectedReply('text/plain', Buffer.alloc(bytes, 'x')) };
}

function uploadOf(uploadBytes: number, connections: number): Pick<LoadScenario, 'load' | 'expected'> {
  const expected = expectedReply('text/plain', textAnswer(String(uploadBytes)).body);
  return { load: { path: '/upload', connections, uploadBytes }, expected };
}

export const LOAD_SCENARIOS: Readonly<Record<string, LoadScenario>> = {
  hello: { title: 'Hello world over HTTP, keep-alive', load: hello, expected: HELLO },
  'nginx-unix': { title: 'nginx, uwsgi_pass on a unix socket', load: hello, expected: HELLO, way: 'uwsgi-unix' },
  'nginx-tcp': { title: 'nginx, uwsgi_pass on TCP', load: hello, expected: HELLO, way: 'uwsgi-tcp' },
  'nginx-proxy': { title: 'nginx, proxy_pass on TCP', load: hello, expected: HELLO, way: 'proxy' },
  connect: { title: 'A new connection per request', load: { ...hello, closes: true }, expected: HELLO },
  'reply-1k': { title: 'Replies of 1 KB', ...replyOf('/1k', 1024) },
  'reply-64k': { title: 'Replies of 64 KB', ...replyOf('/64k', 65_536) },
  'reply-1m': { title: 'Replies of 1 MB', ...replyOf('/1m', 1_048_576) },
  'upload-64k': { title: 'Uploads of 64 KB', ...uploadOf(65_536, 16) },
  'upload-10m': { title: 'Uploads of 10 MB', ...uploadOf(10 * 1_048_576, 4) },
  json: { title: 'JSON after 2 ms of CPU', load: { path: '/json', connections: CONNECTIONS }, expected: JSON_REPLY },
  idle: {
    title: '50 busy connections beside 1000 idle ones',
    load: { ...hello, connections: 50 },
    expected: HELLO,
    idle: 1000,
  },
};

export function speaksOf({ way }: LoadScenario): Speaks {
  return way === 'uwsgi-unix' || way === 'uwsgi-tcp' ? 'uwsgi' : 'http';
}
