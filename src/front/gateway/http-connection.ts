// An HTTP/1 connection of the gateway: requests one after the other, each read to its end and put into a slot; the worker
// frames the response and sends it itself. Reading is edge-triggered: a read that filled less than its room has emptied
// the socket, so a request costs one recv, and nothing in the epoll set changes.
import { HALF_CLOSED_QUIET_MS, PACKET_HEADER_BYTES } from '../../base/limits.js';
import type { FrontSlot } from '../../lane/front-lane.js';
import { REPLY_FLAG, REQUEST_ORIGIN } from '../../lane/layout.js';
import { httpDateNow } from '../../protocol/http-date.js';
import {
  beginsWithHead,
  findHeadEnd,
  HEAD_INCOMPLETE,
  HEAD_MALFORMED,
  HeadLines,
  mayBeginRequest,
  REQUEST_LINE,
  skipEmptyLines,
} from '../../protocol/http-request-head.js';
import { PROXY, ProxyHeader } from '../../protocol/proxy-header.js';
import { SYS } from '../../system/libc.js';
import { closingAnswer, REFUSAL, type Refusal } from '../http/refusal.js';
import {
  CONTENT_LENGTH_VAR_BYTES,
  encodePeer,
  PACKET_BYTES_MAX,
  type RequestEncoder,
} from '../http/request-encoder.js';
import { LocalReply } from '../local/reply.js';
import { BAD_PROXY_HEADER } from '../proxy-trust.js';
import { BODY, BodyReader } from './body-reader.js';
import { BodyStore } from './body-store.js';
import { Connection, type GatewayTools, PHASE } from './connection.js';
import type { HttpLimits } from './http-limits.js';
import { RECEIVED, ReadWindow } from './read-window.js';

const EDGE_TRIGGERED = SYS.EPOLLIN | SYS.EPOLLOUT | SYS.EPOLLRDHUP | SYS.EPOLLET;
/** A head may be this much longer than the vars made of it: names lose and gain a few bytes on the way. */
const HEAD_BYTES_OVER_VARS = 8192;
/** Reads in a row, so that one upload does not hold up the other connections. */
const READS_PER_EVENT = 8;
/** Local replies in a row: a client may have sent thousands of requests ahead. */
const LOCAL_PER_EVENT = 16;
/** How often a client whose request waits for a slot is looked at: it may have left. */
const LEAVING_LOOK_MS = 100;
const NOTHING = Buffer.alloc(0);
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

const lines = new HeadLines();
const proxyHeader = new ProxyHeader();
const packetScratch = Buffer.allocUnsafeSlow(PACKET_BYTES_MAX);

/** From accept to close; reused for another descriptor afterwards. */
export class HttpConnection extends Connection {
  private readonly limits: HttpLimits;
  private readonly body: BodyStore;
  private readonly bodyReader: BodyReader;
  private encoder: RequestEncoder | null = null;
  private peer: Uint8Array = NOTHING;
  private awaitsProxyHeader = false;
  private readonly input: ReadWindow;
  /** Bytes of the input in which no blank line was found. */
  private scanned = 0;
  /** The deadline at hand is the one of a head that has begun to come. */
  private hasHeadDeadline = false;
  /** There may be more to read in the socket. */
  private readable = false;
  /** The client has sent its last byte. */
  private halfClosed = false;
  /** Local replies since the others had their turn. */
  private localInRow = 0;
  /** The request at hand, as far as it has come, is a HEAD. */
  private isHead = false;
  private inBody = false;
  private packet: Buffer = NOTHING;
  private varsEnd = 0;
  private keepAlive = false;
  private offersUpgrade = false;

  constructor(tools: GatewayTools, limits: HttpLimits) {
    super(tools, limits.httpTimeoutMs);
    this.limits = limits;
    this.input = new ReadWindow(tools.scratch);
    this.body = new BodyStore(limits.inlineBodyBytesMax, tools.bodyFiles);
    this.bodyReader = new BodyReader(this.body, limits.limitPostBytes);
  }

  /** Of the descriptor that `open` will be given: its socket's encoder, its peer, and whether it begins with a PROXY header. */
  introduce(encoder: RequestEncoder, peer: Uint8Array, hasProxyHeader: boolean): void {
    this.encoder = encoder;
    this.peer = peer;
    this.awaitsProxyHeader = hasProxyHeader;
  }

