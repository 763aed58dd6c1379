// What the main thread and the gateway thread say to each other.
import type { LaneMemory } from '../../lane/layout.js';
import type { UwsgiLimits } from '../uwsgi-limits.js';

/** Word indexes of the gateway's own shared control block. */
export const GATEWAY_CONTROL = {
  /** One of GATEWAY_MODE, written by the main thread. */
  MODE: 0,
  /** Open connections, for statistics. */
  CONNECTIONS: 1,
} as const;

export const GATEWAY_MODE = {
  SERVE: 0,
  /** Accept no more; end when the last connection is closed. */
  DRAIN: 1,
  /** Close everything and end. */
  END: 2,
} as const;

export interface GatewayData {
  readonly front: number;
  readonly lanes: readonly LaneMemory[];
  readonly control: SharedArrayBuffer;
  /** The bell the workers ring; its sleeper waits on `eventFd`. */
  readonly bell: SharedArrayBuffer;
  readonly bellStart: number;
  readonly eventFd: number;
  readonly listeners: readonly number[];
  readonly limits: UwsgiLimits;
}

/** What the thread posts to the main thread. */
export type GatewayMessage = { readonly log: string };
