// What the tests on the request log share: settings, a request as a packet, and the line that is written of it.
import type { LogTemplate, RequestLogSettings } from '../../dist/base/log-template.js';
import { type LoggedResponse, RequestLog, TextLines } from '../../dist/observe/request-log.js';
import { packet } from './uwsgi-client.js';

export const RESPONSE: LoggedResponse = {
  statusCode: 200,
  headerCount: 2,
  headBytes: 80,
  bodyBytes: 1234,
  aborted: false,
};

export function settingsOf(template: LogTemplate, what: Partial<RequestLogSettings> = {}): RequestLogSettings {
  const named = { status4xx: false, status5xx: false, zero: false, ioError: false, slowMs: 0, bigBytes: 0 };
  return { template, dateFormat: undefined, forwardedBy: undefined, all: true, ...named, ...what };
}

export interface LineRequest {
  readonly vars?: readonly (readonly [string, string])[];
  readonly response?: Partial<LoggedResponse>;
  readonly elapsedMs?: number;
  /** 0: a front. */
  readonly workerId?: number;
  readonly modifier2?: number;
  readonly logVariables?: ReadonlyMap<string, string>;
}

/** The lines of one request; values of vars are latin-1 strings, a character for a byte. */
export function linesOf(settings: RequestLogSettings, request: LineRequest = {}): string[] {
  const { vars = [], response = {}, elapsedMs = 5.875, workerId = 3, modifier2 = 0, logVariables = null } = request;
  const lines: string[] = [];
  const log = new RequestLog(settings, workerId, new TextLines((line) => lines.push(line)), () => 12);
  const bytes = packet(vars, 0, modifier2);
  const logged = {
    packet: bytes,
    varsStart: 4,
    varsEnd: bytes.length,
    core: 4,
    startedMs: 1000,
    scan: 0,
    logVariables,
  };
  log.log(logged, { ...RESPONSE, ...response }, 1000 + elapsedMs);
  return lines;
}

export function lineOf(settings: RequestLogSettings, request?: LineRequest): string {
  return linesOf(settings, request)[0] as string;
}
