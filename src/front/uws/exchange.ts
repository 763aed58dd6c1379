// One request on uWebSockets.js. Objects are used again, with their callbacks bound once: nothing is made per request but
// what the library makes. A response object must not be touched after its end: `response` is null from then on.
// Framing the library does itself: Date and Content-Length, or chunks. So the worker's head goes out without its own.
import type { FrontSlot } from '../../lane/front-lane.js';
import { REPLY_FLAG, SLOT_STATE } from '../../lane/layout.js';
import { HttpExchange, HttpTools } from '../http/exchange.js';
import {
  closingAnswer,
  REFUSAL,
  RETRY_AFTER_SECONDS,
  type Refusal,
  refusalBody,
  refusalStatus,
} from '../http/refusal.js';
import {
  HEAD_END_BYTES,
  isConnectionHeader,
  isDateHeader,
  isPlainHead,
  judgeReply,
  PROTOCOL_BYTES,
  REPLY,
  slotHead,
} from '../http/reply-head.js';
import { hasLength, type LocalReply } from '../local/reply.js';
import type { UwsRequest, UwsResponse } from './api.js';
import { RequestHead } from './request-head.js';

/** Larger bodies make the library close the connection without a word. */
const BODY_BYTES_MAX = 999_999_999;
/**
 * The library holds what a handler writes until the handler returns, or more than this has come together. Then it sends, and
 * loses the piece that was too much if the socket does not take what was held (uNetworking/uWebSockets, fixed by 6b7f354 in 2026).
 */
const CORK_BYTES = 16_384;
/** Of these, what the library itself may put around a head and a piece. */
const CORK_RESERVE_BYTES = 256;
/** Chunks written while the library may still hold the one before. */
const PROBE_CHUNK_BYTES = 512;

const NOTHING = Buffer.alloc(0);

/** How a response's body goes out. */
const FRAMING = { NONE: 0, LENGTH: 1, CHUNKED: 2 } as const;
type Framing = (typeof FRAMING)[keyof typeof FRAMING];

/** What the exchanges of one uWebSockets.js front share. */
export class UwsTools extends HttpTools {
  readonly requestHead = new RequestHead(this.encoder);
  /** Exchanges that may be used again. */
  readonly spare: UwsExchange[] = [];
}

export class UwsExchange extends HttpExchange {
  declare protected readonly tools: UwsTools;
  private response: UwsResponse | null = null;
  private isHead = false;
  private closeAfter = false;
  private closeByEnd = false;
  private mustBreakOff = false;
  private paused = false;
  private headSent = false;
  private framing: Framing = FRAMING.NONE;
  /** Bytes of body announced. */
  private length = 0;
  /** Bytes of body taken by the library. */
  private sent = 0;
  private watchesWritable = false;
  /** What the socket did not take of a local reply's file. */
  private unsent: Buffer = NOTHING;
  /** The library may hold bytes that the socket did not take. */
  private backpressure = false;
  /** The worker's ring has more for the library, which is to send what it holds first. */
  private hasMore = false;