  protected override start(): void {
    this.forget();
    this.readable = true;
    this.halfClosed = false;
    super.interest(EDGE_TRIGGERED);
    this.readOn();
  }

  /** The registration never changes: edges tell everything, once. */
  protected override interest(): void {}

  override onEvent(mask: number): void {
    if ((mask & (SYS.EPOLLIN | SYS.EPOLLRDHUP)) !== 0) this.readable = true;
    if ((mask & SYS.EPOLLRDHUP) !== 0) this.halfClosed = true;
    // A client that has only closed its sending side still gets its answer. EPOLLHUP says no more than that both sides are
    // closed, and ours the worker closes; a reset comes with EPOLLERR.
    super.onEvent(mask & ~(SYS.EPOLLRDHUP | SYS.EPOLLHUP));
    if (this.readable && this.phase === PHASE.RUNNING) this.tools.impatient.add(this);
  }

  override watchForLeaving(): void {
    if (this.halfClosed && this.isQuietFor(HALF_CLOSED_QUIET_MS)) this.onClientGone();
  }

  override onTimeout(): void {
    if (this.phase !== PHASE.QUEUED) super.onTimeout();
    else if (this.halfClosed) this.onClientGone();
    else this.watch(LEAVING_LOOK_MS);
  }

  /** The server stops: what has come is still answered, and the connection ends with it; without a request it ends now. */
  drain(): void {
    this.keepAlive = false;
    if (this.slot !== null) this.describe(this.slot);
    if (this.phase !== PHASE.READING) return;
    // A request may have come that no event has told of yet.
    this.readable = true;
    this.readOn();
    if (this.isIdle) this.close();
  }

  /** No request is under way. */
  private get isIdle(): boolean {
    return this.phase === PHASE.READING && !this.inBody && this.input.isEmpty;
  }

  // ---- reading

  protected override readOn(): void {
    this.localInRow = 0;
    for (let reads = 0; this.phase === PHASE.READING; ) {
      if (this.localInRow > LOCAL_PER_EVENT) return this.letOthersGo();
      if (!this.process() || this.phase !== PHASE.READING) continue;
      if (!this.readable) return this.expectMore();
      if (reads++ === READS_PER_EVENT) return this.letOthersGo();
      if (!this.readSome()) return;
    }
  }

  private letOthersGo(): void {
    this.input.keep();
    this.tools.later(this);
  }

  /** Reads once; false when the connection has come to its end. */
  private readSome(): boolean {
    const outcome = this.input.receive(this.tools.libc, this.fd, this.inBody ? this.bodyReader.remaining : 0);
    if (outcome === RECEIVED.END) {
      this.onEnd();
      return false;
    }
    // The end of what a client sends is told once, and has to be read.
    if (outcome === RECEIVED.ALL && !this.halfClosed) this.readable = false;
    return true;
  }

  private expectMore(): void {
    this.input.keep();
    if (this.inBody) return this.watch(this.limits.httpTimeoutMs);
    // A head has one deadline, from its first byte on.
    const isBegun = !this.input.isEmpty;
    if (isBegun && this.hasHeadDeadline) return;
    this.hasHeadDeadline = isBegun;
    this.watch(isBegun ? this.limits.httpTimeoutMs : this.limits.httpKeepaliveMs || this.limits.httpTimeoutMs);
  }

  private onEnd(): void {
    if (this.inBody)
      this.tools.log(`client closed connection after ${this.body.bytes} bytes of its request body. skip.`);
    this.leave(!this.isIdle);
  }

  protected override onReadTimeout(): void {
    if (this.isIdle || this.awaitsProxyHeader) this.close();
    else this.refuse(REFUSAL.REQUEST_TIMEOUT);
  }

  /** Uses the bytes at hand; true when more are needed. */
  private process(): boolean {
    if (this.awaitsProxyHeader) return this.processProxyHeader();
    return this.inBody ? this.processBody() : this.processHead();
  }

