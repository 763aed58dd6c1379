// What the contract's applications share, so that they differ by nothing but their kind. Loaded in the worker.

export type Pairs = readonly (readonly [string, string])[];

/** What no client may ever see. */
export const SECRET = 'the secret of the application';

/** Requests that reached the application, and endless responses that it was told to stop. */
export const counters = { requests: 0, left: 0 };

export const RESPONSE_HEADERS: Pairs = [
  ['X-One', '1'],
  ['X-Latin', 'caf\xe9'],
  ['Set-Cookie', 'a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT'],
  ['Set-Cookie', 'b=2; Path=/'],
  ['Set-Cookie', 'c=3'],
  ['Cache-Control', 'no-store'],
];

const made = new Map<number, Buffer>();

/** `count` bytes that tell where a piece is missing or twice; the same for the same count. */
export function pattern(count: number): Buffer {
  let bytes = made.get(count);
  if (bytes === undefined) {
    bytes = Buffer.from(Uint8Array.from({ length: count }, (_, i) => (i * 31 + (i >> 8) * 7) & 255));
    made.set(count, bytes);
  }
  return bytes;
}

/** What an application knows of a request, out of its variables. */
export function requestFacts(environ: Readonly<Record<string, unknown>>): RequestFacts {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(environ)) {
    if (typeof value !== 'string') continue;
    if (name.startsWith('HTTP_')) headers[name.slice(5).toLowerCase().replaceAll('_', '-')] = value;
    else if (/^CONTENT_(TYPE|LENGTH)$/.test(name) && value !== '')
      headers[name.toLowerCase().replace('_', '-')] = value;
  }
  return {
    method: String(environ.REQUEST_METHOD),
    target: String(environ.REQUEST_URI),
    headers,
    address: String(environ.REMOTE_ADDR),
    secure: environ['wsgi.url_scheme'] === 'https',
  };
}

export interface RequestFacts {
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly target: string;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly address: string;
  readonly secure: boolean;
}
