// The head of an HTTP/1 request, cut into its request line and header lines as RFC 9112 has them and no looser: every line
// ends with CRLF, nothing is folded, no bare CR or LF stands anywhere. What the parts mean is for others to judge.
import { isToken, isTokenByte } from './cgi-names.js';

const CR = 13;
const LF = 10;
const SPACE = 32;
const LETTER_H = 72;

/** What `findHeadEnd` answers when the bytes are no head, whatever may follow. */
export const HEAD_MALFORMED = -2;
/** What it answers when the blank line has not come yet. */
export const HEAD_INCOMPLETE = -1;

/**
 * Looks for the blank line that ends the head which begins at `start`; the search begins at `scanned`, where an earlier one
 * left off. The offset behind the blank line, HEAD_INCOMPLETE, or HEAD_MALFORMED at a CR without LF or an LF without CR.
 */
export function findHeadEnd(buffer: Buffer, start: number, scanned: number, end: number): number {
  for (let at = buffer.indexOf(LF, Math.max(start, scanned)); at >= 0 && at < end; at = buffer.indexOf(LF, at + 1)) {
    if (at === start || buffer[at - 1] !== CR) return HEAD_MALFORMED;
    if (at >= start + 3 && buffer[at - 2] === LF) return at + 1;
  }
  return HEAD_INCOMPLETE;
}

/** The offset behind the empty lines that a client may send before its request (RFC 9112 section 2.2). */
export function skipEmptyLines(buffer: Buffer, start: number, end: number): number {
  let at = start;
  while (at + 1 < end && buffer[at] === CR && buffer[at + 1] === LF) at += 2;
  return at;
}

/** Whether bytes that hold a head, or the beginning of one, ask for a response without its body. */
export function beginsWithHead(buffer: Buffer, start: number, end: number): boolean {
  return buffer[start] === LETTER_H && buffer.latin1Slice(start, Math.min(end, start + 5)) === 'HEAD ';
}

/** Bytes that `mayBeginRequest` looks at. */
const METHOD_BYTES_LOOKED_AT = 16;

/** Whether bytes that hold no whole head yet may become one, as far as their method tells: TLS and other protocols do not. */
export function mayBeginRequest(buffer: Buffer, start: number, end: number): boolean {
  const stop = Math.min(end, start + METHOD_BYTES_LOOKED_AT);
  for (let at = start; at < stop; at++) {
    const byte = buffer[at] as number;
    if (byte === SPACE) return at > start;
    // The first half of an empty line.
    if (byte === CR && at === start && at + 1 === end) return true;
    if (!isTokenByte(byte)) return false;
  }
  return true;
}

export const REQUEST_LINE = { OK: 0, MALFORMED: 1, VERSION: 2 } as const;

/** Takes the lines of a head one after the other. One object serves one head at a time. */
export class HeadLines {
  method = '';
  target = '';
  httpMinor = 1;
  name = '';
  value = '';
  private text = '';
  private headersAt = 0;
  private at = 0;

  /** Starts with `buffer[start, end)`, blank line included, one character for each byte; reads the request line. */
  begin(buffer: Buffer, start: number, end: number): number {
    this.text = buffer.latin1Slice(start, end);
    const lineEnd = this.text.indexOf('\r\n');
    const line = this.text.substring(0, lineEnd);
    this.headersAt = lineEnd + 2;
    this.at = this.headersAt;
    const firstSpace = line.indexOf(' ');
    const lastSpace = line.lastIndexOf(' ');
    this.method = line.substring(0, firstSpace);
    this.target = line.substring(firstSpace + 1, lastSpace);
    const version = line.substring(lastSpace + 1);
    if (firstSpace <= 0 || lastSpace <= firstSpace + 1 || line.includes('\r') || !isToken(this.method)) {
      return REQUEST_LINE.MALFORMED;
    }
    // Exactly one space on each side: RFC 9112 section 3 lets a server be looser, and ours is not.
    if (!isTarget(this.target)) return REQUEST_LINE.MALFORMED;
    if (version === 'HTTP/1.1') this.httpMinor = 1;
    else if (version === 'HTTP/1.0') this.httpMinor = 0;
    else return /^HTTP\/\d\.\d$/.test(version) ? REQUEST_LINE.VERSION : REQUEST_LINE.MALFORMED;
    return REQUEST_LINE.OK;
  }

  /**
   * The next header into `name` and `value` (white space around the value is gone). False when there is none left; a line
   * without a colon, or one that continues the line before (obs-fold), has an empty name.
   */
  next(): boolean {
    const { text, at } = this;
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd === at || lineEnd < 0) return false;
    const colon = text.indexOf(':', at);
    this.at = lineEnd + 2;
    if (colon < 0 || colon >= lineEnd) {
      this.name = '';
      this.value = '';
      return true;
    }
    let from = colon + 1;
    let to = lineEnd;
    while (from < to && isSpace(text.charCodeAt(from))) from++;
    while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
    this.name = text.substring(at, colon);
    this.value = text.substring(from, to);
    return true;
  }

  /** All headers once more, from the first: name, value, name, value… */
  list(): string[] {
    const list: string[] = [];
    this.at = this.headersAt;
    while (this.next()) list.push(this.name, this.value);
    return list;
  }
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9;
}

/** No space or control character stands in a target; bytes above ASCII are let through, as clients send them. */
function isTarget(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 32 || code === 127) return false;
  }
  return true;
}
