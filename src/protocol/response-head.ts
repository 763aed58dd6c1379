// The head of a response: what an application may send is checked, encoded once, and the facts that a front needs are
// gathered in the same walk.
import { HEADER, type HeaderKind, headerName } from './cgi-names.js';
import { decimalValue, isFieldValue, trimSpace } from './field-values.js';
import { statusReason } from './status.js';

export { STATUS_REASONS } from './status.js';

/** `404 Not Found` of `404 Not Found`, or of a bare `404`. Throws a TypeError when the text does not start with three digits. */
export function statusLine(text: string): string {
  return withReason(text, statusCodeOf(text));
}

/** The head of one response after the other: `set`, then `encode`. */
export class ResponseHead {
  statusCode = 0;
  headerCount = 0;
  hasContentLength = false;
  /** Bytes of body that Content-Length names, or -1. */
  contentLength = -1;
  hasTransferEncoding = false;
  hasDate = false;
  /** Connection names `close`. */
  connectionClose = false;
  /** There is a header that is the connection's business: Connection, Keep-Alive, Proxy-Connection or Transfer-Encoding. */
  hasConnectionHeader = false;
  /**
   * 1xx, 204 and 304 have no body, whatever their headers say (RFC 9112 section 6.3); 205 must not be given one, though its
   * headers have to say so (RFC 9110 section 15.3.6).
   */
  bodyForbidden = false;

  /** Status and headers, between the protocol and the blank line. */
  private text = '';

  /**
   * Takes a status (`200 OK` or a bare `200`) and headers. Throws a TypeError on what cannot be sent: a status that does not
   * start with three digits, a name that is no token, a value that is no string or holds a control character or one above
   * 255, a Content-Length that is no number or is there twice.
   */
  set(status: string, headers: readonly (readonly [string, string])[]): void {
    const statusCode = statusCodeOf(status);
    this.statusCode = statusCode;
    this.headerCount = headers.length;
    this.hasContentLength = false;
    this.contentLength = -1;
    this.hasTransferEncoding = false;
    this.hasDate = false;
    this.connectionClose = false;
    this.hasConnectionHeader = false;
    this.bodyForbidden = statusCode < 200 || statusCode === 204 || statusCode === 205 || statusCode === 304;
    let text = ` ${withReason(status, statusCode)}\r\n`;
    for (let i = 0; i < headers.length; i++) {
      const header = headers[i] as readonly [string, string];
      const name = header[0];
      const value = header[1];
      const kind = checkHeader(name, value);
      if (kind !== HEADER.OTHER) this.note(kind, value);
      text += `${name}: ${value}\r\n`;
    }
    this.text = text;
  }

  /**
   * Writes `HTTP/1.1 200 OK`, the headers and the blank line at `offset`. The offset after it, or -1 when it does not fit.
   * `protocol` comes from the request (SERVER_PROTOCOL): what is no HTTP version becomes HTTP/1.1. `lines` are header lines
   * of the server's own, each with its line end.
   */
  encode(protocol: string, out: Buffer, offset: number, lines = ''): number {
    const head = `${isProtocol(protocol) ? protocol : 'HTTP/1.1'}${this.text}${lines}\r\n`;
    if (offset + head.length > out.length) return -1;
    out.latin1Write(head, offset, head.length);
    return offset + head.length;
  }

  private note(kind: HeaderKind, value: string): void {
    switch (kind) {
      case HEADER.CONTENT_LENGTH:
        if (this.hasContentLength) throw new TypeError('Content-Length is there twice');
        this.hasContentLength = true;
        this.contentLength = decimalValue(trimSpace(value));
        if (this.contentLength < 0) throw new TypeError(`Invalid Content-Length ${quote(value)}`);
        return;
      case HEADER.TRANSFER_ENCODING:
        this.hasTransferEncoding = true;
        this.hasConnectionHeader = true;
        return;
      case HEADER.CONNECTION:
        this.hasConnectionHeader = true;
        if (namesClose(value)) this.connectionClose = true;
        return;
      case HEADER.HOP_BY_HOP:
        this.hasConnectionHeader = true;
        return;
      case HEADER.DATE:
        this.hasDate = true;
        return;
      case HEADER.OTHER:
      case HEADER.HOST:
      case HEADER.EXPECT:
        return;
      default:
        kind satisfies never;
    }
  }
}

/** A head as `ResponseHead.encode` wrote it, taken apart again. */
export interface ParsedHead {
  readonly statusCode: number;
  readonly reason: string;
  /** `name, value, name, value…` */
  readonly rawHeaders: string[];
}

/** Takes the head in `bytes[start, end)`, blank line included, apart. It must be one that `ResponseHead.encode` wrote. */
export function parseHead(bytes: Buffer, start: number, end: number): ParsedHead {
  const text = bytes.latin1Slice(start, end);
  const codeAt = text.indexOf(' ') + 1;
  let lineEnd = text.indexOf('\r\n');
  const statusCode = Number(text.substring(codeAt, codeAt + 3));
  const reason = text.substring(codeAt + 4, lineEnd);
  const rawHeaders: string[] = [];
  for (;;) {
    const line = lineEnd + 2;
    lineEnd = text.indexOf('\r\n', line);
    if (lineEnd <= line) return { statusCode, reason, rawHeaders };
    const colon = text.indexOf(':', line);
    rawHeaders.push(text.substring(line, colon), text.substring(colon + 2, lineEnd));
  }
}

/** The three digits that a status starts with, 100 to 999. Throws a TypeError on anything else. */
function statusCodeOf(status: string): number {
  const code = typeof status === 'string' && status.length >= 3 ? decimalValue(status.substring(0, 3)) : -1;
  if (code < 100 || (status.length > 3 && status.charCodeAt(3) !== 32) || !isFieldValue(status)) {
    throw new TypeError(`Invalid status ${quote(status)}: three digits, then a space and a reason, are expected`);
  }
  return code;
}

/** The reason is optional: `404` and `404 ` get the standard one. */
function withReason(status: string, statusCode: number): string {
  return status.length > 4 ? status : `${statusCode} ${statusReason(statusCode)}`;
}

/** Throws a TypeError when the header cannot be sent. */
function checkHeader(name: string, value: string): HeaderKind {
  const known = typeof name === 'string' ? headerName(name) : undefined;
  if (known === undefined || !known.valid) throw new TypeError(`Invalid header name ${quote(name)}`);
  if (typeof value !== 'string') throw new TypeError(`Header ${name} must be a string, got ${quote(value)}`);
  if (!isFieldValue(value))
    throw new TypeError(`Header ${name} holds a character that cannot be sent: ${quote(value)}`);
  return known.kind;
}

function isProtocol(text: string): boolean {
  return text === 'HTTP/1.1' || /^HTTP\/[0-9]\.[0-9]$/.test(text);
}

function namesClose(value: string): boolean {
  return value === 'close' || value.split(',').some((option) => trimSpace(option).toLowerCase() === 'close');
}

/** A value for a message, on one line, whatever it is. */
function quote(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
