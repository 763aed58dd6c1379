// Headers that responses get beside the application's: those of `add-header`, and those that a rule has added for this request.

import { PACKET_HEADER_BYTES } from '../base/limits.js';
import type { WorkerInitCommon } from '../lane/worker-init.js';
import type { WorkerSlot } from '../lane/worker-lane.js';
import { findVar } from '../protocol/environ-vars.js';
import { ROUTE_HEADERS_VAR, readRouteHeaders } from '../protocol/route-headers.js';

type Headers = readonly (readonly [string, string])[];

export class ExtraHeaders {
  private readonly fixed: Headers;
  private readonly fromRoutes: boolean;

  constructor({ addHeaders, routesAddHeaders }: Pick<WorkerInitCommon, 'addHeaders' | 'routesAddHeaders'>) {
    this.fixed = addHeaders;
    this.fromRoutes = routesAddHeaders;
  }

  /** Whether there may be any. */
  get exist(): boolean {
    return this.fromRoutes || this.fixed.length > 0;
  }

  /** The application's headers, and ours behind them. The slot's request must still be there. */
  behind(headers: Headers, slot: WorkerSlot): Headers {
    const lines = this.fromRoutes
      ? findVar(slot.request, PACKET_HEADER_BYTES, slot.varsEnd, ROUTE_HEADERS_VAR)
      : undefined;
    return [...headers, ...(lines === undefined ? [] : readRouteHeaders(lines)), ...this.fixed];
  }
}
