// What a worker thread is told when it takes a lane; passed by structured clone, so it holds data and shared memory only.
import type { LaneMemory } from '../lane/layout.js';

/** A front's bell: its sleeper waits on the eventfd, or with Atomics where there is none (-1). */
export interface FrontBell {
  readonly memory: SharedArrayBuffer;
  readonly eventFd: number;
}

export interface WorkerInit {
  readonly lane: LaneMemory;
  readonly bells: readonly FrontBell[];
  readonly counters: SharedArrayBuffer;
  readonly processes: number;
  readonly node: string;
  readonly version: string;
  readonly application: {
    readonly module: string | undefined;
    readonly file: string | undefined;
    readonly callable: string | undefined;
    readonly kind: string | undefined;
    readonly chdir: string;
  };
  /** Requests at a time; undefined leaves it to the kind of application. */
  readonly concurrency: number | undefined;
  readonly needApplication: boolean;
  readonly logFile: string | undefined;
  readonly logRequests: boolean;
  readonly memoryReport: boolean;
}

/** What the worker posts to the main thread. */
export interface WorkerMessage {
  readonly from: 'fastwsgi-ts';
  readonly lane: number;
  readonly ready: { readonly kind: string; readonly concurrency: number };
}

/** Whether a message is the worker's: an application may post its own on the thread's port. */
export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return typeof message === 'object' && message !== null && 'from' in message && message.from === 'fastwsgi-ts';
}

/** How a lane's task ends when the thread does not die: it was asked to stop, or the application did not load. */
export type WorkerResult = { readonly stopped: true } | { readonly stopped: false; readonly loadError: string };
