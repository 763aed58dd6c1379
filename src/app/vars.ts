// The variables of one request, as kinds of application that show them to it start from them: a plain dictionary, and what follows from
// several of them.
import { readVars } from '../protocol/environ-vars.js';
import type { Exchange } from './exchange.js';

/** Latin-1 strings: one character for each byte. */
export type Vars = Record<string, string | undefined>;

// A constructor whose prototype is empty: no inherited name shadows a missing variable, and a variable called __proto__
// is a key like any other. Twice as fast to fill as `{}` and as Object.create(null), which V8 keeps as a hash table.
const Environ = function Environ() {} as unknown as { new (): Vars; prototype: object };
Environ.prototype = Object.create(null);

/** The variables of `exchange`, with SCRIPT_NAME and PATH_INFO as its mount point asks for. Every key is an own property. */
export function requestVars(exchange: Exchange): Vars {
  const vars = new Environ();
  readVars(exchange.packet, exchange.varsStart, exchange.varsEnd, vars);
  const { mountPoint } = exchange;
  if (mountPoint !== '') {
    vars.SCRIPT_NAME = mountPoint;
    vars.PATH_INFO = vars.PATH_INFO?.slice(mountPoint.length);
  }
  return vars;
}

/** uWSGI's rule: UWSGI_SCHEME or X-Forwarded-Proto as they stand, else what HTTPS says (`on`, in any case, or `1…`). */
export function urlScheme(vars: Vars): string {
  const told = vars.UWSGI_SCHEME || vars.HTTP_X_FORWARDED_PROTO;
  if (told !== undefined && told !== '') return told;
  const https = vars.HTTPS;
  if (https === undefined) return 'http';
  return https.startsWith('1') || https.slice(0, 2).toLowerCase() === 'on' ? 'https' : 'http';
}
