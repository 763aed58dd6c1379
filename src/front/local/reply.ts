// A local answer on its way to the client: what engines send, and what the log is told when it is over.
import { performance } from 'node:perf_hooks';
import { statusReason } from '../../protocol/status.js';
import type { Header, LocalAnswer } from './gate.js';

const NOTHING = new Uint8Array(0);

/** Who counts and logs. */
export interface ReplyLedger {
  onLocalOver(reply: LocalReply): void;
}

/** One local answer. Whoever sends it calls `over` once, at its end or when it has to be given up. */
export class LocalReply {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly Header[];
  /** What is to be sent behind the head: empty for HEAD. */
  readonly body: Uint8Array;
  /** Whether the answer's file is to be sent behind the head. */
  readonly hasFile: boolean;
  readonly answer: LocalAnswer;
  /** The vars of the request, for its log; undefined where nobody reads it. */
  readonly vars: Buffer | undefined;
  readonly startedMs: number;
  /** Of the client's side, for the log. */
  headBytes = 0;
  bodyBytes = 0;
  private readonly ledger: ReplyLedger;
  private readonly protocol: string;

  constructor(answer: LocalAnswer, isHead: boolean, protocol: string, vars: Buffer | undefined, ledger: ReplyLedger) {
    this.answer = answer;
    this.status = answer.status;
    this.reason = statusReason(answer.status);
    this.headers = hasLength(answer.status)
      ? [...answer.headers, ['Content-Length', String(answer.length)]]
      : answer.headers;
    this.body = isHead ? NOTHING : answer.body;
    this.hasFile = !isHead && answer.file !== null && answer.length > 0;
    this.protocol = protocol;
    this.vars = vars;
    this.startedMs = performance.now();
    this.ledger = ledger;
  }

  /**
   * The head as bytes. `lines`: those that are the connection's, each with its line end. Undefined on a uwsgi socket, which has
   * none, and where the status line has the client's protocol.
   */
  encodeHead(lines: string | undefined): Buffer {
    let head = `${lines === undefined ? this.protocol : 'HTTP/1.1'} ${this.status} ${this.reason}\r\n`;
    for (const [name, value] of this.headers) head += `${name}: ${value}\r\n`;
    return Buffer.from(`${head}${lines ?? ''}\r\n`, 'latin1');
  }

  /** The whole reply, of one without a file, has been handed on: `headBytes` of head, and its body. */
  sentWhole(headBytes: number): void {
    this.headBytes = headBytes;
    this.bodyBytes = this.body.length;
    this.over();
  }

  /** The end. `fileIsClosed`: whoever sent it has closed it. */
  over(fileIsClosed = false): void {
    if (!fileIsClosed) this.answer.close();
    this.ledger.onLocalOver(this);
  }
}

/** RFC 9110 section 8.6: of 304 it would be the length of another body; 204 has none to speak of. */
export function hasLength(status: number): boolean {
  return status !== 304 && status !== 204;
}
