// The variables of one request, as every kind of application starts from them: a plain dictionary, and what follows from
// several of them: the scheme, and the target below a mount point.
import { readVars } from '../protocol/environ-vars.js';
import type { Exchange } from './exchange.js';

/** Latin-1 strings: one character for each byte. */
export type RequestVars = Record<string, string | undefined>;

// A constructor whose prototype is empty: no inherited name shadows a missing variable, and a variable called __proto__
// is a key like any other. Twice as fast to fill as `{}` and as Object.create(null), which V8 keeps as a hash table.
const Vars = function Environ() {} as unknown as { new (): RequestVars; prototype: object };
Vars.prototype = Object.create(null);

/** The variables of `exchange`, with SCRIPT_NAME and PATH_INFO as its mount point asks for. Every key is an own property. */
export function requestVars(exchange: Exchange): RequestVars {
  const vars = new Vars();
  readVars(exchange.packet, exchange.varsStart, exchange.varsEnd, vars);
  const { mountPoint } = exchange;
  if (mountPoint !== '') {
    vars.SCRIPT_NAME = mountPoint;
    vars.PATH_INFO = vars.PATH_INFO?.slice(mountPoint.length);
  }
  return vars;
}

/** uWSGI's rule: UWSGI_SCHEME or X-Forwarded-Proto as they stand, else what HTTPS says (`on`, in any case, or `1…`). */
export function urlScheme(vars: RequestVars): string {
  const told = vars.UWSGI_SCHEME || vars.HTTP_X_FORWARDED_PROTO;
  if (told !== undefined && told !== '') return told;
  const https = vars.HTTPS;
  if (https === undefined) return 'http';
  return https.startsWith('1') || https.slice(0, 2).toLowerCase() === 'on' ? 'https' : 'http';
}

/**
 * Path and query as the client sent them (`/a%20b?c`), without the mount point at their front. A path whose mount point is
 * written in another way (`/%61pp/x`) is made of PATH_INFO anew.
 */
export function requestTarget(vars: RequestVars, mountPoint: string): string {
  const raw = vars.REQUEST_URI;
  if (raw !== undefined && raw !== '' && mountPoint === '') return raw;
  if (raw?.startsWith(mountPoint) === true && /^[/?]|^$/.test(raw.slice(mountPoint.length))) {
    const rest = raw.slice(mountPoint.length);
    return rest.startsWith('/') ? rest : `/${rest}`;
  }
  const path = escapePath(vars.PATH_INFO ?? '');
  const query = vars.QUERY_STRING ?? '';
  return `${path.startsWith('/') ? path : `/${path}`}${query === '' ? '' : `?${query}`}`;
}

/** Escapes what a path cannot hold as it is (RFC 3986 section 3.3). */
function escapePath(path: string): string {
  return path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}
