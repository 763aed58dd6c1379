// Makes the gate of a thread out of what is configured.
import { PACKET_HEADER_BYTES } from '../../base/limits.js';
import type { Route } from '../../config/route.js';
import { ROUTE_HEADERS_VAR, readRouteHeaders } from '../../protocol/route-headers.js';
import { type JudgedRequest, LocalAnswer, type RequestGate, type Verdict } from './gate.js';
import { RouteFiles } from './route-files.js';
import { RouteGate } from './routes.js';
import { StaticGate } from './static-gate.js';
import type { StaticOptions } from './static-options.js';

/** What is configured; may be sent to another thread. */
export interface GateOptions {
  readonly routes: readonly Route[];
  /** Where the paths of routes start from. */
  readonly folder: string;
  readonly static: StaticOptions;
}

/** Undefined when no request has to be looked at. `log`: for the server's log. */
export function createGate(options: GateOptions, log: (line: string) => void): RequestGate | undefined {
  const { maps, fallbacks } = options.static;
  const files = maps.length + fallbacks.length === 0 ? undefined : new StaticGate(options.static, log);
  if (options.routes.length === 0) return files;
  const routes = new RouteGate(options.routes, new RouteFiles(options.static, options.folder, log));
  return files === undefined ? routes : new GateChain(routes, files);
}

/** Rules first: they may lead to another file. */
class GateChain implements RequestGate {
  private readonly first: RequestGate;
  private readonly second: RequestGate;

  constructor(first: RequestGate, second: RequestGate) {
    this.first = first;
    this.second = second;
  }

  judge(request: JudgedRequest): Verdict {
    const verdict = this.first.judge(request);
    if (verdict instanceof LocalAnswer) return verdict;
    if (verdict !== null) request.begin(verdict, PACKET_HEADER_BYTES, verdict.length, request.hasBody);
    const answer = this.second.judge(request);
    if (!(answer instanceof LocalAnswer)) return answer ?? verdict;
    return verdict === null ? answer : answer.with(readRouteHeaders(request.find(ROUTE_HEADERS_VAR) ?? ''));
  }
}
