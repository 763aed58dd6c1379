// The request log of one thread: which requests have a line, and the line. For a worker as for a front that answers by itself.
// Called when the response is complete and the request's vars are still there.
import type { RequestLogSettings } from '../base/log-template.js';
import { LineBuffer } from './line-buffer.js';
import { type CompiledFormat, compileFormat } from './log-format.js';
import { RequestFacts } from './log-variables.js';
import { WantedVars } from './wanted-vars.js';

/** Memory figures are read from the kernel at most this often. */
const MEMORY_EVERY_MS = 1000;
/** How far the wall clock is from the thread's is looked up this often: it may be set. */
const WALL_CLOCK_EVERY_MS = 100;
const MEMORY_VARIABLES: ReadonlySet<string> = new Set(['vsz', 'rss', 'vszM', 'rssM']);

/** The request; offsets into its packet, whose header stands before the vars. `startedMs`: of this thread's clock. */
export interface LoggedRequest {
  readonly packet: Buffer;
  readonly varsStart: number;
  readonly varsEnd: number;
  readonly core: number;
  readonly startedMs: number;
  /** What `WantedVars.scan` returned for it; 0: it was not looked through. */
  readonly scan: number;
  /** What the application has set for its line. */
  readonly logVariables?: ReadonlyMap<string, string> | null;
}

/** The response, as far as it was handed on. `aborted`: the client went away, or the time was up. */
export interface LoggedResponse {
  readonly statusCode: number;
  readonly headerCount: number;
  readonly headBytes: number;
  readonly bodyBytes: number;
  readonly aborted: boolean;
}

/** Whoever takes the lines. */
export interface RequestLines {
  /** Where the next line is to be written, behind what is there; `endLine` follows at once. */
  beginLine(): LineBuffer;
  /** Takes the line, which `beginLine` has returned and which has no end yet. */
  endLine(line: LineBuffer): void;
}

/** Hands on each line as a text. */
export class TextLines implements RequestLines {
  private readonly line = new LineBuffer();
  private readonly take: (text: string) => void;

  constructor(take: (text: string) => void) {
    this.take = take;
  }

  beginLine(): LineBuffer {
    this.line.clear();
    return this.line;
  }

  endLine({ bytes, length }: LineBuffer): void {
    this.take(bytes.toString('utf8', 0, length));
  }
}

export class RequestLog {
  private readonly settings: RequestLogSettings;
  private readonly lines: RequestLines;
  private readonly facts: RequestFacts;
  private readonly write: CompiledFormat;
  private readonly tellsMemory: boolean;
  private memoryAtMs = Number.NEGATIVE_INFINITY;
  private wallClockAtMs = Number.NEGATIVE_INFINITY;
  private wallClockOffsetMs = 0;
  private requests = 0;

  /**
   * `workerId`: 0 for a front. `requestsOfServer`: how many were answered, this one included. `vars`: what the requests are
   * looked through with before they come here.
   */
  constructor(
    settings: RequestLogSettings,
    workerId: number,
    lines: RequestLines,
    requestsOfServer: () => number,
    vars = new WantedVars(),
  ) {
    this.settings = settings;
    this.lines = lines;
    this.facts = new RequestFacts(vars, workerId, requestsOfServer);
    this.write = compileFormat(settings, this.facts);
    this.tellsMemory = settings.template.parts.some((part) => 'name' in part && MEMORY_VARIABLES.has(part.name));
  }

  /** Writes the line of a request, if it is to have one. `endedMs`: now, of this thread's clock. */
  log(request: LoggedRequest, response: LoggedResponse, endedMs: number): void {
    this.requests++;
    const elapsedMs = Math.max(0, endedMs - request.startedMs);
    if (!this.settings.all && !isRemarkable(this.settings, response, elapsedMs)) return;
    const { facts } = this;
    facts.packet = request.packet;
    facts.varsStart = request.varsStart;
    facts.varsEnd = request.varsEnd;
    facts.core = request.core;
    facts.logVariables = request.logVariables ?? null;
    facts.status = response.statusCode;
    facts.headers = response.headerCount;
    facts.headBytes = response.headBytes;
    facts.bodyBytes = response.bodyBytes;
    facts.isAborted = response.aborted;
    facts.elapsedMs = elapsedMs;
    if (endedMs - this.wallClockAtMs >= WALL_CLOCK_EVERY_MS) {
      this.wallClockAtMs = endedMs;
      this.wallClockOffsetMs = Date.now() - endedMs;
    }
    facts.startedAt = endedMs + this.wallClockOffsetMs - elapsedMs;
    facts.requestOfWorker = this.requests;
    if (this.tellsMemory) this.readMemory(endedMs);
    // Looked through already, unless another request came in between.
    if (request.scan === 0 || request.scan !== facts.vars.scans) {
      facts.vars.scan(request.packet, request.varsStart, request.varsEnd);
    }
    const line = this.lines.beginLine();
    this.write(line, facts);
    this.lines.endLine(line);
  }

  private readMemory(nowMs: number): void {
    if (nowMs - this.memoryAtMs < MEMORY_EVERY_MS) return;
    const { rss, heapTotal, external } = process.memoryUsage();
    this.facts.addressSpaceBytes = heapTotal + external;
    this.facts.residentBytes = rss;
    this.memoryAtMs = nowMs;
  }
}

/** Whether one of the options that name what to log even with `disable-logging` names this. */
function isRemarkable(settings: RequestLogSettings, response: LoggedResponse, elapsedMs: number): boolean {
  const { statusCode, bodyBytes, aborted } = response;
  return (
    (settings.status4xx && statusCode >= 400 && statusCode <= 499) ||
    (settings.status5xx && statusCode >= 500 && statusCode <= 599) ||
    (settings.slowMs > 0 && elapsedMs >= settings.slowMs) ||
    (settings.bigBytes > 0 && bodyBytes >= settings.bigBytes) ||
    (settings.zero && bodyBytes === 0) ||
    (settings.ioError && aborted)
  );
}
