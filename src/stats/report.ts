// What the server knows of itself at a moment: everything that the stats, the metrics and the pages are made of.
import type { RunningRequest } from '../lane/lane-owner.js';
import type { Counts } from '../observe/counters.js';
import type { FrontCounts } from '../observe/front-counters.js';
import type { TimelineEvent } from '../observe/timeline.js';
import type { EndCause, WorkerRecord } from '../observe/worker-records.js';

/** As uWSGI names them. */
export type WorkerStatus = 'idle' | 'busy' | 'cheap' | 'pause';

export interface WorkerReport extends WorkerRecord {
  readonly id: number;
  readonly accepting: boolean;
  readonly status: WorkerStatus;
  /** Over all its threads. */
  readonly counts: Counts;
  /** Of the thread that serves. */
  readonly threadRequests: number;
  readonly averageRunUs: number;
  readonly memoryBytes: number;
  /** Requests it runs at a time; 0: nobody serves. */
  readonly concurrency: number;
  /** The kind of application, or the empty string. */
  readonly application: string;
  /** How long it took to load. */
  readonly startupMs: number;
  /** How long the event loop has not turned when it should have. */
  readonly stalledMs: number;
  /** Of all its threads, oldest first. */
  readonly running: readonly RunningRequest[];
}

export interface SocketReport {
  readonly name: string;
  readonly protocol: 'uwsgi' | 'http' | 'https';
  readonly engine: string;
  /** Connections in the kernel's backlog; 0 where it does not tell. */
  readonly queue: number;
  readonly queueMax: number;
}

export interface FrontReport extends FrontCounts {
  /** The thread. */
  readonly name: 'main' | 'gateway';
  /** What it has answered itself, out of files or by routes. */
  readonly local: Counts;
}

/** `ready`: requests are answered; `no-app`: with 500, for the application could not be loaded. */
export type ServerState = 'starting' | 'ready' | 'paused' | 'no-worker' | 'no-app' | 'stopping';

/** What the supervisor knows. */
export interface WorkersReport {
  readonly workers: readonly WorkerReport[];
  readonly inFlight: number;
  readonly reloads: { readonly done: number; readonly failed: number };
  /** Threads that were replaced or have died, by cause. */
  readonly ends: readonly { readonly cause: EndCause; readonly count: number }[];
  readonly events: readonly TimelineEvent[];
}

export interface ServerReport extends WorkersReport {
  readonly version: string;
  readonly state: ServerState;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** What the application was told to be in; the empty string: nothing. */
  readonly chdir: string;
  readonly sockets: readonly SocketReport[];
  /** How often a socket's backlog was seen full. */
  readonly listenQueueErrors: number;
  readonly fronts: readonly FrontReport[];
  /** Lines that the log had to drop. */
  readonly droppedLogLines: number;
}
