// Header names: whether they are valid, what framing must look at, and which CGI variable they become (RFC 3875 section
// 4.1.18). Each name is worked out once; the table is bounded, so that clients who make names up cannot fill the memory.
import { encodeKey } from './uwsgi-encoder.js';

/** The headers that someone here looks at; everything else is OTHER. */
export const HEADER = {
  OTHER: 0,
  CONTENT_LENGTH: 1,
  TRANSFER_ENCODING: 2,
  HOST: 3,
  EXPECT: 4,
  CONNECTION: 5,
  DATE: 6,
  /** The connection's business beside Connection itself: Keep-Alive and Proxy-Connection (RFC 9110 section 7.6.1). */
  HOP_BY_HOP: 7,
} as const;

export type HeaderKind = (typeof HEADER)[keyof typeof HEADER];

/** What is known of one header name, in whatever case it was written. */
export class HeaderName {
  /** A token, as RFC 9110 section 5.1 asks. */
  readonly valid: boolean;
  readonly kind: HeaderKind;
  /** `HTTP_USER_AGENT`; null when the header is dropped: invalid, or with an underscore, which would collide with a dash. */
  readonly cgi: string | null;
  /** `cgi` as `PacketWriter.keyed` takes it; empty when the header is dropped. */
  readonly key: Uint8Array;
  /** Whether every spelling of the name gives this object, until `forgetHeaderNamesWhenFull`. */
  readonly remembered: boolean;
  /** The number of the request that `FramingCheck` last saw this name in. */
  seenIn = 0;

  constructor(lowerCaseName: string, valid: boolean, remembered: boolean) {
    this.valid = valid;
    this.kind = KINDS.get(lowerCaseName) ?? HEADER.OTHER;
    this.cgi = valid && !lowerCaseName.includes('_') ? variableName(lowerCaseName) : null;
    this.key = this.cgi === null ? new Uint8Array(0) : encodeKey(this.cgi);
    this.remembered = remembered;
  }
}

const KINDS: ReadonlyMap<string, HeaderKind> = new Map([
  ['content-length', HEADER.CONTENT_LENGTH],
  ['transfer-encoding', HEADER.TRANSFER_ENCODING],
  ['host', HEADER.HOST],
  ['expect', HEADER.EXPECT],
  ['connection', HEADER.CONNECTION],
  ['date', HEADER.DATE],
  ['keep-alive', HEADER.HOP_BY_HOP],
  ['proxy-connection', HEADER.HOP_BY_HOP],
]);

/** Spellings remembered at a time. */
const HEADER_NAMES_MAX = 1024;
/** Longer names are worked out each time. */
const HEADER_NAME_LENGTH_MAX = 128;

const headerNames = new Map<string, HeaderName>();
const INVALID = new HeaderName('', false, false);

/** What is known of a header name, by any spelling. */
export function headerName(name: string): HeaderName {
  return headerNames.get(name) ?? learn(name);
}

/** Starts the table again when it is full. Between requests only: within one, names stay the same objects. */
export function forgetHeaderNamesWhenFull(): void {
  if (headerNames.size > HEADER_NAMES_MAX - 2) headerNames.clear();
}

/** The CGI variable of a header: `HTTP_X_Y`, `CONTENT_TYPE`, `CONTENT_LENGTH`; null when it is to be dropped. */
export function cgiName(name: string): string | null {
  return headerName(name).cgi;
}

/** The value of a header that came twice: RFC 9110 section 5.3, and RFC 6265 section 5.4 for Cookie. */
export function joinRepeated(name: string, first: string, second: string): string {
  return headerName(name).cgi === 'HTTP_COOKIE' ? `${first}; ${second}` : `${first}, ${second}`;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Whether a text is a token (RFC 9110 section 5.6.2): header names, methods. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** Whether a byte may stand in a token. */
export function isTokenByte(byte: number): boolean {
  return TOKEN_BYTES[byte] === 1;
}

const TOKEN_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => (isToken(String.fromCharCode(byte)) ? 1 : 0));

function learn(name: string): HeaderName {
  // Before the case is folded: some letters outside ASCII have ASCII letters as their lower case.
  if (!isToken(name)) return INVALID;
  const lowerCaseName = name.toLowerCase();
  let known = headerNames.get(lowerCaseName);
  const hasRoom = name.length <= HEADER_NAME_LENGTH_MAX && headerNames.size <= HEADER_NAMES_MAX - 2;
  if (known === undefined) {
    known = new HeaderName(lowerCaseName, true, hasRoom);
    if (hasRoom) headerNames.set(lowerCaseName, known);
  }
  if (hasRoom) headerNames.set(name, known);
  return known;
}

function variableName(lowerCaseName: string): string {
  const name = lowerCaseName.toUpperCase().replaceAll('-', '_');
  return name === 'CONTENT_TYPE' || name === 'CONTENT_LENGTH' ? name : `HTTP_${name}`;
}
