// Makes the gate of a thread out of what is configured.
import type { RequestGate } from './gate.js';
import { StaticGate } from './static-gate.js';
import type { StaticOptions } from './static-options.js';

/** What is configured; may be sent to another thread. */
export interface GateOptions {
  readonly static: StaticOptions;
}

/** Undefined when no request has to be looked at. `log`: for the server's log. */
export function createGate(options: GateOptions, log: (line: string) => void): RequestGate | undefined {
  const { maps, fallbacks } = options.static;
  return maps.length + fallbacks.length === 0 ? undefined : new StaticGate(options.static, log);
}
