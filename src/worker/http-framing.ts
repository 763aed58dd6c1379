// The framing of a response that the worker writes to an HTTP connection itself: what is added to the application's head,
// and how its body is delimited (RFC 9112 sections 6 and 9). On every other way the front does this.
import { httpDateNow } from '../protocol/http-date.js';
import type { ResponseHead } from '../protocol/response-head.js';

const BODY = {
  /** None may follow. */
  NONE: 0,
  /** As many bytes as the head says. */
  LENGTH: 1,
  CHUNKED: 2,
  /** Until the connection closes. */
  CLOSE: 3,
} as const;
type Body = (typeof BODY)[keyof typeof BODY];

const LINE_END = Buffer.from('\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const LAST_CHUNK_SIZE = '0\r\n';
const NOTHING = Buffer.alloc(0);

/** Frames one response. */
export class HttpFraming {
  /** The connection ends with this response; set before `begin`, which may find its own reason. */
  closes = false;
  /** The application wrote more than its Content-Length: the rest was dropped. */
  overrun = false;
  /** Lines to send behind a chunked body, each with its end; set before `begin`, or the last chunk. */
  trailers = '';
  private readonly isHttp10: boolean;
  private body: Body = BODY.NONE;
  private remaining = 0;

  /** `isHttp10`: the client's version, which knows no chunks and keeps no connection without being told. */
  constructor(isHttp10: boolean) {
    this.isHttp10 = isHttp10;
  }

  /** `headers` without what is the connection's business, and without the length of a body that 204 cannot have (RFC 9110 section 8.6). */
  clean(head: ResponseHead, headers: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
    if (head.connectionClose) this.closes = true;
    const isDropped = head.statusCode === 204 ? isFramingHeader : isConnectionHeader;
    return headers.filter(([name]) => !isDropped(name));
  }

  /**
   * Header lines to add to `head`, whose connection headers have been taken out. `bodyBytes`: the length of the whole body
   * where it is known, else -1.
   */
  begin(head: ResponseHead, isHead: boolean, bodyBytes: number): string {
    let lines = head.hasDate ? '' : `Date: ${httpDateNow()}\r\n`;
    if (isHead || head.bodyForbidden) this.body = BODY.NONE;
    else if (head.hasContentLength) {
      this.body = BODY.LENGTH;
      this.remaining = head.contentLength;
    } else if (bodyBytes >= 0 && (this.trailers === '' || this.isHttp10)) {
      this.body = BODY.LENGTH;
      this.remaining = bodyBytes;
      lines += `Content-Length: ${bodyBytes}\r\n`;
    } else if (this.isHttp10) {
      this.body = BODY.CLOSE;
      this.closes = true;
    } else {
      this.body = BODY.CHUNKED;
      lines += 'Transfer-Encoding: chunked\r\n';
    }
    if (this.closes) lines += 'Connection: close\r\n';
    else if (this.isHttp10) lines += 'Connection: keep-alive\r\n';
    return lines;
  }

  /** The bytes to send for a chunk of the body; with `last` also what ends it. */
  frame(chunk: Uint8Array, last: boolean): Uint8Array {
    if (this.body === BODY.LENGTH) return this.cut(chunk);
    if (this.body !== BODY.CHUNKED) return this.body === BODY.NONE ? NOTHING : chunk;
    const end = last ? this.lastChunk : NOTHING;
    if (chunk.length === 0) return end;
    return Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, LINE_END, end]);
  }

  private get lastChunk(): Uint8Array {
    return this.trailers === '' ? LAST_CHUNK : Buffer.from(`${LAST_CHUNK_SIZE}${this.trailers}\r\n`, 'latin1');
  }

  /** After the last chunk: whether the body has fewer bytes than its head promised. */
  get isShort(): boolean {
    return this.body === BODY.LENGTH && this.remaining > 0;
  }

  private cut(chunk: Uint8Array): Uint8Array {
    if (chunk.length > this.remaining) {
      this.overrun = true;
      chunk = chunk.subarray(0, this.remaining);
    }
    this.remaining -= chunk.length;
    return chunk;
  }
}

/** Headers that are the connection's business, not the application's (RFC 9110 section 7.6.1). */
export function isConnectionHeader(name: string): boolean {
  return /^(connection|keep-alive|proxy-connection|transfer-encoding)$/i.test(name);
}

/** The same, and the length. */
export function isFramingHeader(name: string): boolean {
  return isConnectionHeader(name) || /^content-length$/i.test(name);
}

/** The headers of 205, which has no content and says so: to a client it is a response like any other (RFC 9110 section 15.3.6). */
export function withoutContent(
  headers: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  const kept = headers.filter(([name]) => !/^(content-length|transfer-encoding)$/i.test(name));
  return [...kept, ['Content-Length', '0']];
}