  private processProxyHeader(): boolean {
    const { input } = this;
    const length = proxyHeader.parse(input.bytes, input.at, input.end);
    if (length === PROXY.MORE) return true;
    this.awaitsProxyHeader = false;
    if (length === PROXY.FAULT) {
      this.tools.log(BAD_PROXY_HEADER);
      this.close();
      return false;
    }
    input.at += length;
    if (proxyHeader.isKnown) this.peer = encodePeer(proxyHeader.address, proxyHeader.port);
    return false;
  }

  // ---- the head

  private processHead(): boolean {
    const { input } = this;
    const { bytes, end } = input;
    const start = skipEmptyLines(bytes, input.at, end);
    const headEnd = findHeadEnd(bytes, start, input.at + this.scanned, end);
    input.at = start;
    this.scanned = 0;
    this.isHead = beginsWithHead(bytes, start, end);
    if (headEnd === HEAD_MALFORMED) return this.refuse(REFUSAL.BAD_REQUEST);
    if (headEnd === HEAD_INCOMPLETE) {
      this.scanned = end - start;
      if (!mayBeginRequest(bytes, start, end)) return this.refuse(REFUSAL.BAD_REQUEST);
      if (input.length <= this.limits.varsBytesMax + HEAD_BYTES_OVER_VARS) return true;
      return this.refuse(REFUSAL.HEADERS_TOO_LARGE);
    }
    const outcome = lines.begin(bytes, start, headEnd);
    input.at = headEnd;
    this.hasHeadDeadline = false;
    if (outcome === REQUEST_LINE.OK) return this.encode();
    return this.refuse(outcome === REQUEST_LINE.VERSION ? REFUSAL.VERSION : REFUSAL.BAD_REQUEST);
  }

  /** Writes the packet: straight into a slot if there is one. */
  private encode(): boolean {
    const { dispatcher, desk } = this.tools;
    const encoder = this.encoder as RequestEncoder;
    const slot = dispatcher.reserve();
    const target = slot === null ? packetScratch : slot.request;
    let varsEnd = this.writePacket(encoder, target);
    const { chunked, contentLength, expectContinue } = encoder.check;
    this.offersUpgrade = encoder.offersUpgrade;
    if (desk !== undefined && varsEnd > 0) {
      const hasBody = chunked || contentLength > 0;
      const verdict = desk.judge(target, PACKET_HEADER_BYTES, varsEnd, hasBody);
      if (verdict instanceof LocalReply) {
        if (slot !== null) dispatcher.release(slot);
        return this.answerLocally(verdict, hasBody);
      }
      if (verdict !== null) varsEnd = verdict.copy(target);
    }
    if (varsEnd > 0 && slot !== null && !chunked && contentLength <= 0) {
      this.submit(slot, varsEnd);
      return false;
    }
    if (varsEnd > 0) this.keepPacket(target, varsEnd, chunked);
    if (slot !== null) dispatcher.release(slot);
    if (varsEnd === 0) return this.refuse(encoder.refusal);
    if (!chunked && contentLength <= 0) return this.complete();
    if (this.bodyReader.isTooLarge(contentLength)) return this.refuse(REFUSAL.BODY_TOO_LARGE);
    this.inBody = true;
    this.bodyReader.begin(chunked, contentLength);
    if (expectContinue && this.input.isEmpty) this.sendNow(CONTINUE);
    return false;
  }

  /** What has not come of the request's body is read only to be thrown away. */
  private answerLocally(reply: LocalReply, hasBody: boolean): boolean {
    this.inBody = hasBody;
    if (hasBody) this.keepAlive = false;
    let connection = '';
    if (!this.keepAlive) connection = 'Connection: close\r\n';
    else if (lines.httpMinor === 0) connection = 'Connection: keep-alive\r\n';
    const head = reply.encodeHead(`Date: ${httpDateNow()}\r\n${connection}`);
    this.localInRow++;
    if (this.sendLocal(reply, head)) this.endLocal();
    else this.input.keep();
    return false;
  }

  private endLocal(): void {
    if (this.keepAlive && !this.tools.closing) this.phase = PHASE.READING;
    else if (this.inBody || this.readable || !this.input.isEmpty) this.linger();
    else this.close();
  }

  protected override onLocalSent(): void {
    this.endLocal();
    if (this.phase === PHASE.READING) this.readOn();
  }

