// One request on node:http or node:http2. Replies are copied out of the slot: node:http keeps what it is given until the socket takes it.
import type { FrontSlot } from '../../lane/front-lane.js';
import { REPLY_FLAG, REQUEST_ORIGIN, SLOT_STATE } from '../../lane/layout.js';
import { decodeTicket, type TunnelTicket } from '../../lane/tunnel-ticket.js';
import { statusReason } from '../../protocol/status.js';
import { trailerLines, trailerPairs } from '../../protocol/trailers.js';
import { HttpExchange } from '../http/exchange.js';
import { REFUSAL, RETRY_AFTER_SECONDS, type Refusal, refusalBody } from '../http/refusal.js';
import { isConnectionHeader, isPlainHead, judgeReply, REPLY, slotHead } from '../http/reply-head.js';
import { HTTP_VERSION } from '../http/request-encoder.js';
import type { LocalReply } from '../local/reply.js';
import type { Carrier, ReplyTarget, RequestSource } from './carrier.js';
import type { NodeTools } from './connection.js';

/** Whole replies of up to this many bytes go out as one string: node:http makes one write of it, head included. */
const STRING_BODY_BYTES_MAX = 8192;

export class NodeExchange extends HttpExchange {
  declare protected readonly tools: NodeTools;
  /** The client is still sending this request's body. */
  isReading = false;
  readonly isHead: boolean;
  private readonly carrier: Carrier;
  private readonly request: RequestSource;
  private readonly response: ReplyTarget;
  protected override readonly isUpgrade: boolean;
  protected override readonly origin: number;
  private readonly onHandOver: ((ticket: TunnelTicket) => void) | null;
  private over = false;
  private paused = false;
  private headSent = false;
  private hasBody = true;
  /** Bytes of body still to come of those announced, or -1 when none were. */
  private left = -1;
  private blocked = false;
  private watchesDrain = false;

  /** `onHandOver`: node:http has let go of the connection, for the worker to take it over. */
  constructor(
    tools: NodeTools,
    carrier: Carrier,
    request: RequestSource,
    response: ReplyTarget,
    onHandOver: ((ticket: TunnelTicket) => void) | null,
  ) {
    super(tools);
    this.isUpgrade = onHandOver !== null;
    this.onHandOver = onHandOver;
    const { httpVersionMajor, httpVersionMinor } = request;
    // HTTP/1.0 knows no chunks, and so no end of a body that something could stand behind.
    this.origin = httpVersionMajor === 1 && httpVersionMinor === 0 ? REQUEST_ORIGIN.HTTP : REQUEST_ORIGIN.HTTP_TRAILERS;
    this.carrier = carrier;
    this.request = request;
    this.response = response;
    this.isHead = request.method === 'HEAD';
  }

  open(): void {
    this.begin();
    const { dispatcher, encoder, scratch } = this.tools;
    const slot = dispatcher.reserve();
    const buffer = slot === null ? scratch : slot.request;
    let varsEnd = this.encode(buffer);
    const { check } = encoder;
    const isBodiless = check.contentLength <= 0 && !check.chunked;
    const verdict = varsEnd > 0 ? this.judge(buffer, varsEnd, !isBodiless) : varsEnd;
    if (typeof verdict !== 'number') {
      if (slot !== null) dispatcher.release(slot);
      return this.sendLocal(verdict, isBodiless);
    }
    varsEnd = verdict;
    if (varsEnd > 0 && slot !== null && isBodiless) {
      this.submit(slot, varsEnd);
      return;
    }
    if (varsEnd > 0) this.keepPacket(buffer, varsEnd, check.chunked);
    if (slot !== null) dispatcher.release(slot);
    if (varsEnd === 0) this.refuse(encoder.refusal);
    else if (this.tools.isTooLarge(check.contentLength)) this.refuse(REFUSAL.BODY_TOO_LARGE);
    else if (isBodiless) this.endBody();
    else {
      if (check.expectContinue) this.response.writeContinue();
      this.readBody();
    }
  }

