// What a front asks before a request goes to a worker: a gate lets it pass, rewrites it, or answers it itself. Each thread
// with fronts has its own gate; where nothing is configured there is none. Pure but for the file that an answer may hold.
import { closeSync } from 'node:fs';
import { findVar } from '../../protocol/environ-vars.js';
import { isFieldValue } from '../../protocol/field-values.js';

/** The bytes `[from, to)` of an open file, whose descriptor belongs to the answer. */
export interface FileRange {
  readonly fd: number;
  readonly from: number;
  readonly to: number;
}

export type Header = readonly [name: string, value: string];

const NOTHING = new Uint8Array(0);
const NOT_IN_A_VALUE = /[^\t\x20-\x7e\x80-\xff]+/g;

/**
 * A whole answer. Date, Content-Length and what is the connection's business are added by the engine, and HEAD's body left
 * out. Control characters in the values of `headers` are taken out: they may come from the request.
 */
export class LocalAnswer {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
  readonly file: FileRange | null;

  constructor(status: number, headers: readonly Header[], body: Uint8Array | FileRange = NOTHING) {
    this.status = status;
    this.headers = headers.every(([, value]) => isFieldValue(value)) ? headers : headers.map(withoutControls);
    this.body = body instanceof Uint8Array ? body : NOTHING;
    this.file = body instanceof Uint8Array ? null : body;
  }

  /** Bytes of its body. */
  get length(): number {
    return this.file === null ? this.body.length : this.file.to - this.file.from;
  }

  /** The same answer with more headers. */
  with(headers: readonly Header[]): LocalAnswer {
    return headers.length === 0
      ? this
      : new LocalAnswer(this.status, [...this.headers, ...headers], this.file ?? this.body);
  }

  /** Gives the file up. */
  close(): void {
    if (this.file !== null) closeSync(this.file.fd);
  }
}

function withoutControls([name, value]: Header): Header {
  return [name, value.replace(NOT_IN_A_VALUE, '')];
}

/** The request that is judged: a complete packet, whose body may not have come. Valid inside `judge` only. */
export class JudgedRequest {
  packet: Buffer = Buffer.alloc(0);
  varsStart = 0;
  varsEnd = 0;
  /** It has a body: an answer that holds a file is not for it. */
  hasBody = false;
  method = '';

  begin(packet: Buffer, varsStart: number, varsEnd: number, hasBody: boolean): this {
    this.packet = packet;
    this.varsStart = varsStart;
    this.varsEnd = varsEnd;
    this.hasBody = hasBody;
    this.method = this.find('REQUEST_METHOD') ?? '';
    return this;
  }

  /** The last var of this name, latin-1. */
  find(name: string): string | undefined {
    return findVar(this.packet, this.varsStart, this.varsEnd, name);
  }
}

/** Null: pass. A buffer: pass with this packet, header included, in the place of the one that came. Else the answer. */
export type Verdict = LocalAnswer | Buffer | null;

/** Judges every request of its thread, one after the other; it may look at files, and does not wait for anything else. */
export interface RequestGate {
  judge(request: JudgedRequest): Verdict;
}
