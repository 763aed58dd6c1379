// The headers of a response in every form node:http takes them, as the list that the worker sends. What frames the body on
// its connection is the worker's: Transfer-Encoding stays behind.
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { type OutgoingInternals, type OutHeader, outHeadersOf } from './internals.js';

/** What the head of a response says, beside its headers. */
interface Outgoing extends OutgoingInternals {
  shouldKeepAlive: boolean;
  readonly req: { readonly httpVersionMajor: number };
}

/** Headers under way to the worker. */
class HeaderList {
  readonly list: [string, string][] = [];
  hasLength = false;
  hasConnection = false;
  hasCoding = false;
  hasTrailer = false;
  private readonly message: Outgoing;

  constructor(message: Outgoing) {
    this.message = message;
  }

  /** A name with one value, or several: each becomes a line of its own, but those of Cookie (RFC 6265 section 5.4). */
  add(name: string, value: unknown, checked: boolean): void {
    if (!checked) validateHeaderName(name);
    if (!Array.isArray(value)) return this.addOne(name, value, checked);
    if (value.length > 1 && name.toLowerCase() === 'cookie') return this.addOne(name, value.join('; '), checked);
    for (const one of value) this.addOne(name, one, checked);
  }

  private addOne(name: string, value: unknown, checked: boolean): void {
    if (!checked) validateHeaderValue(name, value as string);
    const text = typeof value === 'string' ? value : String(value);
    if (name.length === 7 && name.toLowerCase() === 'trailer') this.hasTrailer = true;
    // Of the others that matter here the shortest is Connection.
    if (name.length >= 10 && name.length <= 17 && this.isFraming(name.toLowerCase(), text)) return;
    this.list.push([name, text]);
  }

  /** Notes what concerns the length and the connection; true when the header is not passed on. */
  private isFraming(name: string, value: string): boolean {
    if (name === 'content-length') {
      this.hasLength = true;
      this.message._contentLength = Number(value);
      this.message._removedContLen = false;
    } else if (name === 'connection') this.hasConnection = true;
    if (name !== 'transfer-encoding') return false;
    this.hasCoding = true;
    return true;
  }
}

/** The headers of a response, as they are sent. */
export interface HeadersToSend {
  readonly list: [string, string][];
  /** node:http would send it in chunks, behind which trailers can stand. */
  readonly isChunked: boolean;
}

/**
 * What `writeHead` or the first write of `message` sends. `headers`: what node's writeHead made of its arguments, one of the
 * object that `setHeader` fills, an object, a list of pairs, a flat list, or nothing.
 */
export function headersToSend(message: object, headers: unknown): HeadersToSend {
  const outgoing = message as Outgoing;
  const result = new HeaderList(outgoing);
  if (headers !== null && headers !== undefined) {
    if (headers === outHeadersOf(message)) {
      const set = headers as Readonly<Record<string, OutHeader>>;
      for (const key in set) {
        const [name, value] = set[key] as OutHeader;
        result.add(name, value, true);
      }
    } else if (Array.isArray(headers)) addArray(result, headers);
    else for (const [name, value] of Object.entries(headers)) result.add(name, value, false);
  }
  const { _contentLength, _hasBody, _removedContLen, _removedTE, useChunkedEncodingByDefault } = outgoing;
  const { list, hasLength, hasCoding, hasTrailer, hasConnection } = result;
  const takesLength = !hasLength && !hasTrailer && _hasBody && !_removedContLen && typeof _contentLength === 'number';
  if (takesLength) list.push(['Content-Length', String(_contentLength)]);
  if (!outgoing.shouldKeepAlive && !hasConnection) list.push(['Connection', 'close']);
  // node:http takes 2.0 for less than 1.1.
  const mayChunk = (useChunkedEncodingByDefault || outgoing.req.httpVersionMajor > 1) && !_removedTE;
  const isChunked = _hasBody && !hasLength && (hasCoding || (!takesLength && mayChunk));
  if (hasTrailer && !isChunked) {
    const error = new Error('Trailers are invalid with this transfer encoding');
    throw Object.assign(error, { code: 'ERR_HTTP_TRAILER_INVALID' });
  }
  return { list, isChunked };
}

function addArray(result: HeaderList, headers: readonly unknown[]): void {
  if (Array.isArray(headers[0])) {
    for (const [name, value] of headers as OutHeader[]) result.add(name, value, false);
    return;
  }
  if (headers.length % 2 !== 0) {
    const error = new TypeError(`The argument 'headers' is invalid: a flat list holds a value for each name`);
    throw Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
  }
  for (let i = 0; i < headers.length; i += 2) result.add(headers[i] as string, headers[i + 1], false);
}