  /** Takes a request over. Valid inside the library's handler only. */
  open(response: UwsResponse, request: UwsRequest): void {
    this.begin();
    this.response = response;
    this.isHead = request.getCaseSensitiveMethod() === 'HEAD';
    this.headSent = false;
    this.sent = 0;
    this.watchesWritable = false;
    this.backpressure = false;
    this.paused = false;
    const { dispatcher, encoder, requestHead, scratch } = this.tools;
    const slot = dispatcher.reserve();
    const buffer = slot === null ? scratch : slot.request;
    let varsEnd = requestHead.encode(response, request, buffer);
    this.closeAfter = encoder.connectionClose;
    const { check } = encoder;
    // What the library cannot read to its end is refused below.
    const verdict = varsEnd > 0 && !check.chunked ? this.judge(buffer, varsEnd, check.contentLength > 0) : varsEnd;
    if (typeof verdict !== 'number') {
      if (slot !== null) dispatcher.release(slot);
      response.onAborted(this.onAborted);
      return this.sendLocal(response, verdict);
    }
    varsEnd = verdict;
    if (varsEnd > 0 && slot !== null && check.contentLength <= 0 && !check.chunked) {
      response.onAborted(this.onAborted);
      this.submit(slot, varsEnd);
      return;
    }
    if (varsEnd > 0) this.keepPacket(buffer, varsEnd, false);
    if (slot !== null) dispatcher.release(slot);
    const refusal = varsEnd === 0 ? encoder.refusal : this.refusalOfBody(check.contentLength, check.chunked);
    response.onAborted(this.onAborted);
    if (refusal !== null) this.refuse(refusal);
    else if (check.contentLength > 0) response.onData(this.onData);
    else this.endBody();
  }

  private refusalOfBody(contentLength: number, chunked: boolean): Refusal | null {
    // The library takes `5;a=b` for another size than 5, any two bytes for a chunk's end, and trailers for a request.
    if (chunked) return REFUSAL.LENGTH_REQUIRED;
    if (this.tools.isTooLarge(contentLength)) return REFUSAL.BODY_TOO_LARGE;
    return contentLength > BODY_BYTES_MAX ? REFUSAL.BODY_OVER_ENGINE_LIMIT : null;
  }

  // ---- a local reply

  private sendLocal(response: UwsResponse, reply: LocalReply): void {
    if (this.tools.closing) this.closeAfter = true;
    let head = `${reply.status} ${reply.reason}`;
    for (const [name, value] of reply.headers) {
      if (!isConnectionHeader(name)) head += `\r\n${name}: ${value}`;
    }
    const { body, hasFile, answer } = reply;
    this.length = answer.length;
    // With a body of this length the library writes Content-Length itself.
    const hasBody = hasFile || body.length > 0;
    if (!hasBody && hasLength(reply.status)) head += `\r\nContent-Length: ${answer.length}`;
    this.closeByEnd = this.closeAfter && hasBody && !hasFile;
    if (this.closeAfter && !this.closeByEnd) head += '\r\nConnection: close';
    response.writeStatus(Buffer.from(head, 'latin1'));
    if (!hasFile) {
      this.response = null;
      if (hasBody) response.end(body, this.closeByEnd);
      else response.endWithoutBody();
    }
    if (this.localBegun(reply)) this.end();
  }

  override onFileBytes(bytes: Buffer): boolean {
    this.unsent = bytes;
    this.response?.cork(this.sendUnsent);
    return this.unsent.length === 0;
  }

  private readonly sendUnsent = (): void => {
    const { response } = this;
    if (response === null) return;
    const [tookAll, isComplete] = response.tryEnd(this.unsent, this.length);
    const taken = isComplete ? this.unsent.length : response.getWriteOffset() - this.sent;
    this.sent += taken;
    this.unsent = this.unsent.subarray(taken);
    if (isComplete) this.response = null;
    else if (!tookAll) this.watchWritable(response);
  };

  protected override onLocalSent(isComplete: boolean): void {
    if (!isComplete) this.breakOff();
    this.response = null;
    this.end();
  }

  // ---- the request's body

  private readonly onData = (chunk: ArrayBuffer, isLast: boolean): void => {
    if (this.response === null) return;
    const goOn = chunk.byteLength === 0 || this.pushBody(new Uint8Array(chunk));
    if (this.response === null) return;
    if (isLast) this.endBody();
    else if (!goOn) {
      this.paused = true;
      this.response.pause();
    }
  };

  protected override resumeBody(): void {
    if (this.response === null || !this.paused) return;
    this.paused = false;
    this.response.resume();
  }

  private readonly onAborted = (): void => {
    if (this.response === null) return;
    this.response = null;
    this.clientGone();
  };

  // ---- the response

