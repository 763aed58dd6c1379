// What a response works with: what all of one worker thread share, and whom it belongs to.
import { SLOT_REPLY_BYTES } from '../base/limits.js';
import { REPLY_FLAG } from '../lane/layout.js';
import type { Tally, WorkerSlot } from '../lane/worker-lane.js';
import { ResponseHead } from '../protocol/response-head.js';
import type { Libc } from '../system/libc.js';
import type { ExtraHeaders } from './extra-headers.js';
import { withoutContent } from './http-framing.js';
import type { SlotResponse } from './response.js';

/** What one thread's responses share. Nothing in it outlives a call. */
export interface ResponseTools {
  readonly libc: Libc | undefined;
  /** Where a head and a small body are put together before they are sent: SLOT_REPLY_BYTES. */
  readonly scratch: Buffer;
  readonly head: ResponseHead;
  /** Undefined where nothing is configured. */
  readonly extraHeaders: ExtraHeaders | undefined;
  /** Where requests are counted; whoever hears of the end of a response has prepared it. */
  readonly tally: Tally | undefined;
  /** The response that set `head` last: its text is still in there. */
  headOwner: SlotResponse | undefined;
  /** The slot got news: its front's bell has to ring at the end of the batch. Not urgent: the client has its answer already. */
  posted(slot: WorkerSlot, urgent: boolean): void;
  /** Rings the bells of the fronts with news now: before this thread blocks, waiting for one of them. */
  flush(): void;
}

export function newResponseTools(
  libc: Libc | undefined,
  posted: (slot: WorkerSlot, urgent: boolean) => void,
  flush: () => void,
  extraHeaders?: ExtraHeaders,
  tally?: Tally,
): ResponseTools {
  return {
    libc,
    scratch: Buffer.allocUnsafeSlow(SLOT_REPLY_BYTES),
    head: new ResponseHead(),
    extraHeaders,
    tally,
    headOwner: undefined,
    posted,
    flush,
  };
}

/** Whoever the response belongs to. */
export interface ResponseOwner {
  /** The client turned out to have gone. */
  onResponseAborted(): void;
  /** Everything was handed on, or given up; the slot's request is still there, for the last time. */
  onResponseFinished(): void;
}

/** Sets the head; the headers as they will be sent. Throws on what cannot be sent. */
export function setHead(
  tools: ResponseTools,
  status: string,
  headers: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  tools.headOwner = undefined;
  tools.head.set(status, headers);
  if (tools.head.statusCode !== 205) return headers;
  const rest = withoutContent(headers);
  tools.head.set(status, rest);
  return rest;
}

/** Bits of REPLY_FLAG that tell the front about a head. */
export function replyFlags(head: ResponseHead, dropsBody: boolean, closes: boolean): number {
  return (
    (dropsBody ? REPLY_FLAG.NO_BODY : 0) |
    (head.hasContentLength ? REPLY_FLAG.CONTENT_LENGTH : 0) |
    (head.connectionClose || closes ? REPLY_FLAG.CONNECTION_CLOSE : 0) |
    (head.hasDate ? REPLY_FLAG.HAS_DATE : 0) |
    (head.hasConnectionHeader ? REPLY_FLAG.CONNECTION_HEADERS : 0)
  );
}

export function toBytes(chunk: Uint8Array | string): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}
