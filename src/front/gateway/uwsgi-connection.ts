// A uwsgi connection of the gateway: one request, one response, close.
import type { FrontSlot } from '../../lane/front-lane.js';
import { REQUEST_ORIGIN } from '../../lane/layout.js';
import { FAULT, faultLogLine, faultResponse } from '../../protocol/faults.js';
import { BAD_GATEWAY, GATEWAY_TIMEOUT, INTERNAL_ERROR } from '../../protocol/plain-response.js';
import { pingReply } from '../../protocol/uwsgi-encoder.js';
import { SYS } from '../../system/libc.js';
import { countFault } from '../count-fault.js';
import { LocalReply } from '../local/reply.js';
import type { UwsgiLimits } from '../uwsgi-limits.js';
import { Connection, type GatewayTools } from './connection.js';
import { READ, RequestReader } from './request-reader.js';

/** From accept to close; reused for another descriptor afterwards. */
export class UwsgiConnection extends Connection {
  private readonly reader: RequestReader;
  private readonly limits: UwsgiLimits;

  constructor(tools: GatewayTools, limits: UwsgiLimits) {
    super(tools, limits.socketTimeoutMs);
    this.limits = limits;
    this.reader = new RequestReader(tools.libc, limits, tools.scratch, tools.bodyFiles);
  }

  protected override start(): void {
    this.reader.reset();
    const { dispatcher } = this.tools;
    const slot = dispatcher.reserve();
    if (slot === null) return this.wantMore();
    // The common case: the whole request arrives with the first read, straight into the slot.
    const outcome = this.reader.readFirst(this.fd, slot.request);
    const reply = outcome === READ.COMPLETE ? this.judge(slot.request, slot.request) : null;
    if (outcome === READ.COMPLETE && reply === null) return this.submit(slot);
    dispatcher.release(slot);
    if (reply === null) this.onRead(outcome);
    else this.answerLocally(reply);
  }

  protected override readOn(): void {
    this.onRead(this.reader.readOn(this.fd));
  }

  protected override onReadTimeout(): void {
    this.tools.log(faultLogLine(FAULT.STALL, this.limits.socketTimeoutMs));
    countFault(this.tools.dispatcher.counters, FAULT.STALL);
    this.close();
  }

  private onRead(outcome: number): void {
    const { reader, tools } = this;
    switch (outcome) {
      case READ.MORE:
        return this.wantMore();
      case READ.COMPLETE:
        return this.onComplete();
      case READ.PING:
        tools.dispatcher.counters.pinged();
        return this.answer(pingReply());
      case READ.FAULT:
        return this.reject();
      case READ.CUT:
        tools.log(`client closed connection after ${reader.bodyReceived} of ${reader.bodyBytes} body bytes. skip.`);
        return this.leave(true);
      case READ.DISK:
        tools.log(`cannot buffer a request body of ${reader.bodyBytes} bytes: ${reader.diskError}`);
        return this.answerInstead(500, INTERNAL_ERROR);
      default:
        return this.close();
    }
  }

  private onComplete(): void {
    const reply = this.judge(this.reader.packet, null);
    if (reply !== null) this.answerLocally(reply);
    // Bounded by the number of connections.
    else this.enqueue(false);
  }

  /** The reply, if no worker is to give one. Else the packet, or one in its place, is in `target`, or in the reader's buffer. */
  private judge(packet: Buffer, target: Buffer | null): LocalReply | null {
    const { desk } = this.tools;
    if (desk === undefined) return null;
    const { parser } = this.reader;
    // The body has been read to its end.
    const verdict = desk.judge(packet, parser.varsStart, parser.varsEnd, false);
    if (verdict === null || verdict instanceof LocalReply) return verdict;
    this.reader.replacePacket(verdict, target);
    return null;
  }

  private answerLocally(reply: LocalReply): void {
    if (!this.sendLocal(reply, reply.encodeHead(undefined))) return;
    if (this.reader.mayHaveLeftBytes) this.linger();
    else this.close();
  }

  protected override onLocalSent(): void {
    this.linger();
  }

  private wantMore(): void {
    this.interest(SYS.EPOLLIN);
    this.watch(this.limits.socketTimeoutMs);
  }

  override assign(slot: FrontSlot): void {
    this.reader.copyTo(slot.request);
    this.submit(slot);
  }

  private submit(slot: FrontSlot): void {
    const { varsEnd, bodyBytes, bodyFd } = this.reader;
    slot.describe(varsEnd, bodyBytes, bodyFd, this.fd, REQUEST_ORIGIN.UWSGI);
    this.run(slot);
  }

  protected override onAnswered(slot: FrontSlot): void {
    // A close with bytes unread is a reset, and takes along what the client has not received: possible only in these cases.
    const mayReset = slot.taken !== 0 || this.reader.mayHaveLeftBytes;
    if (!slot.bodyLent) this.reader.release();
    this.tools.dispatcher.release(slot);
    if (mayReset) this.linger();
    else this.close();
  }

  protected override answerLost(isOverdue: boolean): void {
    if (isOverdue) this.answerInstead(504, GATEWAY_TIMEOUT);
    else this.answerInstead(502, BAD_GATEWAY);
  }

  private reject(): void {
    const { fault, faultArg } = this.reader;
    const line = faultLogLine(fault, faultArg, this.limits.varsBytesMax);
    if (line !== '') this.tools.log(line);
    countFault(this.tools.dispatcher.counters, fault);
    const response = faultResponse(fault);
    if (response === null) this.close();
    else this.answer(response);
  }

  protected override forget(): void {
    this.reader.forget();
  }
}