  protected override reply(): void {
    do {
      this.hasMore = false;
      this.response?.cork(this.writeReply);
    } while (this.hasMore);
    if (this.mustBreakOff) {
      this.mustBreakOff = false;
      this.breakOff();
      this.detach();
    }
  }

  private readonly writeReply = (): void => {
    const { slot, response } = this;
    if (slot === null || response === null) return;
    // The state first: what is available when it is DONE is all there will be.
    const isDone = slot.state === SLOT_STATE.DONE;
    const { available } = slot;
    let room = CORK_BYTES - CORK_RESERVE_BYTES;
    if (!this.headSent) {
      const { headBytes, flags } = slot;
      const verdict = judgeReply(slot, isDone);
      if (verdict === REPLY.FAIL) this.fail();
      if (verdict !== REPLY.SEND) return;
      if (this.tools.closing || (flags & REPLY_FLAG.CONNECTION_CLOSE) !== 0) this.closeAfter = true;
      if (isDone && isPlainHead(flags) && !this.closeAfter && available <= room) {
        this.sendWhole(slot, response, headBytes);
        return;
      }
      this.sendHead(slot, response, isDone);
      room -= headBytes;
    }
    this.sendBody(slot, response, isDone, room);
  };

  /** The common case: the whole reply is there, it is small, and its head holds nothing special. */
  private sendWhole(slot: FrontSlot, response: UwsResponse, headBytes: number): void {
    const reply = slot.peek();
    response.writeStatus(reply.subarray(PROTOCOL_BYTES, headBytes - HEAD_END_BYTES));
    if ((slot.flags & REPLY_FLAG.NO_BODY) !== 0) response.endWithoutBody();
    else response.end(reply.subarray(headBytes));
    this.response = null;
    this.release();
  }

  /** Writes the head, without what the library writes itself, and settles how the body goes out. */
  private sendHead(slot: FrontSlot, response: UwsResponse, isDone: boolean): void {
    const { flags, headBytes, contentLength } = slot;
    const bodyBytes = slot.available - headBytes;
    const hasBody = (flags & REPLY_FLAG.NO_BODY) === 0;
    if (!hasBody) this.framing = FRAMING.NONE;
    else if (contentLength >= 0 || isDone) this.framing = FRAMING.LENGTH;
    else this.framing = FRAMING.CHUNKED;
    this.length = contentLength >= 0 ? contentLength : bodyBytes;
    // The library closes, and says so, only where a response is ended in one call.
    this.closeByEnd = this.closeAfter && hasBody && isDone && bodyBytes >= this.length;
    if (isPlainHead(flags) && this.closeByEnd === this.closeAfter) {
      response.writeStatus(slot.peek().subarray(PROTOCOL_BYTES, headBytes - HEAD_END_BYTES));
    } else {
      response.writeStatus(this.filteredHead(slot, hasBody));
    }
    slot.consume(headBytes);
    this.headSent = true;
  }

