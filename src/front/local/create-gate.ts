// Makes the gate of a thread out of what is configured.
import type { RequestGate } from './gate.js';

/** What is configured; may be sent to another thread. */
export type GateOptions = Readonly<Record<string, never>>;

/** Undefined when no request has to be looked at. */
export function createGate(_options: GateOptions): RequestGate | undefined {
  return undefined;
}
