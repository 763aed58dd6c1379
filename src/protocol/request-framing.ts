// Whether an HTTP request's framing can be trusted: what RFC 9112 section 6 calls unrecoverable, and what RFC 9110 says
// of Host, Expect, field names and values. No IO and no garbage; a fault is a code. The engines that parse HTTP for us
// let different things through: after this check they are the same.
import { forgetHeaderNamesWhenFull, HEADER, type HeaderName, headerName, isToken } from './cgi-names.js';
import { decimalValue, isFieldValue, trimSpace } from './field-values.js';

/** What can be wrong with the framing of a request. */
export const FRAMING = {
  OK: 0,
  BAD_METHOD: 1,
  BAD_HEADER_NAME: 2,
  BAD_HEADER_VALUE: 3,
  BAD_CONTENT_LENGTH: 4,
  REPEATED_CONTENT_LENGTH: 5,
  LENGTH_AND_CODING: 6,
  /** Transfer-Encoding that does not end the body clearly: twice, not last, not chunked. */
  BAD_TRANSFER_CODING: 7,
  /** Well-formed, ending in chunked, with a coding before it that is not spoken here. */
  UNKNOWN_TRANSFER_CODING: 8,
  CODING_IN_HTTP_1_0: 9,
  MISSING_HOST: 10,
  REPEATED_HOST: 11,
  BAD_HOST: 12,
  UNKNOWN_EXPECTATION: 13,
} as const;

export type Framing = (typeof FRAMING)[keyof typeof FRAMING];

/** The answer to each fault; the connection is closed after it. */
export const FRAMING_TABLE: Readonly<Record<Framing, { readonly status: number; readonly reason: string }>> = {
  [FRAMING.OK]: { status: 200, reason: '' },
  [FRAMING.BAD_METHOD]: { status: 400, reason: 'the method is not a token' },
  [FRAMING.BAD_HEADER_NAME]: {
    status: 400,
    reason: 'a header name is not a token',
  },
  [FRAMING.BAD_HEADER_VALUE]: {
    status: 400,
    reason: 'a header value holds a control character',
  },
  [FRAMING.BAD_CONTENT_LENGTH]: {
    status: 400,
    reason: 'Content-Length is not a decimal number',
  },
  [FRAMING.REPEATED_CONTENT_LENGTH]: {
    status: 400,
    reason: 'Content-Length is there twice',
  },
  [FRAMING.LENGTH_AND_CODING]: {
    status: 400,
    reason: 'Content-Length and Transfer-Encoding exclude each other',
  },
  [FRAMING.BAD_TRANSFER_CODING]: {
    status: 400,
    reason: 'Transfer-Encoding must be chunked, once',
  },
  [FRAMING.UNKNOWN_TRANSFER_CODING]: {
    status: 501,
    reason: 'no transfer coding but chunked is understood',
  },
  [FRAMING.CODING_IN_HTTP_1_0]: {
    status: 400,
    reason: 'Transfer-Encoding in HTTP/1.0',
  },
  [FRAMING.MISSING_HOST]: { status: 400, reason: 'Host is missing' },
  [FRAMING.REPEATED_HOST]: { status: 400, reason: 'Host is there twice' },
  [FRAMING.BAD_HOST]: { status: 400, reason: 'Host is not a host' },
  [FRAMING.UNKNOWN_EXPECTATION]: {
    status: 417,
    reason: 'only 100-continue can be expected',
  },
};

let requestNumber = 0;

/**
 * One request at a time: `reset`, each header in turn, `finish`. The first fault stays. Afterwards `contentLength`,
 * `chunked` and `expectContinue` say how the body comes.
 */
export class FramingCheck {
  fault: Framing = FRAMING.OK;
  /** Bytes of body, or -1 when no Content-Length came. */
  contentLength = -1;
  chunked = false;
  /** The client waits for 100 Continue before it sends the body. */
  expectContinue = false;
  /** Whether the header just given may have come before in this request: its values are to be joined. */
  repeated = false;

  private httpMinor = 1;
  private hosts = 0;
  private codings = 0;
  private request = 0;

  /** `httpMinor`: 0 for HTTP/1.0, 1 for HTTP/1.1. */
  reset(httpMinor: number): void {
    forgetHeaderNamesWhenFull();
    // A Smi: the counter starts again long before V8 would keep it as a heap number.
    requestNumber = (requestNumber + 1) & 0x3fffffff;
    this.fault = FRAMING.OK;
    this.contentLength = -1;
    this.chunked = false;
    this.expectContinue = false;
    this.repeated = false;
    this.httpMinor = httpMinor;
    this.hosts = 0;
    this.codings = 0;
    this.request = requestNumber;
  }

