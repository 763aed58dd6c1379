// What the main thread and the gateway thread say to each other.
import type { LaneMemory } from '../../lane/layout.js';
import type { LocalSetup } from '../local/desk.js';
import type { ProxyOptions } from '../proxy-trust.js';
import type { UwsgiLimits } from '../uwsgi-limits.js';
import type { HttpLimits } from './http-limits.js';

/** Word indexes of the gateway's own shared control block. */
export const GATEWAY_CONTROL = {
  /** One of GATEWAY_MODE, written by the main thread. */
  MODE: 0,
  /** Counts the setups that the main thread has posted, for the thread to adopt. */
  SETUPS: 1,
  /** The count up to which the thread has adopted them. */
  ADOPTED: 2,
} as const;

export const GATEWAY_MODE = {
  SERVE: 0,
  /** Accept no more; end when the last connection is closed. */
  DRAIN: 1,
  /** Close everything and end. */
  END: 2,
} as const;

/** A listening socket and what is spoken on it. */
export interface GatewayListener {
  readonly fd: number;
  readonly protocol: 'uwsgi' | 'http';
  /** Of a TCP address. */
  readonly port: number | undefined;
}

export interface GatewayLimits {
  readonly uwsgi: UwsgiLimits;
  readonly http: HttpLimits;
  /** HTTP requests that may wait for a worker. */
  readonly httpQueue: number;
}

export interface GatewayData {
  readonly front: number;
  readonly lanes: readonly LaneMemory[];
  readonly control: SharedArrayBuffer;
  /** What the fronts count. */
  readonly counters: SharedArrayBuffer;
  /** The bell the workers ring; its sleeper waits on `eventFd`. */
  readonly bell: SharedArrayBuffer;
  readonly bellStart: number;
  readonly eventFd: number;
  readonly listeners: readonly GatewayListener[];
  readonly limits: GatewayLimits;
  /** Of the HTTP listeners. */
  readonly proxies: ProxyOptions;
  readonly local: LocalSetup | undefined;
}

/** What the thread posts to the main thread: a line to log, request lines, or a descriptor to close in the background. */
export type GatewayMessage = { readonly log: string } | { readonly requests: string } | { readonly close: number };
