// Conditional requests (RFC 9110 section 13), for GET and HEAD of something that is there.
import { parseHttpDate } from './http-date.js';

/** The headers as they came; undefined where there is none. */
export interface Conditions {
  readonly ifMatch: string | undefined;
  readonly ifUnmodifiedSince: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
}

/** What is there. */
export interface Validators {
  /** A strong entity tag, quotes included. */
  readonly etag: string;
  /** Last-Modified, in milliseconds since 1970, whole seconds. */
  readonly modifiedMs: number;
}

export const PRECONDITION = { PASSED: 0, NOT_MODIFIED: 304, FAILED: 412 } as const;
export type Precondition = (typeof PRECONDITION)[keyof typeof PRECONDITION];

/** In the order of section 13.2.2: tags go before dates. A date that is none is no condition. */
export function judgeConditions(conditions: Conditions, { etag, modifiedMs }: Validators): Precondition {
  const { ifMatch, ifUnmodifiedSince, ifNoneMatch, ifModifiedSince } = conditions;
  if (ifMatch !== undefined) {
    // Strong comparison: a weak tag never matches.
    if (!lists(ifMatch, etag, false)) return PRECONDITION.FAILED;
  } else if (ifUnmodifiedSince !== undefined && modifiedMs > parseHttpDate(ifUnmodifiedSince)) {
    return PRECONDITION.FAILED;
  }
  if (ifNoneMatch !== undefined) {
    return lists(ifNoneMatch, etag, true) ? PRECONDITION.NOT_MODIFIED : PRECONDITION.PASSED;
  }
  const isUnchanged = ifModifiedSince !== undefined && modifiedMs <= parseHttpDate(ifModifiedSince);
  return isUnchanged ? PRECONDITION.NOT_MODIFIED : PRECONDITION.PASSED;
}

/** If-Range: whether a range may be sent, because what the client has a part of is still there (section 13.1.5). */
export function rangeStillValid(ifRange: string, { etag, modifiedMs }: Validators): boolean {
  return ifRange === etag || parseHttpDate(ifRange) === modifiedMs;
}

const ENTITY_TAG = /(W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g;

function lists(value: string, etag: string, weakly: boolean): boolean {
  if (value.trim() === '*') return true;
  for (const [, weak, tag] of value.matchAll(ENTITY_TAG))
    if (tag === etag && (weakly || weak === undefined)) return true;
  return false;
}
