// Where the fronts of one thread get their local answers from: the gate, the counters and the request log around it.
import { Counters } from '../../observe/counters.js';
import { ctime, newRecord, noteVar, requestLine } from '../../observe/request-line.js';
import { forEachVar } from '../../protocol/environ-vars.js';
import { createGate, type GateOptions } from './create-gate.js';
import { JudgedRequest, LocalAnswer, type RequestGate } from './gate.js';
import { LocalReply, type ReplyLedger } from './reply.js';

/** What a desk is made of; may be sent to another thread. */
export interface LocalSetup {
  readonly gate: GateOptions;
  readonly counters: SharedArrayBuffer;
  /** Which of the counters are this thread's. */
  readonly counterIndex: number;
  readonly logRequests: boolean;
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
  private readonly setup: LocalSetup;
  private readonly counters: Counters;
  private readonly writeLine: (line: string) => void;
  private readonly request = new JudgedRequest();

  constructor(gate: RequestGate, setup: LocalSetup, log: (line: string) => void) {
    this.gate = gate;
    this.setup = setup;
    this.counters = new Counters(setup.counters);
    this.writeLine = log;
  }

  /**
   * Judges the complete packet `packet[varsStart, varsEnd)`: null when it may go to a worker as it is, a buffer with the
   * packet that is to take its place, or the reply that is to be sent.
   */
  judge(packet: Buffer, varsStart: number, varsEnd: number, hasBody: boolean): LocalReply | Buffer | null {
    const request = this.request.begin(packet, varsStart, varsEnd, hasBody);
    const verdict = this.gate.judge(request);
    if (!(verdict instanceof LocalAnswer)) return verdict;
    const record = newRecord(varsEnd - varsStart);
    // The packet will be gone when the line is written.
    if (this.setup.logRequests) forEachVar(packet, varsStart, varsEnd, (key, value) => noteVar(record, key, value));
    const protocol = request.find('SERVER_PROTOCOL');
    return new LocalReply(
      verdict,
      request.method === 'HEAD',
      protocolOf(protocol),
      this.setup.logRequests ? record : undefined,
      this,
    );
  }

  onLocalOver(reply: LocalReply): void {
    this.counters.countRequest(this.setup.counterIndex, reply.headBytes + reply.bodyBytes);
    const { record } = reply;
    if (record === undefined) return;
    record.pid = process.pid;
    record.requestOfServer = this.counters.requestsTotal;
    record.status = reply.status;
    record.headerCount = reply.headers.length;
    record.headBytes = reply.headBytes;
    record.bodyBytes = reply.bodyBytes;
    record.elapsedMs = performance.now() - reply.startedMs;
    this.writeLine(requestLine(record, ctime(Date.now())));
  }
}

function protocolOf(text: string | undefined): string {
  return text !== undefined && /^HTTP\/[0-9]\.[0-9]$/.test(text) ? text : 'HTTP/1.1';
}
