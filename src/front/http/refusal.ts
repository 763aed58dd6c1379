// The answers an HTTP front gives itself: small, plain, and, where the rest of the connection cannot be trusted, the last.
import { FRAMING_TABLE, type Framing } from '../../protocol/request-framing.js';
import { statusReason } from '../../protocol/status.js';

/** A status and one line that says why, ASCII. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

export const REFUSAL = {
  BAD_REQUEST: { status: 400, reason: 'the request cannot be parsed' },
  BAD_TARGET: { status: 400, reason: 'the request target is not valid' },
  NUL_IN_PATH: { status: 400, reason: 'the path holds a NUL byte' },
  NOT_UTF8: { status: 400, reason: 'the request head holds bytes that are not UTF-8' },
  REQUEST_TIMEOUT: { status: 408, reason: 'the request did not come in time' },
  LENGTH_REQUIRED: { status: 411, reason: 'chunked requests are not taken by this engine: send a Content-Length' },
  BODY_TOO_LARGE: { status: 413, reason: 'the request body is over limit-post' },
  BODY_OVER_ENGINE_LIMIT: { status: 413, reason: 'the request body is over what this engine takes' },
  TOO_LONG_FOR_RULE: { status: 414, reason: 'the request is longer than a rule allows' },
  TOO_MANY_HEADERS: { status: 431, reason: 'the request has too many headers' },
  HEADERS_TOO_LARGE: { status: 431, reason: 'the request headers are over buffer-size' },
  NO_TUNNEL: { status: 501, reason: 'CONNECT is not served' },
  VERSION: { status: 505, reason: 'HTTP/1.0 and HTTP/1.1 are served' },
  APPLICATION_FAILED: { status: 500, reason: 'the application failed' },
  BODY_NOT_STORED: { status: 500, reason: 'the request body could not be stored' },
  WORKER_LOST: { status: 502, reason: 'the worker died with the request' },
  DEADLINE: { status: 504, reason: 'the request ran too long' },
  BUSY: { status: 503, reason: 'all workers are busy' },
} as const satisfies Record<string, Refusal>;

/** Seconds after which a client that was answered 503 may try again. */
export const RETRY_AFTER_SECONDS = 1;

/** The refusal of a framing fault. */
export function framingRefusal(fault: Framing): Refusal {
  return FRAMING_TABLE[fault];
}

/** `503 Service Unavailable`. */
export function refusalStatus(refusal: Refusal): string {
  return `${refusal.status} ${statusReason(refusal.status)}`;
}

export function refusalBody(refusal: Refusal): string {
  return `${refusal.reason}\n`;
}

/**
 * A whole response that announces the close of its connection, from the status on: what follows `HTTP/1.1 `. White space at
 * its end makes it at least `bytesMin` long. `isHead`: without the body whose length it tells (RFC 9110 section 9.3.2).
 */
export function closingAnswer(refusal: Refusal, isHead: boolean, bytesMin = 0): string {
  const body = refusalBody(refusal).padEnd(bytesMin);
  return [
    refusalStatus(refusal),
    // RFC 9110 section 6.6.1: 4xx responses carry a Date, too.
    `Date: ${new Date().toUTCString()}`,
    ...(refusal.status === 503 ? [`Retry-After: ${RETRY_AFTER_SECONDS}`] : []),
    'Content-Type: text/plain',
    `Content-Length: ${body.length}`,
    'Connection: close',
    '',
    isHead ? '' : body,
  ].join('\r\n');
}
