// A peer's faults on a uwsgi socket: a numeric code each, and one table from code to log line, answer and text.
// The log lines that uWSGI 2.0 has are kept to the letter, so that what greps for them goes on working.
import { assert } from '../base/assert.js';
import { plainResponse } from './plain-response.js';

/** What can be wrong with a uwsgi request. Numbers, because they are stored in shared memory and compared on the hot path. */
export const FAULT = {
  NONE: 0,
  /** datasize is over buffer-size. */
  OVERSIZE: 1,
  /** The first bytes are an HTTP request line. */
  HTTP_SPEAKER: 2,
  /** The first bytes are a TLS ClientHello. */
  TLS_SPEAKER: 3,
  ZERO_KEY: 4,
  /** A key reaches past the vars block, or leaves no room for its value's length. */
  KEY_OVERRUN: 5,
  /** A value reaches past the vars block. */
  VALUE_OVERRUN: 6,
  /** The peer closed before the first byte. */
  EOF_BEFORE_REQUEST: 7,
  EOF_IN_HEADER: 8,
  EOF_IN_VARS: 9,
  /** Nothing came for socket-timeout seconds. */
  STALL: 10,
  TOO_MANY_VARS: 11,
  /** Modifier 0 with an empty vars block. */
  EMPTY_REQUEST: 12,
  /** CONTENT_LENGTH is over limit-post. */
  BODY_TOO_LARGE: 13,
  /** CONTENT_LENGTH is no decimal number, or above 2^53 - 1. */
  BAD_CONTENT_LENGTH: 14,
  /** CONTENT_LENGTH is there twice and says two things. */
  CONTENT_LENGTH_CONFLICT: 15,
  UNKNOWN_MODIFIER: 16,
} as const;

export type Fault = (typeof FAULT)[keyof typeof FAULT];

interface FaultRow {
  /** Each `%d` takes the next of the fault's two numbers. Empty: nothing is logged. */
  readonly logLine: string;
  /** HTTP status of the answer, or 0: close without a byte. */
  readonly status: number;
  /** The answer's body. */
  readonly reason: string;
}

const NOT_HTTP = 'this socket speaks uwsgi, not HTTP';

/** Every fault's log line, status and text. */
export const FAULT_TABLE: Readonly<Record<Fault, FaultRow>> = {
  [FAULT.NONE]: { logLine: '', status: 0, reason: '' },
  [FAULT.OVERSIZE]: {
    logLine: 'invalid request block size: %d (max %d)...skip',
    status: 431,
    reason: 'the request headers are over buffer-size',
  },
  [FAULT.HTTP_SPEAKER]: {
    logLine: `HTTP request on a uwsgi socket: ${NOT_HTTP}`,
    status: 400,
    reason: NOT_HTTP,
  },
  [FAULT.TLS_SPEAKER]: {
    logLine: `TLS handshake on a uwsgi socket: ${NOT_HTTP}`,
    status: 400,
    reason: NOT_HTTP,
  },
  [FAULT.ZERO_KEY]: {
    logLine: 'uwsgi key cannot be null. skip this var.',
    status: 400,
    reason: 'the uwsgi packet has an empty key',
  },
  [FAULT.KEY_OVERRUN]: {
    logLine: 'invalid uwsgi request (current strsize: %d). skip.',
    status: 400,
    reason: 'a key of the uwsgi packet overruns it',
  },
  [FAULT.VALUE_OVERRUN]: {
    logLine: 'invalid uwsgi request (current strsize: %d). skip.',
    status: 400,
    reason: 'a value of the uwsgi packet overruns it',
  },
  [FAULT.EOF_BEFORE_REQUEST]: { logLine: '', status: 0, reason: '' },
  [FAULT.EOF_IN_HEADER]: {
    logLine: 'client closed connection after %d of 4 header bytes. skip.',
    status: 0,
    reason: '',
  },
  [FAULT.EOF_IN_VARS]: { logLine: 'client closed connection after %d packet bytes. skip.', status: 0, reason: '' },
  [FAULT.STALL]: { logLine: 'timeout: the client sent nothing for %d ms. skip.', status: 0, reason: '' },
  [FAULT.TOO_MANY_VARS]: {
    logLine: 'max vec size reached. skip this var.',
    status: 431,
    reason: 'the request has too many headers',
  },
  [FAULT.EMPTY_REQUEST]: {
    logLine: 'empty request. skip.',
    status: 0,
    reason: '',
  },
  [FAULT.BODY_TOO_LARGE]: {
    logLine: 'Invalid (too big) CONTENT_LENGTH. skip.',
    status: 413,
    reason: 'the request body is over limit-post',
  },
  [FAULT.BAD_CONTENT_LENGTH]: {
    logLine: 'invalid CONTENT_LENGTH: not a decimal number. skip.',
    status: 400,
    reason: 'CONTENT_LENGTH is not a decimal number',
  },
  [FAULT.CONTENT_LENGTH_CONFLICT]: {
    logLine: 'invalid CONTENT_LENGTH: two values. skip.',
    status: 400,
    reason: 'CONTENT_LENGTH has two values',
  },
  [FAULT.UNKNOWN_MODIFIER]: {
    logLine: '-- unavailable modifier requested: %d --',
    status: 0,
    reason: '',
  },
};

/**
 * The line to log for a fault, without a line end; empty when nothing is to be logged. `a` is the parser's `faultArg` (bytes
 * received for an EOF, milliseconds for a stall), `b` the limit that was passed.
 */
export function faultLogLine(fault: number, a = 0, b = 0): string {
  return faultRow(fault).logLine.replace('%d', String(a)).replace('%d', String(b));
}

const responses: (Buffer | null | undefined)[] = [];

/** The whole answer to a fault, made once (do not write to it); null: close without a byte. */
export function faultResponse(fault: number): Buffer | null {
  const made = responses[fault];
  if (made !== undefined) return made;
  const { status, reason } = faultRow(fault);
  const response = status === 0 ? null : plainResponse(status, reason);
  responses[fault] = response;
  return response;
}

function faultRow(fault: number): FaultRow {
  const row: FaultRow | undefined = FAULT_TABLE[fault as Fault];
  assert(row !== undefined, 'every fault has a row');
  return row;
}
