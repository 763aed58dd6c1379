// The request target (RFC 9112 section 3.2) as CGI variables: PATH_INFO decoded and without dot segments, QUERY_STRING.
// Latin-1 strings: one character, one byte. A path without `%`, `#` or `/.` costs one look at each character.
import { isHost } from './request-framing.js';

/** What `RequestTarget.parse` says. */
export const TARGET = { OK: 0, BAD: 1, NUL_IN_PATH: 2 } as const;

/** The four forms of a request target. */
export const TARGET_FORM = {
  /** `/path?query` */
  ORIGIN: 0,
  /** `http://host/path?query`; `host` replaces the Host header. */
  ABSOLUTE: 1,
  /** `host:port`, with CONNECT only. */
  AUTHORITY: 2,
  /** `*`, with OPTIONS only. */
  ASTERISK: 3,
} as const;

export type TargetForm = (typeof TARGET_FORM)[keyof typeof TARGET_FORM];

const ILLEGAL = 1;
const TO_DECODE = 2;

const PERCENT = 37;
const DOT = 46;
const SLASH = 47;
const HASH = 35;
const QUESTION = 63;

const FLAGS = characterFlags();

/** One request target at a time; the fields are valid until the next `parse`. */
export class RequestTarget {
  form: TargetForm = TARGET_FORM.ORIGIN;
  /** Percent-decoded, dot segments resolved; `*` in asterisk form, empty in authority form. */
  pathInfo = '';
  /** As it came, without the question mark. */
  queryString = '';
  /** The host of the absolute or authority form, else empty. */
  host = '';

  /** Reads a target as it stood in the request line. Answers a `TARGET` code; all but OK are to be answered 400. */
  parse(method: string, target: string): number {
    this.form = TARGET_FORM.ORIGIN;
    this.pathInfo = '';
    this.queryString = '';
    this.host = '';
    if (target.charCodeAt(0) === SLASH && method !== 'CONNECT') return this.path(target, 0);
    if (method === 'CONNECT') return this.authority(target);
    if (target === '*') {
      this.form = TARGET_FORM.ASTERISK;
      this.pathInfo = '*';
      return method === 'OPTIONS' ? TARGET.OK : TARGET.BAD;
    }
    return this.absolute(target);
  }

  private authority(target: string): number {
    this.form = TARGET_FORM.AUTHORITY;
    this.host = target;
    return target !== '' && isHost(target) ? TARGET.OK : TARGET.BAD;
  }

  private absolute(target: string): number {
    const scheme = /^https?:\/\/[^/?#]+/i.exec(target);
    if (scheme === null) return TARGET.BAD;
    const end = scheme[0].length;
    this.form = TARGET_FORM.ABSOLUTE;
    this.host = target.substring(target.indexOf('//') + 2, end);
    if (this.host.startsWith(':') || !isHost(this.host)) return TARGET.BAD;
    // RFC 9110 section 4.2.3: an empty path is the same as `/`.
    return target.charCodeAt(end) === SLASH ? this.path(target, end) : this.path(`/${target.substring(end)}`, 0);
  }

  /** The path from `start` up to the first question mark, and the query after it. */
  private path(target: string, start: number): number {
    const { length } = target;
    let end = length;
    let flags = 0;
    let previous = 0;
    for (let i = start; i < length; i++) {
      const code = target.charCodeAt(i);
      flags |= code > 255 ? ILLEGAL : (FLAGS[code] as number);
      if (code === QUESTION) {
        end = i;
        break;
      }
      if (code === DOT && previous === SLASH) flags |= TO_DECODE;
      previous = code;
    }
    if ((flags & ILLEGAL) !== 0) return TARGET.BAD;
    if (end < length) {
      this.queryString = target.substring(end + 1);
      if (!isQuery(target, end + 1)) return TARGET.BAD;
    }
    const path = start === 0 && end === length ? target : target.substring(start, end);
    if ((flags & TO_DECODE) === 0) {
      this.pathInfo = path;
      return TARGET.OK;
    }
    return this.decode(path);
  }

  /**
   * As uWSGI's http-socket: what follows a `#` is cut, escapes are decoded once, slashes are not merged. Two differences:
   * an escape that is none stays as it is (uWSGI makes it a NUL byte), and dot segments are resolved after decoding, so that
   * `/%2e%2e/` climbs no higher than `/../` (uWSGI lets it through to the application).
   */
  private decode(path: string): number {
    const bytes = Buffer.from(path, 'latin1');
    const length = decodeEscapes(bytes);
    if (length < 0) return TARGET.NUL_IN_PATH;
    this.pathInfo = bytes.latin1Slice(0, resolveDots(bytes, length));
    return TARGET.OK;
  }
}

/** The latin-1 string (one character for each byte) of a text that was decoded as UTF-8, as uWebSockets.js gives targets. */
export function latin1FromUtf8(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 127) return Buffer.from(text, 'utf8').toString('latin1');
  }
  return text;
}

