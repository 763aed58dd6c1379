// What each variable of `log-format` stands for. Facts about uWSGI from its core/logging.c (uwsgi_lf_*).
import type { LogVariable } from '../base/log-template.js';
import { ForwardedFor } from './forwarded-for.js';
import { CTIME_FORMAT, compileDate, LTIME_FORMAT } from './strftime.js';
import type { WantedVars } from './wanted-vars.js';

/** What is known of a request when its line is written. One object serves all: the fields change. */
export class RequestFacts {
  readonly vars: WantedVars;
  /** 0: a front answers by itself, and no application has the request. */
  readonly workerId: number;
  /** Requests that the server has answered, this one included. */
  readonly requestsOfServer: () => number;
  packet: Buffer = Buffer.alloc(0);
  varsStart = 0;
  varsEnd = 0;
  status = 0;
  headers = 0;
  headBytes = 0;
  bodyBytes = 0;
  core = 0;
  /** What the application has set for this line. */
  logVariables: ReadonlyMap<string, string> | null = null;
  /** The client went away before it had the whole response. */
  isAborted = false;
  /** Milliseconds since 1970, with their fraction. */
  startedAt = 0;
  elapsedMs = 0;
  requestOfWorker = 0;
  addressSpaceBytes = 0;
  residentBytes = 0;

  constructor(vars: WantedVars, workerId: number, requestsOfServer: () => number) {
    this.vars = vars;
    this.workerId = workerId;
    this.requestsOfServer = requestsOfServer;
  }
}

/** A variable of the request's, or another one where it is empty; a number; a text, with or without quotes in JSON; or what is the same for every request. */
export type VariableSource =
  | { readonly kind: 'request'; readonly name: string; readonly otherwise?: string }
  | { readonly kind: 'number'; read(facts: RequestFacts): number }
  | { readonly kind: 'text' | 'numeral'; read(facts: RequestFacts): string }
  | { readonly kind: 'constant'; read(): number };

const request = (name: string): VariableSource => ({ kind: 'request', name });
const number = (read: (facts: RequestFacts) => number): VariableSource => ({ kind: 'number', read });
const constant = (read: () => number): VariableSource => ({ kind: 'constant', read });

const MEGABYTE = 1_048_576;

/** What variables depend on: see RequestLogSettings. */
export interface VariableSettings {
  readonly dateFormat: string | undefined;
  readonly forwardedBy: readonly string[] | undefined;
}

/** All of them. */
export function logVariables(
  { dateFormat, forwardedBy }: VariableSettings,
  { vars, workerId }: RequestFacts,
): Record<LogVariable, VariableSource> {
  const date = (format: string): VariableSource => {
    const write = compileDate(format);
    return { kind: 'text', read: (facts) => write(facts.startedAt) };
  };
  const isFront = workerId === 0;
  const contentLength = vars.want('CONTENT_LENGTH');
  return {
    uri: request('REQUEST_URI'),
    method: request('REQUEST_METHOD'),
    user: request('REMOTE_USER'),
    addr: forwardedBy === undefined ? request('REMOTE_ADDR') : client(new ForwardedFor(forwardedBy), vars),
    // HTTP/1.0 may come without a Host.
    host: { kind: 'request', name: 'HTTP_HOST', otherwise: 'SERVER_NAME' },
    proto: request('SERVER_PROTOCOL'),
    uagent: request('HTTP_USER_AGENT'),
    referer: request('HTTP_REFERER'),
    status: number((facts) => facts.status),
    rsize: number((facts) => facts.bodyBytes),
    hsize: number((facts) => facts.headBytes),
    size: number((facts) => facts.headBytes + facts.bodyBytes),
    cl: number((facts) => decimal(facts.packet, vars.start(contentLength), vars.end(contentLength))),
    micros: number((facts) => Math.floor(facts.elapsedMs * 1000)),
    msecs: number((facts) => Math.floor(facts.elapsedMs)),
    // Of whole microseconds, so that it agrees with them.
    secs: { kind: 'numeral', read: (facts) => (Math.floor(facts.elapsedMs * 1000) / 1e6).toFixed(6) },
    time: number((facts) => Math.floor(facts.startedAt / 1000)),
    tmsecs: number((facts) => Math.floor(facts.startedAt)),
    tmicros: number((facts) => Math.floor(facts.startedAt * 1000)),
    ctime: date(CTIME_FORMAT),
    ltime: date(LTIME_FORMAT),
    ftime: date(dateFormat ?? LTIME_FORMAT),
    isotime: { kind: 'text', read: isoTime() },
    epoch: number((facts) => Math.floor((facts.startedAt + facts.elapsedMs) / 1000)),
    pid: constant(() => process.pid),
    wid: constant(() => workerId),
    core: number((facts) => facts.core),
    // How often the request was taken up.
    switches: constant(() => (isFront ? 0 : 1)),
    // uWSGI counts keys and values: twice the number of variables.
    vars: number((facts) => facts.vars.count * 2),
    pktsize: number((facts) => facts.varsEnd - facts.varsStart),
    // No other modifier comes as far as to an application.
    modifier1: constant(() => 0),
    modifier2: number((facts) => facts.packet[facts.varsStart - 1] ?? 0),
    headers: number((facts) => facts.headers),
    vsz: number((facts) => facts.addressSpaceBytes),
    rss: number((facts) => facts.residentBytes),
    vszM: number((facts) => Math.floor(facts.addressSpaceBytes / MEGABYTE)),
    rssM: number((facts) => Math.floor(facts.residentBytes / MEGABYTE)),
    werr: number((facts) => (facts.isAborted ? 1 : 0)),
    // A request whose body cannot be read does not come as far as to an application.
    rerr: constant(() => 0),
    ioerr: number((facts) => (facts.isAborted ? 1 : 0)),
    // uWSGI has -1 where no application had the request.
    app: constant(() => (isFront ? -1 : 0)),
    req: isFront ? constant(() => -1) : number((facts) => facts.requestOfWorker),
    reqs: number((facts) => facts.requestsOfServer()),
  };
}

/** Whom the proxies name. */
function client(forwardedFor: ForwardedFor, vars: WantedVars): VariableSource {
  const [address, header] = [vars.want('REMOTE_ADDR'), vars.want('HTTP_X_FORWARDED_FOR')];
  const read = ({ packet }: RequestFacts) =>
    forwardedFor.client(
      packet.latin1Slice(vars.start(address), vars.end(address)),
      packet.latin1Slice(vars.start(header), vars.end(header)),
    );
  return { kind: 'text', read };
}

/** `2026-11-22T05:02:00.123Z`; many requests have the same millisecond. */
function isoTime(): (facts: RequestFacts) => string {
  let ms = Number.NaN;
  let text = '';
  return ({ startedAt }) => {
    const now = Math.floor(startedAt);
    if (now !== ms) {
      text = new Date(now).toISOString();
      ms = now;
    }
    return text;
  };
}

/** The number in `bytes[from, to)`, which the packet's parser has checked; 0 for none. */
function decimal(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 10 + (bytes[i] as number) - 48;
  return value;
}
