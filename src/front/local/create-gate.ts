// Makes the gate of a thread out of what is configured.
import type { Route } from '../../config/route.js';
import type { RequestGate } from './gate.js';
import { RouteGate } from './routes.js';

/** What is configured; may be sent to another thread. */
export interface GateOptions {
  readonly routes: readonly Route[];
}

/** Undefined when no request has to be looked at. */
export function createGate({ routes }: GateOptions): RequestGate | undefined {
  return routes.length === 0 ? undefined : new RouteGate(routes);
}