function isQuery(target: string, start: number): boolean {
  for (let i = start; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code > 255 || ((FLAGS[code] as number) & ILLEGAL) !== 0) return false;
  }
  return true;
}

/** Decodes in place up to a `#`; the length that is left, or -1 when a NUL byte comes of it. */
function decodeEscapes(bytes: Buffer): number {
  let out = 0;
  for (let i = 0; i < bytes.length; i++) {
    let byte = bytes[i] as number;
    if (byte === HASH) break;
    if (byte === PERCENT && i + 2 < bytes.length) {
      const high = hexDigit(bytes[i + 1] as number);
      const low = hexDigit(bytes[i + 2] as number);
      if (high >= 0 && low >= 0) {
        byte = (high << 4) | low;
        if (byte === 0) return -1;
        i += 2;
      }
    }
    bytes[out++] = byte;
  }
  return out;
}

/** Removes `.` and `..` segments in place (RFC 3986 section 5.2.4); the path starts with a slash. The length that is left. */
function resolveDots(bytes: Buffer, length: number): number {
  let out = 0;
  for (let start = 0; start < length; ) {
    let end = start + 1;
    while (end < length && bytes[end] !== SLASH) end++;
    const dots = dotsOnly(bytes, start + 1, end);
    if (dots === 2) while (out > 0 && bytes[--out] !== SLASH);
    if (dots === 0) {
      bytes.copyWithin(out, start, end);
      out += end - start;
    } else if (end === length) {
      bytes[out++] = SLASH;
    }
    start = end;
  }
  return out;
}

/** 1 for the segment `.`, 2 for `..`, else 0. */
function dotsOnly(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  if (length === 0 || length > 2 || bytes[start] !== DOT || bytes[end - 1] !== DOT) return 0;
  return length;
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

function characterFlags(): Uint8Array {
  const flags = new Uint8Array(256);
  // White space and control characters would not have come through an HTTP parser that keeps to RFC 9112 section 3.
  flags.fill(ILLEGAL, 0, 33);
  flags[127] = ILLEGAL;
  flags[PERCENT] = TO_DECODE;
  flags[HASH] = TO_DECODE;
  return flags;
}

/**
 * Path and query (`/a%20b?c`) of a request below `mountPoint`, which is the front of `path`: of `uri` as the client sent it
 * where that begins so, too, else, and where `uri` is empty, of `path` (decoded) and `query`.
 */
export function targetBelow(mountPoint: string, uri: string, path: string, query: string): string {
  if (mountPoint === '' && uri !== '') return uri;
  if (uri.startsWith(mountPoint) && /^[/?]|^$/.test(uri.slice(mountPoint.length)) && uri !== '') {
    const rest = uri.slice(mountPoint.length);
    return rest.startsWith('/') ? rest : `/${rest}`;
  }
  const rest = escapePath(path.slice(mountPoint.length));
  return `${rest.startsWith('/') ? rest : `/${rest}`}${query === '' ? '' : `?${query}`}`;
}

/** Escapes what a path cannot hold as it is (RFC 3986 section 3.3). */
export function escapePath(path: string): string {
  return path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}