  private filteredHead(slot: FrontSlot, hasBody: boolean): Uint8Array {
    const { statusCode, reason, rawHeaders } = slotHead(slot);
    let head = `${statusCode} ${reason}`;
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] as string;
      if (!isConnectionHeader(name) && !isDateHeader(name)) head += `\r\n${name}: ${rawHeaders[i + 1]}`;
    }
    // What HEAD or 304 say of the body they do not have; 204 has none to speak of (RFC 9110 section 8.6).
    if (!hasBody && slot.contentLength >= 0 && statusCode !== 204) head += `\r\nContent-Length: ${slot.contentLength}`;
    if (this.closeAfter && !this.closeByEnd) head += '\r\nConnection: close';
    return Buffer.from(head, 'latin1');
  }

  private sendBody(slot: FrontSlot, response: UwsResponse, isDone: boolean, room: number): void {
    if (this.framing === FRAMING.LENGTH) return this.sendMeasured(slot, response, isDone);
    if (this.framing === FRAMING.CHUNKED) return this.sendChunks(slot, response, isDone, room);
    response.endWithoutBody();
    this.finished();
  }

  /** As much as the socket takes: what it does not take stays in the ring, and the worker waits. */
  private sendMeasured(slot: FrontSlot, response: UwsResponse, isDone: boolean): void {
    const { length } = this;
    if (length === 0 || this.closeByEnd) {
      response.end(slot.peek().subarray(0, length), this.closeByEnd);
      slot.consume(length);
      this.finished();
      return;
    }
    while (slot.available > 0) {
      const left = length - this.sent;
      const piece = slot.peek();
      const [tookAll, isComplete] = response.tryEnd(piece.length > left ? piece.subarray(0, left) : piece, length);
      const taken = isComplete ? left : response.getWriteOffset() - this.sent;
      this.sent += taken;
      slot.consume(taken);
      if (isComplete) {
        this.finished();
        return;
      }
      if (!tookAll) {
        this.watchWritable(response);
        return;
      }
    }
    if (!isDone) return;
    this.tools.options.log('Response broken off: it is shorter than its Content-Length');
    this.mustBreakOff = true;
  }

  /**
   * The library keeps what the socket does not take: one small piece at a time until everything before it has gone. `room`:
   * bytes that it can hold.
   */
  private sendChunks(slot: FrontSlot, response: UwsResponse, isDone: boolean, room: number): void {
    if (slot.available > 0) {
      const size = Math.min(slot.available, this.backpressure ? PROBE_CHUNK_BYTES : room);
      if (size > 0) {
        const chunk = slot.peek().subarray(0, size);
        this.backpressure = !response.write(chunk);
        slot.consume(chunk.length);
        if (this.backpressure) {
          this.watchWritable(response);
          return;
        }
      }
      this.hasMore = slot.available > 0;
      if (this.hasMore) return;
    }
    if (!isDone) return;
    if ((slot.flags & REPLY_FLAG.BROKEN) !== 0) this.mustBreakOff = true;
    else {
      response.end();
      this.finished();
    }
  }

  private watchWritable(response: UwsResponse): void {
    if (this.watchesWritable) return;
    this.watchesWritable = true;
    response.onWritable(this.onWritable);
  }

  private readonly onWritable = (): boolean => {
    if (this.file !== null) {
      this.sendUnsent();
      if (this.unsent.length === 0) this.file.resume();
      return true;
    }
    // Corked even when the worker has nothing new: uncorking is what makes the library send what it holds.
    this.reply();
    return true;
  };

  /** The response is complete; what the worker says beyond it is dropped. */
  private finished(): void {
    this.response = null;
    this.detach();
  }

  protected override answer(refusal: Refusal): void {
    const { response } = this;
    if (response === null) return;
    this.response = null;
    response.cork(() => {
      response.writeStatus(refusalStatus(refusal)).writeHeader('Content-Type', 'text/plain');
      if (refusal.status === 503) response.writeHeader('Retry-After', String(RETRY_AFTER_SECONDS));
      if (this.isHead) response.endWithoutBody();
      else response.end(refusalBody(refusal));
    });
  }

  /**
   * The library parses on in what it has received, whatever a handler answers; only a closed connection stops it. And what a
   * handler wrote is lost in closing, unless it was more than the cork holds: so the answer is filled up with white space,
   * even to HEAD, after which nothing else comes on the connection.
   */
  protected override answerAndClose(refusal: Refusal): void {
    const { response } = this;
    if (response === null) return;
    this.response = null;
    response.cork(() => {
      response.writeStatus(closingAnswer(refusal, false, CORK_BYTES)).close();
    });
  }

  protected override breakOff(): void {
    const { response } = this;
    if (response === null) return;
    this.response = null;
    response.close();
  }

  protected override ended(): void {
    this.tools.spare.push(this);
  }
}
