// A response from the worker: straight to the client's descriptor where there is one (the gateway's connections), through
// the slot's reply ring otherwise, and for whatever a full socket did not take. Worker thread only.
// Invariant: while the reply ring holds bytes the front is the one that sends; only when it is empty may we send.
import type { ResponseWriter, SentResponse } from '../app/exchange.js';
import { assert } from '../base/assert.js';
import { REPOLL_MS, RESPONSE_HEAD_BYTES_MAX, SLOT_REPLY_BYTES } from '../base/limits.js';
import { REPLY_FLAG, REQUEST_ORIGIN } from '../lane/layout.js';
import type { WorkerSlot } from '../lane/worker-lane.js';
import { ERRNO, type Libc, SYS } from '../system/libc.js';
import { HttpFraming } from './http-framing.js';
import { type ResponseOwner, type ResponseTools, replyFlags, setHead, toBytes } from './response-tools.js';

const NOTHING = Buffer.alloc(0);
const SEND_FLAGS = SYS.MSG_NOSIGNAL | SYS.MSG_DONTWAIT;
const ERROR_HEADERS = [['Content-Type', 'text/plain; charset=utf-8']] as const;

/** The response of one request; `WorkerSlot.finish` has been called once `finished` is true. */
export class SlotResponse implements ResponseWriter {
  headSent = false;
  aborted = false;
  /** The slot has been given back; nothing of it may be touched any more. */
  finished = false;
  /** Its deadline has passed. */
  overdue = false;
  /** For the request log: bytes of body and head handed on, the status and the number of headers. */
  bodyBytes = 0;
  headBytes = 0;
  statusCode = 0;
  headerCount = 0;
  private readonly slot: WorkerSlot;
  private readonly tools: ResponseTools;
  private readonly protocol: string;
  private readonly isHead: boolean;
  private readonly owner: ResponseOwner;
  private readonly direct: boolean;
  /** Of a response that the worker frames for HTTP itself. */
  private readonly framing: HttpFraming | null;
  private dropsBody = false;
  private status = '';
  private headers: readonly (readonly [string, string])[] = [];
  /** The part of the last chunk that has found no room yet. */
  private pending: Uint8Array = NOTHING;
  /** What the front sends behind the body. */
  private trailerLines: Uint8Array = NOTHING;
  private ending = false;
  private broken = false;
  /** Somebody else sends on the client's descriptor. */
  private lent = false;
  /** Somebody else has sent the response, and closed the sending side. */
  private sentElsewhere = false;
  private wake: (() => void) | undefined;

  constructor(slot: WorkerSlot, tools: ResponseTools, protocol: string, isHead: boolean, owner: ResponseOwner) {
    this.slot = slot;
    this.tools = tools;
    this.protocol = protocol;
    this.isHead = isHead;
    this.owner = owner;
    this.direct = tools.libc !== undefined && slot.fd >= 0;
    const { origin } = slot;
    const isWire = origin === REQUEST_ORIGIN.HTTP_KEEP_ALIVE || origin === REQUEST_ORIGIN.HTTP_CLOSE;
    this.framing = isWire ? new HttpFraming(protocol === 'HTTP/1.0') : null;
  }

  /** Whether the application has completed its response, though its last bytes may still wait for room. */
  get isEnding(): boolean {
    return this.ending || this.finished;
  }

  head(status: string, headers: readonly (readonly [string, string])[]): void {
    if (this.headSent) throw new Error('Cannot set the response head: it was sent already');
    if (this.tools.extraHeaders !== undefined) headers = this.tools.extraHeaders.behind(headers, this.slot);
    // Set at once, so that what cannot be sent throws here; another request may use the encoder before we send.
    headers = setHead(this.tools, status, headers);
    // A client takes an interim response for one, and waits on; nginx at a uwsgi socket passes it on as it is.
    if (this.tools.head.statusCode < 200) {
      throw new TypeError(`Cannot send status ${status}: a response has a final one`);
    }
    this.tools.headOwner = this;
    this.status = status;
    this.headers = headers;
  }

