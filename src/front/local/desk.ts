// Where the fronts of one thread get their local answers from: the gate, the counters and the request log around it.
import { performance } from 'node:perf_hooks';
import type { RequestLogSettings } from '../../base/log-template.js';
import { Counters, type LaneTally } from '../../observe/counters.js';
import { RequestLog, TextLines } from '../../observe/request-log.js';
import { isConnectionHeader } from '../http/reply-head.js';
import { createGate, type GateOptions } from './create-gate.js';
import { type Header, JudgedRequest, LocalAnswer, type RequestGate } from './gate.js';
import { LocalReply, type ReplyLedger } from './reply.js';

/** What is in force at a desk, and may be changed. */
export interface DeskRules {
  /** Of every answer. */
  readonly addHeaders: readonly Header[];
  /** Undefined: no request is logged. */
  readonly requestLog: RequestLogSettings | undefined;
}

/** What a desk is made of; may be sent to another thread. */
export interface LocalSetup extends DeskRules {
  readonly gate: GateOptions;
  readonly counters: SharedArrayBuffer;
  /** Cores of each block of counters. */
  readonly cores: number;
  /** Which of the counters are this thread's. */
  readonly counterIndex: number;
}

/** The two logs of a front. */
export interface DeskLogs {
  log(line: string): void;
  /** Takes request lines, which hold no control characters of a client's. */
  logRequests(lines: string): void;
}

/** Throws a FastwsgiError when a file that is named cannot be read. */
export function createDesk(setup: LocalSetup, logs: DeskLogs): LocalDesk {
  const gate = createGate(setup.gate, (line) => logs.log(line));
  return new LocalDesk(gate, setup, (line) => logs.logRequests(line));
}

/** Makes ready what `setup` says in its rules; what is returned puts it in force. Throws as `createDesk`. */
export function prepareRules(desk: LocalDesk, setup: LocalSetup, logs: DeskLogs): () => void {
  const gate = createGate(setup.gate, (line) => logs.log(line));
  return () => desk.adopt(gate, setup);
}

export class LocalDesk implements ReplyLedger {
  /** Undefined: every request passes. */
  private gate: RequestGate | undefined;
  private readonly counters: Counters;
  private readonly tally: LaneTally;
  private readonly logRequests: (lines: string) => void;
  private requestLog: RequestLog | undefined;
  private addHeaders: readonly Header[] = [];
  private readonly request = new JudgedRequest();

  constructor(gate: RequestGate | undefined, setup: Omit<LocalSetup, 'gate'>, logRequests: (lines: string) => void) {
    const { counters, cores, counterIndex } = setup;
    this.logRequests = logRequests;
    this.counters = new Counters(counters, cores);
    this.tally = this.counters.tally(counterIndex);
    this.adopt(gate, setup);
  }

  /** From now on requests are judged by this gate; those that were judged before go on as they are. */
  adopt(gate: RequestGate | undefined, { requestLog, addHeaders }: DeskRules): void {
    this.gate = gate;
    // Whether a connection goes on is the engine's business.
    this.addHeaders = addHeaders.filter(([name]) => !isConnectionHeader(name));
    const lines = new TextLines(this.logRequests);
    this.requestLog = requestLog && new RequestLog(requestLog, 0, lines, () => this.counters.requestsTotal);
  }

  /**
   * Judges the complete packet `packet[varsStart, varsEnd)`: null when it may go to a worker as it is, a buffer with the
   * packet that is to take its place, or the reply that is to be sent.
   */
  judge(packet: Buffer, varsStart: number, varsEnd: number, hasBody: boolean): LocalReply | Buffer | null {
    if (this.gate === undefined) return null;
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
    const request = { packet: vars, varsStart: 0, varsEnd: vars.length, core: 0, startedMs, scan: 0 };
    const response = { statusCode: status, headerCount: headers.length, headBytes, bodyBytes, aborted: false };
    this.requestLog?.log(request, response, endedMs);
  }
}

function protocolOf(text: string | undefined): string {
  return text !== undefined && /^HTTP\/[0-9]\.[0-9]$/.test(text) ? text : 'HTTP/1.1';
}