  /** Takes one header as it came and answers what is known of its name. */
  header(rawName: string, value: string): HeaderName {
    const name = headerName(rawName);
    this.repeated = name.seenIn === this.request || !name.remembered;
    name.seenIn = this.request;
    if (!name.valid) this.fail(FRAMING.BAD_HEADER_NAME);
    else if (!isFieldValue(value)) this.fail(FRAMING.BAD_HEADER_VALUE);
    else if (name.kind !== HEADER.OTHER) this.known(name, trimSpace(value));
    return name;
  }

  /** After the last header. */
  finish(method: string): Framing {
    if (!isToken(method)) this.fail(FRAMING.BAD_METHOD);
    if (this.hosts === 0 && this.httpMinor > 0) this.fail(FRAMING.MISSING_HOST);
    if (this.codings > 0) {
      if (this.httpMinor === 0) this.fail(FRAMING.CODING_IN_HTTP_1_0);
      if (this.contentLength >= 0) this.fail(FRAMING.LENGTH_AND_CODING);
    }
    return this.fault;
  }

  private known(name: HeaderName, value: string): void {
    switch (name.kind) {
      case HEADER.CONTENT_LENGTH:
        // RFC 9112 section 6.3 allows to read equal repetitions as one. Nobody sends them but to see what we make of them.
        if (this.contentLength >= 0) this.fail(FRAMING.REPEATED_CONTENT_LENGTH);
        this.contentLength = decimalValue(value);
        if (this.contentLength < 0) this.fail(FRAMING.BAD_CONTENT_LENGTH);
        return;
      case HEADER.TRANSFER_ENCODING:
        this.codings++;
        if (this.codings > 1) this.fail(FRAMING.BAD_TRANSFER_CODING);
        else if (isChunked(value)) this.chunked = true;
        else this.fail(endsInChunked(value) ? FRAMING.UNKNOWN_TRANSFER_CODING : FRAMING.BAD_TRANSFER_CODING);
        return;
      case HEADER.HOST:
        this.hosts++;
        if (this.hosts > 1) this.fail(FRAMING.REPEATED_HOST);
        else if (!isHost(value)) this.fail(FRAMING.BAD_HOST);
        return;
      case HEADER.EXPECT:
        if (value.length !== 12 || value.toLowerCase() !== '100-continue') this.fail(FRAMING.UNKNOWN_EXPECTATION);
        // RFC 9110 section 10.1.1: in HTTP/1.0 the expectation is ignored.
        else this.expectContinue = this.httpMinor > 0;
        return;
      case HEADER.OTHER:
      case HEADER.CONNECTION:
      case HEADER.DATE:
      case HEADER.HOP_BY_HOP:
        return;
      default:
        name.kind satisfies never;
    }
  }

  private fail(fault: Framing): void {
    if (this.fault === FRAMING.OK) this.fault = fault;
  }
}

/** Checks a whole list `name, value, name, value…` as node:http's `rawHeaders` has it. */
export function checkFraming(
  check: FramingCheck,
  method: string,
  httpMinor: number,
  rawHeaders: readonly string[],
): Framing {
  check.reset(httpMinor);
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) check.header(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  return check.finish(method);
}

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]*)(?::[0-9]*)?$/;

/** Whether a text is `uri-host [ ":" port ]` (RFC 9110 section 7.2); it may be empty. */
export function isHost(text: string): boolean {
  return HOST.test(text);
}

function isChunked(value: string): boolean {
  return value.length === 7 && (value === 'chunked' || value.toLowerCase() === 'chunked');
}

/** Whether a list of codings names chunked once, as the last: the body would end clearly, if the others were understood. */
function endsInChunked(value: string): boolean {
  const codings = value.split(',').map((coding) => trimSpace(coding).toLowerCase());
  return codings.every(isCoding) && codings.indexOf('chunked') === codings.length - 1;
}

/** `token *( OWS ";" OWS parameter )`: only its name is looked at, parameters are as unknown as the coding itself. */
function isCoding(coding: string): boolean {
  return isToken(trimSpace(coding.split(';', 1)[0] as string));
}