  write(chunk: Uint8Array | string): boolean {
    assert(this.pending.length === 0 && !this.ending, 'a chunk is written only when the one before has drained');
    if (this.finished || this.aborted) return true;
    if (!this.headSent) this.send(chunk, false);
    else this.sendBody(chunk, false);
    return this.pending.length === 0;
  }

  trailers(lines: string): void {
    if (this.framing !== null) this.framing.trailers = lines;
    else if (this.slot.origin === REQUEST_ORIGIN.HTTP_TRAILERS) this.trailerLines = Buffer.from(lines, 'latin1');
  }

  end(chunk: Uint8Array | string = NOTHING): void {
    if (this.finished || this.ending) return;
    if (this.aborted) return this.finish();
    this.ending = true;
    const last = this.trailerLines.length === 0;
    if (!this.headSent) this.send(chunk, last);
    else this.sendBody(chunk, last);
    if (this.finished) return;
    if (!last && !this.dropsBody) {
      this.slot.beginTrailers(this.pending.length);
      this.passBody(this.trailerLines);
    }
    if (this.pending.length === 0) this.finish();
    else void this.drained();
  }

  async drained(): Promise<void> {
    while (this.pending.length > 0 && !this.aborted && !this.finished) {
      const room = this.slot.waitForRoom();
      if (room !== undefined) {
        await Promise.race([
          room,
          new Promise<void>((resolve) => {
            this.wake = resolve;
          }),
        ]);
        this.wake = undefined;
        this.slot.doneWaiting();
      }
      // The lane tells of it in a turn of the event loop, which must not be waited for: an aborted slot gets no room.
      this.noticeEnd();
      this.pump();
    }
    if (this.ending && !this.finished) this.finish();
  }

  drainSync(): void {
    while (this.pending.length > 0 && !this.aborted && !this.finished) {
      this.tools.flush();
      this.slot.waitForRoomSync(REPOLL_MS);
      this.slot.doneWaiting();
      this.noticeEnd();
      this.pump();
    }
  }

  lend(): number {
    // Headers of ours are added to what the application sends here, and here only.
    if (!this.direct || this.framing !== null || this.tools.extraHeaders !== undefined || this.aborted) return -1;
    this.lent = true;
    // Should this thread die, nobody knows what was sent: nothing is sent any more, and the connection is cut.
    this.slot.markReplying();
    return this.slot.fd;
  }

  noteSending(): void {
    if (this.lent) this.slot.markReplying();
  }

  takeBack(hasBegun: boolean): void {
    this.lent = false;
    this.headSent = hasBegun;
  }

  complete({ status, headerCount, headBytes, bodyBytes }: SentResponse, isCut: boolean): void {
    this.takeBack(true);
    this.statusCode = status;
    this.headerCount = headerCount;
    this.headBytes = headBytes;
    this.bodyBytes = bodyBytes;
    if (isCut) {
      this.slot.addFlags(REPLY_FLAG.BROKEN);
      return this.abort();
    }
    this.slot.describeHead(headBytes, status, 0, -1);
    this.ending = true;
    this.sentElsewhere = true;
    this.finish();
  }

  /** Forgets the request, which was not begun: its slot is not ours any more. False: it was, or its client has gone, or is answered. */
  giveBack(): boolean {
    if (this.headSent || this.aborted || this.finished) return false;
    this.finished = true;
    return true;
  }

  /** The client has gone: what is pending is dropped, whoever waits is woken. */
  abort(): void {
    if (this.aborted || this.finished) return;
    this.aborted = true;
    this.pending = NOTHING;
    this.wake?.();
    this.owner.onResponseAborted();
  }

  /** The application is through with an aborted request: nothing is sent any more. Changes nothing for one that goes on. */
  giveUp(): void {
    if (this.aborted && !this.finished) this.finish();
  }

  /** The request has run too long: 504 if nothing was sent, else the response is broken off; the application is told. */
  timeOut(): void {
    if (this.finished) return;
    this.overdue = true;
    // Where somebody else may send at any moment, the application first ends that, and answers then.
    if (!this.lent) {
      if (!this.aborted) this.answerInstead('504 Gateway Timeout', 'Gateway Timeout\n');
      this.aborted = true;
      this.wake?.();
    }
    this.owner.onResponseAborted();
  }

