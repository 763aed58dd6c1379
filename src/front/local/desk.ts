// Where the fronts of one thread get their local answers from: the gate, the counters and the request log around it.
import type { RequestLogSettings } from '../../base/log-template.js';
import { Counters, type LaneTally } from '../../observe/counters.js';
import { RequestLog, TextLines } from '../../observe/request-log.js';
import { isConnectionHeader } from '../http/reply-head.js';
import { createGate, type GateOptions } from './create-gate.js';
import { type Header, JudgedRequest, LocalAnswer, type RequestGate } from './gate.js';
import { LocalReply, type ReplyLedger } from './reply.js';

/** What a desk is made of; may be sent to another thread. */
export interface LocalSetup {
  readonly gate: GateOptions;
  /** Of every answer. */
  readonly addHeaders: readonly Header[];
  readonly counters: SharedArrayBuffer;
  /** Cores of each block of counters. */
  readonly cores: number;
  /** Which of the counters are this thread's. */
  readonly counterIndex: number;
  /** Undefined: no request is logged. */
  readonly requestLog: RequestLogSettings | undefined;
}

/** The two logs of a front. */
export interface DeskLogs {
  log(line: string): void;
  /** Takes request lines, which hold no control characters of a client's. */
  logRequests(lines: string): void;
}

/** Undefined when there is nothing for it to do. */
export function createDesk(setup: LocalSetup | undefined, logs: DeskLogs): LocalDesk | undefined {
  const gate = setup && createGate(setup.gate, (line) => logs.log(line));
  return gate && setup && new LocalDesk(gate, setup, (line) => logs.logRequests(line));
}

export class LocalDesk implements ReplyLedger {
  private readonly gate: RequestGate;
  private readonly counters: Counters;
  private readonly tally: LaneTally;
  private readonly requestLog: RequestLog | undefined;
  /** Whether a connection goes on is the engine's business. */
  private readonly addHeaders: readonly Header[];
  private readonly request = new JudgedRequest();

  constructor(
    gate: RequestGate,
    { counters, cores, counterIndex, requestLog, addHeaders }: Omit<LocalSetup, 'gate'>,
    logRequests: (lines: string) => void,
  ) {
    this.gate = gate;
    this.counters = new Counters(counters, cores);
    this.tally = this.counters.tally(counterIndex);
    this.addHeaders = addHeaders.filter(([name]) => !isConnectionHeader(name));
    this.requestLog =
      requestLog && new RequestLog(requestLog, 0, new TextLines(logRequests), () => this.counters.requestsTotal);
  }

  /**
   * Judges the complete packet `packet[varsStart, varsEnd)`: null when it may go to a worker as it is, a buffer with the
   * packet that is to take its place, or the reply that is to be sent.
   */
  judge(packet: Buffer, varsStart: number, varsEnd: number, hasBody: boolean): LocalReply | Buffer | null {
    const request = this.request.begin(packet, varsStart, varsEnd, hasBody);
    const verdict = this.gate.judge(request);
    if (!(verdict instanceof LocalAnswer)) return verdict;
    // The packet will be gone when the line is written.
    const vars = this.requestLog && Buffer.from(packet.subarray(varsStart, varsEnd));
    const protocol = request.find('SERVER_PROTOCOL');
    return new LocalReply(verdict.with(this.addHeaders), request.method === 'HEAD', protocolOf(protocol), vars, this);
  }

  onLocalOver(reply: LocalReply): void {
    const { vars, startedMs, status, headers, headBytes, bodyBytes } = reply;
    const endedMs = performance.now();
    this.tally.prepare({
      status,
      sentBytes: headBytes + bodyBytes,
      receivedBytes: 0,
      runMs: endedMs - startedMs,
      waitMs: 0,
      core: 0,
      isBroken: false,
    });
    this.tally.commit();
    if (vars === undefined) return;
    const request = { packet: vars, varsStart: 0, varsEnd: vars.length, core: 0, startedMs };
    const response = { statusCode: status, headerCount: headers.length, headBytes, bodyBytes, aborted: false };
    this.requestLog?.log(request, response, endedMs);
  }
}

function protocolOf(text: string | undefined): string {
  return text !== undefined && /^HTTP\/[0-9]\.[0-9]$/.test(text) ? text : 'HTTP/1.1';
}