  private writePacket(encoder: RequestEncoder, target: Buffer): number {
    const { method, target: uri, httpMinor } = lines;
    encoder.begin(target, method, uri, httpMinor, this.peer);
    while (lines.next()) encoder.header(lines.name, lines.value);
    if (encoder.repeated) encoder.joinHeaders(lines.list());
    const wanted = (httpMinor > 0 || encoder.connectionKeepAlive) && !encoder.connectionClose;
    this.keepAlive = wanted && this.limits.httpKeepaliveMs > 0 && !this.tools.closing;
    return encoder.end();
  }

  private keepPacket(source: Buffer, varsEnd: number, chunked: boolean): void {
    this.packet = Buffer.allocUnsafe(varsEnd + (chunked ? CONTENT_LENGTH_VAR_BYTES : 0));
    source.copy(this.packet, 0, 0, varsEnd);
    this.varsEnd = varsEnd;
  }

  // ---- the body

  private processBody(): boolean {
    switch (this.bodyReader.read(this.input)) {
      case BODY.MORE:
        return true;
      case BODY.TOO_LARGE:
        return this.refuse(REFUSAL.BODY_TOO_LARGE);
      case BODY.MALFORMED:
        return this.refuse(REFUSAL.BAD_REQUEST);
      case BODY.NOT_STORED:
        this.tools.log(`Cannot store a request body: ${this.body.error}`);
        return this.refuse(REFUSAL.BODY_NOT_STORED);
      default:
        this.packet = this.bodyReader.endPacket(this.packet, this.varsEnd);
        this.varsEnd = this.packet.length;
        return this.varsEnd > 0 ? this.complete() : this.refuse(REFUSAL.HEADERS_TOO_LARGE);
    }
  }

  // ---- into a slot

  /** The request has come to its end, and is kept. */
  private complete(): boolean {
    this.inBody = false;
    this.input.keep();
    if (!this.enqueue(true)) this.refuse(REFUSAL.BUSY);
    return false;
  }

  override assign(slot: FrontSlot): void {
    const { packet, varsEnd, body } = this;
    packet.copy(slot.request, 0, 0, varsEnd);
    if (body.fd < 0) body.copyTo(slot.request, varsEnd);
    this.packet = NOTHING;
    this.submit(slot, varsEnd);
  }

  private submit(slot: FrontSlot, varsEnd: number): void {
    this.input.keep();
    this.varsEnd = varsEnd;
    this.describe(slot);
    if (this.readable || !this.input.isEmpty) this.tools.impatient.add(this);
    this.run(slot);
  }

  private describe(slot: FrontSlot): void {
    const origin = this.keepAlive ? REQUEST_ORIGIN.HTTP_KEEP_ALIVE : REQUEST_ORIGIN.HTTP_CLOSE;
    slot.describe(this.varsEnd, this.body.bytes, this.body.fd, this.fd, origin);
    // Who has sent more than the request has not waited for an answer.
    if (this.offersUpgrade && this.input.isEmpty) slot.offerConnection();
  }

  // ---- the end of a request

  protected override onAnswered(slot: FrontSlot): void {
    const closes = (slot.flags & REPLY_FLAG.CONNECTION_CLOSE) !== 0;
    if (!slot.bodyLent) this.body.release();
    this.tools.dispatcher.release(slot);
    this.body.forget();
    this.tools.impatient.delete(this);
    if (closes || this.tools.closing) {
      // A close with bytes unread is a reset, and takes along what the client has not received.
      return this.readable || !this.input.isEmpty ? this.linger() : this.close();
    }
    this.phase = PHASE.READING;
    this.readOn();
  }

  protected override answerLost(isOverdue: boolean): void {
    this.refuse(isOverdue ? REFUSAL.DEADLINE : REFUSAL.WORKER_LOST);
  }

  /** Answers and closes: what follows on this connection cannot be trusted, or is not wanted. */
  private refuse(refusal: Refusal): boolean {
    this.answerInstead(refusal.status, Buffer.from(`HTTP/1.1 ${closingAnswer(refusal, this.isHead)}`, 'latin1'));
    return false;
  }

  protected override forget(): void {
    this.body.forget();
    this.packet = NOTHING;
    this.input.forget();
    this.scanned = 0;
    this.isHead = false;
    this.inBody = false;
    this.hasHeadDeadline = false;
    this.tools.impatient.delete(this);
  }
}