  /** The application failed: 500 if nothing was sent, else the connection is closed without completing the response. */
  fail(answer: string): void {
    if (this.finished) return;
    if (this.aborted) return this.finish();
    this.answerInstead('500 Internal Server Error', answer);
  }

  /** Nothing is sent: the application has the connection now. A front that brings it there is sent a ticket. */
  handOver(ticket: Uint8Array): void {
    if (this.headSent || this.aborted) throw new Error('Cannot take the connection over: it is answered, or gone');
    this.headSent = true;
    this.finished = true;
    this.statusCode = 101;
    this.slot.addFlags(REPLY_FLAG.HANDED_OVER);
    this.slot.append(ticket, 0, ticket.length);
    this.owner.onResponseFinished();
    this.slot.finish(this.tools.tally);
    this.tools.posted(this.slot, true);
  }

  /** Ends the response in the application's stead. */
  private answerInstead(status: string, answer: string): void {
    this.pending = NOTHING;
    this.ending = true;
    if (this.headSent) {
      this.slot.addFlags(REPLY_FLAG.BROKEN);
      this.broken = true;
      return this.finish();
    }
    this.head(status, ERROR_HEADERS);
    this.send(answer, true);
    if (!this.finished) void this.drained();
  }

  /** Sends the head and the first chunk, in one piece where they fit. */
  private send(chunk: Uint8Array | string, last: boolean): void {
    const { scratch, head } = this.tools;
    if (this.tools.headOwner !== this) head.set(this.status, this.headers);
    this.dropsBody = this.isHead || head.bodyForbidden;
    if (this.dropsBody) chunk = NOTHING;
    const chunkBytes = typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length;
    const headBytes = this.encodeHead(last ? chunkBytes : -1);
    this.headSent = true;
    this.bodyBytes += chunkBytes;
    // The common case: a string or bytes that need no framing go into the scratch as they are.
    const body = this.framing === null ? chunk : this.framing.frame(toBytes(chunk), last);
    const bodyBytes = body === chunk ? chunkBytes : body.length;
    if (headBytes + bodyBytes <= scratch.length) {
      if (typeof body === 'string') scratch.utf8Write(body, headBytes);
      else if (bodyBytes > 0) scratch.set(body, headBytes);
      this.pass(scratch, 0, headBytes + bodyBytes, last);
    } else {
      this.pass(scratch, 0, headBytes, false, true);
      this.passBody(toBytes(body));
    }
  }

  /** Encodes the head at the front of the scratch; its length. `bodyBytes`: of the whole body, or -1. */
  private encodeHead(bodyBytes: number): number {
    const { scratch, head } = this.tools;
    let headBytes: number;
    if (this.framing === null) {
      headBytes = head.encode(this.protocol, scratch, 0);
    } else {
      if (head.hasConnectionHeader || (head.statusCode === 204 && head.hasContentLength)) {
        this.headers = this.framing.clean(head, this.headers);
        head.set(this.status, this.headers);
      }
      // Only now: the front may have changed its mind meanwhile.
      if (this.slot.origin === REQUEST_ORIGIN.HTTP_CLOSE) this.framing.closes = true;
      headBytes = head.encode('HTTP/1.1', scratch, 0, this.framing.begin(head, this.isHead, bodyBytes));
    }
    if (headBytes < 0 || headBytes > RESPONSE_HEAD_BYTES_MAX) {
      throw new Error(`Cannot send the response head: it is larger than ${RESPONSE_HEAD_BYTES_MAX} bytes`);
    }
    this.describe(headBytes);
    return headBytes;
  }

  private describe(headBytes: number): void {
    const { head } = this.tools;
    this.headBytes = headBytes;
    this.statusCode = head.statusCode;
    this.headerCount = head.headerCount;
    const flags = replyFlags(head, this.dropsBody, this.framing?.closes === true);
    this.slot.describeHead(headBytes, head.statusCode, flags, head.contentLength);
  }

