// A reply's head between the worker, who encoded it, and an engine, which frames the response itself.
import type { FrontSlot } from '../../lane/front-lane.js';
import { REPLY_FLAG } from '../../lane/layout.js';
import { type ParsedHead, parseHead } from '../../protocol/response-head.js';

/** Bytes of `HTTP/1.1 ` at the front of every encoded head. */
export const PROTOCOL_BYTES = 9;
/** Bytes of the blank line and of the line end before it. */
export const HEAD_END_BYTES = 4;

/** Flags of a head that holds lines which the front writes itself, or must not pass on. */
const SPECIAL_FLAGS =
  REPLY_FLAG.CONTENT_LENGTH | REPLY_FLAG.CONNECTION_CLOSE | REPLY_FLAG.CONNECTION_HEADERS | REPLY_FLAG.HAS_DATE;

/** Whether a head can be passed on as it is: no framing, connection or date header stands in it. */
export function isPlainHead(flags: number): boolean {
  return (flags & SPECIAL_FLAGS) === 0;
}

/** What can be done with a reply whose head has not been sent. */
export const REPLY = { WAIT: 0, SEND: 1, FAIL: 2 } as const;

/**
 * Judges a reply of which nothing was sent. `isDone` was read from the slot before. A reply that fails while nothing of it has
 * left is no reply at all; nor is one whose status is no final one: the client would wait on.
 */
export function judgeReply(slot: FrontSlot, isDone: boolean): number {
  const { available, headBytes } = slot;
  if (headBytes === 0 || available < headBytes) return isDone ? REPLY.FAIL : REPLY.WAIT;
  if (slot.status < 200 || (isDone && (slot.flags & REPLY_FLAG.BROKEN) !== 0)) return REPLY.FAIL;
  return REPLY.SEND;
}

/** Takes apart the head at the front of a slot's reply. */
export function slotHead(slot: FrontSlot): ParsedHead {
  return parseHead(slot.peek(), 0, slot.headBytes);
}

/** What is the connection's business, not the application's (RFC 9110 section 7.6.1), and what we have read from the flags. */
export function isConnectionHeader(name: string): boolean {
  switch (name.length) {
    case 10:
      return equalsIgnoringCase(name, 'connection') || equalsIgnoringCase(name, 'keep-alive');
    case 14:
      return equalsIgnoringCase(name, 'content-length');
    case 16:
      return equalsIgnoringCase(name, 'proxy-connection');
    case 17:
      return equalsIgnoringCase(name, 'transfer-encoding');
    default:
      return false;
  }
}

export function isDateHeader(name: string): boolean {
  return name.length === 4 && equalsIgnoringCase(name, 'date');
}

function equalsIgnoringCase(name: string, lowerCase: string): boolean {
  return name === lowerCase || name.toLowerCase() === lowerCase;
}
