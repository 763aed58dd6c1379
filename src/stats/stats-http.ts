// The stats over HTTP: the JSON for programs, the page for browsers. Read-only. A page of another site cannot have its
// visitor's browser read it, whatever name it gives this address: only the names we know are answered.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { BindAddress } from '../system/listen.js';

/** What is sent for a path. */
export interface Asset {
  readonly type: string;
  readonly body: Buffer | string;
}

export interface StatsHttpOptions {
  readonly address: BindAddress;
  /** The host name of the configuration, if there is one. */
  readonly configuredHost: string | undefined;
  /** The JSON. */
  stats(): string;
  /** The page and its parts, by path. */
  readonly page: ReadonlyMap<string, Asset>;
}

const PAGE_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Frame-Options': 'DENY',
} as const;
const ALL_HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  Vary: 'Accept',
} as const;

/** Answers requests on the stats socket. */
export function serveStats(options: StatsHttpOptions): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    request.resume();
    for (const [name, value] of Object.entries(ALL_HEADERS)) response.setHeader(name, value);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return send(response, 405, 'text/plain', 'only GET is answered here\n');
    }
    if (!isKnownHost(request.headers.host, options)) {
      return send(
        response,
        403,
        'text/plain',
        'this host name is not known here: ask by IP address, or by the name in stats =\n',
      );
    }
    const asset = options.page.get(pathOf(request.url ?? '/'));
    if (asset === undefined || (asset.type.startsWith('text/html') && !wantsHtml(request.headers.accept))) {
      // As uWSGI: the JSON, whatever is asked for.
      return send(response, 200, 'application/json', options.stats());
    }
    for (const [name, value] of Object.entries(PAGE_HEADERS)) response.setHeader(name, value);
    send(response, 200, asset.type, asset.body);
  };
}

export function send(response: ServerResponse, status: number, type: string, body: Buffer | string): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] as string;
}

function wantsHtml(accept: string | undefined): boolean {
  return accept?.includes('text/html') === true;
}

/** A name that an attacker's DNS can give this address is none of these; a browser does not reach a unix socket. */
function isKnownHost(host: string | undefined, { address, configuredHost }: StatsHttpOptions): boolean {
  if (address.kind !== 'tcp' || host === undefined) return true;
  const name = host.replace(/:\d*$/, '').toLowerCase();
  if (isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0 || name === 'localhost') return true;
  return name === configuredHost?.toLowerCase() || name === hostname().toLowerCase();
}