  private sendBody(chunk: Uint8Array | string, last: boolean): void {
    if (this.dropsBody) return;
    const bytes = toBytes(chunk);
    this.bodyBytes += bytes.length;
    this.passBody(this.framing === null ? bytes : this.framing.frame(bytes, last));
  }

  /** Hands on what follows the bytes that were handed on before, or waits behind them. */
  private passBody(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.pending.length > 0) this.pending = Buffer.concat([this.pending, bytes]);
    else this.pass(bytes, 0, bytes.length, false);
  }

  /** Hands bytes on: to the socket if it is ours to write, the rest into the ring, what finds no room is kept. `hasMore`: others follow at once. */
  private pass(source: Uint8Array, from: number, to: number, last: boolean, hasMore = false): void {
    const { slot } = this;
    let at = from;
    if (this.direct && slot.room === SLOT_REPLY_BYTES) {
      at = this.sendDirect(source, from, to, hasMore || (last && this.closesConnection));
      if (this.aborted || at === to) {
        if (last) this.finish();
        return;
      }
    }
    const copied = slot.append(source, at, to);
    at += copied;
    if (at === to) {
      if (last) return this.finish();
    } else {
      // The scratch is used again by the next response; an application's chunk is ours until it has drained.
      const rest = source.subarray(at, to);
      this.pending = source === this.tools.scratch ? Buffer.from(rest) : rest;
    }
    if (copied > 0) this.publish();
  }

  /** Sends on the client's descriptor; how far it came. A client that has gone aborts the response. */
  private sendDirect(source: Uint8Array, from: number, to: number, hasMore: boolean): number {
    const { slot } = this;
    const libc = this.tools.libc as Libc;
    slot.markReplying();
    const bytes = from === 0 ? source : source.subarray(from);
    // The body that follows the head, or the shutdown that follows the last bytes, sends them: on TCP, a segment and a wake-up less.
    const flags = hasMore ? SEND_FLAGS | SYS.MSG_MORE : SEND_FLAGS;
    const count = libc.send(slot.fd, bytes, to - from, flags);
    if (count >= 0) return from + count;
    if (libc.errno() !== ERRNO.EAGAIN) {
      // Whatever the reason: nothing that follows on this connection would be understood.
      this.slot.addFlags(REPLY_FLAG.BROKEN);
      this.abort();
    }
    return from;
  }

  /** The client has gone, or the time is up: seen here while the event loop does not turn. */
  private noticeEnd(): void {
    if (this.slot.overdue) this.timeOut();
    else if (this.slot.aborted) this.abort();
  }

  private pump(): void {
    if (this.pending.length === 0) return;
    const chunk = this.pending;
    this.pending = NOTHING;
    this.pass(chunk, 0, chunk.length, false);
  }

  private publish(): void {
    this.slot.markReplying();
    this.slot.publish();
    this.tools.posted(this.slot, true);
  }

  /** Whether the connection ends with this response: always, on a uwsgi socket. */
  private get closesConnection(): boolean {
    return this.framing === null || this.framing.closes;
  }

  private judgeLength(framing: HttpFraming): void {
    if (framing.overrun) this.slot.addFlags(REPLY_FLAG.OVERRUN);
    if (!framing.isShort) return;
    this.slot.addFlags(REPLY_FLAG.BROKEN | REPLY_FLAG.SHORT);
    this.broken = true;
  }

  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    if (this.framing !== null && !this.aborted && !this.broken) this.judgeLength(this.framing);
    const answered = this.direct && !this.aborted && !this.broken && this.slot.room === SLOT_REPLY_BYTES;
    if (answered && this.closesConnection && !this.sentElsewhere) {
      // The end of the response reaches the client at once; the gateway closes the descriptor with its next turn.
      (this.tools.libc as Libc).shutdown(this.slot.fd, SYS.SHUT_WR);
    }
    // Before the slot is given back: whoever logs the request reads its vars, and says what it counts.
    this.owner.onResponseFinished();
    this.slot.finish(this.tools.tally);
    this.tools.posted(this.slot, !answered);
  }
}
