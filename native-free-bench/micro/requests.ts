// Requests as they come: behind nginx with its stock uwsgi_params, and by HTTP from a browser and from a load generator.

const BROWSER_HEADERS: [string, string][] = [
  ['host', 'www.example.com'],
  [
    'user-agent',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
  ],
  ['accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'],
  ['accept-language', 'en-US,en;q=0.9'],
  ['accept-encoding', 'gzip, deflate, br'],
  ['referer', 'https://www.example.com/aaa/index.html'],
  ['cookie', 'session=8f14e45fceea167a5a36dedd4bea2543; theme=dark'],
  ['connection', 'keep-alive'],
];

const LOAD_HEADERS: [string, string][] = [
  ['host', 'localhost:8000'],
  ['connection', 'keep-alive'],
];

/** A string of its own, not a slice or a rope of another, as an engine hands it over. */
function fresh(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function nginxVars(turn: number, headers: readonly [string, string][]): [string, string][] {
  return [
    ['QUERY_STRING', `x=${turn}&y=2`],
    ['REQUEST_METHOD', 'GET'],
    ['CONTENT_TYPE', ''],
    ['CONTENT_LENGTH', ''],
    ['REQUEST_URI', `/aaa/bbb?x=${turn}&y=2`],
    ['PATH_INFO', '/aaa/bbb'],
    ['DOCUMENT_ROOT', '/usr/share/nginx/html'],
    ['SERVER_PROTOCOL', 'HTTP/1.1'],
    ['REQUEST_SCHEME', 'http'],
    ['REMOTE_ADDR', '127.0.0.1'],
    ['REMOTE_PORT', String(40000 + turn)],
    ['SERVER_PORT', '8000'],
    ['SERVER_NAME', 'localhost'],
    ...headers.map(([name, value]): [string, string] => [`HTTP_${name.toUpperCase().replaceAll('-', '_')}`, value]),
  ];
}

/** Vars as nginx sends them for a browser; a mix of two clients, so that what comes is not always the same. */
export const NGINX_VARS: readonly (readonly [string, string][])[] = Array.from({ length: 64 }, (_, turn) =>
  nginxVars(turn, turn % 4 === 3 ? LOAD_HEADERS : BROWSER_HEADERS),
);

/** What an HTTP front has to write for a load generator's request: 14 vars. */
export const FRONT_VARS: readonly (readonly [string, string][])[] = Array.from({ length: 64 }, (_, turn) =>
  [
    ['REQUEST_METHOD', 'GET'],
    ['REQUEST_URI', `/aaa/bbb?x=${turn}`],
    ['PATH_INFO', '/aaa/bbb'],
    ['QUERY_STRING', `x=${turn}`],
    ['SERVER_PROTOCOL', 'HTTP/1.1'],
    ['SCRIPT_NAME', ''],
    ['SERVER_NAME', 'localhost'],
    ['SERVER_PORT', '8000'],
    ['REMOTE_ADDR', '127.0.0.1'],
    ['REMOTE_PORT', String(40000 + turn)],
    ['HTTP_HOST', 'localhost:8000'],
    ['HTTP_CONNECTION', 'keep-alive'],
    ['HTTP_ACCEPT', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
    ['HTTP_USER_AGENT', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36'],
  ].map(([key, value]): [string, string] => [key as string, fresh(value as string)]),
);

/** A browser's headers, name, value, name, value…; fresh strings for each turn, as an engine makes them. */
export const RAW_HEADERS: readonly (readonly string[])[] = Array.from({ length: 64 }, () =>
  BROWSER_HEADERS.flatMap(([name, value]) => [fresh(name), fresh(value)]),
);

/** Room in shared memory, as a slot has it. */
export function sharedBuffer(bytes: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(bytes));
}