  private encode(buffer: Buffer): number {
    const { encoder } = this.tools;
    const { request, response, carrier } = this;
    const { rawHeaders, httpVersionMajor, httpVersionMinor } = request;
    const minor = httpVersionMinor === 0 ? HTTP_VERSION.HTTP_1_0 : HTTP_VERSION.HTTP_1_1;
    const version = carrier.isHttp2 ? HTTP_VERSION.HTTP_2 : minor;
    encoder.begin(buffer, request.method ?? '', request.url ?? '', version, carrier.peer);
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      encoder.header(rawHeaders[i] as string, rawHeaders[i + 1] as string);
    }
    if (encoder.repeated) encoder.joinHeaders(rawHeaders);
    // Of HTTP/1.0 that asks for both, node:http hears the other.
    const closes = encoder.connectionClose || this.tools.closing || this.tools.options.httpKeepaliveMs === 0;
    if (closes) response.shouldKeepAlive = false;
    if (carrier.isHttp2) {
      // As a chunked one it ends where its sender says so.
      if (carrier.hasBody && encoder.check.contentLength < 0) encoder.check.chunked = true;
    } else if (httpVersionMajor !== 1) {
      encoder.refusal = REFUSAL.VERSION;
      return 0;
    }
    return encoder.end();
  }

  /** The request's own body cannot be parsed. */
  onParserError(refusal: Refusal): void {
    this.refuse(refusal);
  }

  /** The connection has gone, or is beyond repair. */
  abandon(): void {
    this.over = true;
    this.clientGone();
  }

  // ---- a local reply

  private sendLocal(reply: LocalReply, isBodiless: boolean): void {
    const { response } = this;
    if (!isBodiless) {
      // What has not come of the request's body is read only to be thrown away.
      this.carrier.sayLocal(reply);
      this.over = true;
      this.localBegun(reply);
      return this.end();
    }
    response.writeHead(reply.status, reply.reason, reply.headers.flat());
    // The body goes out with the head, in one write.
    if (!reply.hasFile) response.end(reply.body);
    if (this.localBegun(reply)) this.endLocal();
  }

  override onFileBytes(bytes: Buffer): boolean {
    const goOn = this.response.write(bytes);
    if (!goOn) this.waitForDrain();
    return goOn;
  }

  protected override onLocalSent(isComplete: boolean): void {
    if (isComplete) {
      this.response.end();
      return this.endLocal();
    }
    this.over = true;
    this.carrier.cut();
    this.end();
  }

  private endLocal(): void {
    this.over = true;
    this.end();
    this.carrier.next(this.response);
  }

  // ---- the request's body

  private readBody(): void {
    const { request } = this;
    this.isReading = true;
    this.tools.watch(this.carrier, this.tools.options.httpTimeoutMs);
    request.on('data', this.onData);
    request.on('end', this.onEnd);
  }

  private readonly onData = (chunk: Buffer): void => {
    if (this.over || !this.isReading) return;
    if (this.pushBody(chunk)) {
      this.tools.watch(this.carrier, this.tools.options.httpTimeoutMs);
    } else if (!this.over) {
      this.paused = true;
      this.request.pause();
      this.tools.unwatch(this.carrier);
    }
  };

  private readonly onEnd = (): void => {
    if (this.over || !this.isReading) return;
    this.isReading = false;
    this.tools.unwatch(this.carrier);
    this.endBody(trailerLines(this.request.rawTrailers));
  };

  protected override resumeBody(): void {
    if (this.over || !this.paused) return;
    this.paused = false;
    this.tools.watch(this.carrier, this.tools.options.httpTimeoutMs);
    this.request.resume();
  }

  // ---- the response

  protected override reply(slot: FrontSlot): void {
    if (this.over || this.blocked) return;
    // The state first: what is available when it is DONE is all there will be.
    const isDone = slot.state === SLOT_STATE.DONE;
    if (isDone && (slot.flags & REPLY_FLAG.HANDED_OVER) !== 0) return this.handOver(slot);
    if (!this.headSent) {
      const verdict = judgeReply(slot, isDone);
      if (verdict === REPLY.FAIL) this.fail();
      if (verdict !== REPLY.SEND) return;
      this.sendHead(slot, isDone);
      if (isDone && this.sendWhole(slot)) return;
    }
    this.sendBody(slot, isDone);
  }

  private handOver(slot: FrontSlot): void {
    const ticket = decodeTicket(slot.peek());
    slot.consume(slot.available);
    this.over = true;
    this.detach();
    this.onHandOver?.(ticket);
  }

  private sendHead(slot: FrontSlot, isDone: boolean): void {
    const { response } = this;
    const { flags, headBytes, contentLength, status } = slot;
    const { reason, rawHeaders } = slotHead(slot);
    this.hasBody = (flags & REPLY_FLAG.NO_BODY) === 0;
    let headers = rawHeaders;
    if (!isPlainHead(flags)) headers = withoutConnectionHeaders(rawHeaders);
    if ((flags & REPLY_FLAG.CONNECTION_CLOSE) !== 0 || this.tools.closing) response.shouldKeepAlive = false;
    if (this.hasBody) {
      this.left = contentLength;
      // A reply that is complete at first sight has a length, even if the application did not say so.
      if (contentLength < 0 && isDone && (flags & REPLY_FLAG.TRAILERS) === 0) this.left = slot.available - headBytes;
      if (this.left >= 0) headers.push('Content-Length', String(this.left));
    } else if (contentLength >= 0 && status !== 204) {
      headers.push('Content-Length', String(contentLength));
    }
    const isChunked = this.hasBody && this.left < 0 && this.origin === REQUEST_ORIGIN.HTTP_TRAILERS;
    response.writeHead(status, reason, isChunked ? headers : withoutTrailer(headers));
    slot.consume(headBytes);
    this.headSent = true;
  }

  /** The common case: a small reply, complete at first sight. */
  private sendWhole(slot: FrontSlot): boolean {
    const { available } = slot;
    const { response } = this;
    if (!this.hasBody || available === 0) {
      if (this.left > 0) return false;
      response.end();
    } else {
      if (available > STRING_BODY_BYTES_MAX || available !== this.left) return false;
      const body = slot.peek();
      if (body.length < available) return false;
      response.end(body.latin1Slice(0, available), 'latin1');
      slot.consume(available);
    }
    this.finish();
    return true;
  }

  private sendBody(slot: FrontSlot, isDone: boolean): void {
    const { response } = this;
    for (let available = slot.bodyAvailable; available > 0 && this.hasBody && this.left !== 0; ) {
      const piece = slot.peek();
      const room = this.left >= 0 ? Math.min(available, this.left) : available;
      const count = Math.min(piece.length, room);
      // A copy: the worker may write to the ring again as soon as this is consumed.
      const tookAll = response.write(Buffer.from(piece.subarray(0, count)));
      slot.consume(count);
      if (this.left >= 0) this.left -= count;
      if (!tookAll) {
        this.waitForDrain();
        return;
      }
      available = slot.bodyAvailable;
    }
    if (this.left === 0 || (!this.hasBody && !isDone)) {
      response.end();
      this.finish();
    } else if (isDone) {
      this.endResponse(slot);
    }
  }

  private endResponse(slot: FrontSlot): void {
    if (this.left > 0) this.tools.options.log('Response broken off: it is shorter than its Content-Length');
    if (this.left > 0 || (slot.flags & REPLY_FLAG.BROKEN) !== 0) this.breakOff();
    else {
      if ((slot.flags & REPLY_FLAG.TRAILERS) !== 0) this.response.addTrailers(takeTrailers(slot));
      this.response.end();
    }
    this.finish();
  }

  private waitForDrain(): void {
    this.blocked = true;
    this.tools.watch(this.carrier, this.tools.options.httpTimeoutMs);
    if (this.watchesDrain) return;
    this.watchesDrain = true;
    this.response.on('drain', this.onDrain);
  }

  private readonly onDrain = (): void => {
    this.tools.unwatch(this.carrier);
    this.blocked = false;
    if (this.slot !== null && !this.over) this.reply(this.slot);
    else this.file?.resume();
  };

  private finish(): void {
    this.over = true;
    this.detach();
    this.carrier.next(this.response);
  }

  protected override answer(refusal: Refusal): void {
    const { response } = this;
    const body = refusalBody(refusal);
    const headers = ['Content-Type', 'text/plain', 'Content-Length', String(body.length)];
    if (refusal.status === 503) headers.push('Retry-After', String(RETRY_AFTER_SECONDS));
    response.writeHead(refusal.status, statusReason(refusal.status), headers);
    response.end(body);
    this.over = true;
    this.carrier.next(response);
  }

  protected override answerAndClose(refusal: Refusal): void {
    this.over = true;
    this.isReading = false;
    this.carrier.refuse(refusal, this.isHead);
  }

  protected override breakOff(): void {
    this.over = true;
    this.carrier.cut();
  }

  protected override ended(): void {
    // Nothing: a new exchange is made for the next request.
  }
}

/** What is left of a reply that is DONE, as pairs. */
function takeTrailers(slot: FrontSlot): [string, string][] {
  let lines = '';
  while (slot.available > 0) {
    const piece = slot.peek();
    lines += piece.latin1Slice(0, piece.length);
    slot.consume(piece.length);
  }
  return trailerPairs(lines);
}

/** Trailers are announced where they can follow: node:http throws at one that announces them before a length. */
function withoutTrailer(headers: string[]): string[] {
  const isOther = (name: string) => name.length !== 7 || name.toLowerCase() !== 'trailer';
  for (let i = 0; i < headers.length; i += 2) {
    if (isOther(headers[i] as string)) continue;
    return headers.filter((_, at) => isOther(headers[at - (at % 2)] as string));
  }
  return headers;
}

function withoutConnectionHeaders(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (!isConnectionHeader(rawHeaders[i] as string)) kept.push(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  }
  return kept;
}
