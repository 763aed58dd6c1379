// What a worker thread is told when it takes a lane; passed by structured clone, so it holds data and shared memory only.
import type { LogDestination } from '../base/log-destination.js';
import type { RequestLogSettings } from '../base/log-template.js';
import type { LaneMemory } from './layout.js';

/** A front's bell: its sleeper waits on the eventfd, or with Atomics where there is none (-1). */
export interface FrontBell {
  readonly memory: SharedArrayBuffer;
  readonly eventFd: number;
}

/** What is the same for all workers. */
export interface WorkerInitCommon {
  readonly bells: readonly FrontBell[];
  readonly counters: SharedArrayBuffer;
  readonly processes: number;
  readonly node: string;
  readonly version: string;
  /** Where the server listens, HTTP first, as the log shows it. */
  readonly address: string;
  readonly application: {
    readonly module: string | undefined;
    readonly file: string | undefined;
    readonly callable: string | undefined;
    readonly kind: string | undefined;
    readonly chdir: string;
    readonly python: PythonInit;
    readonly home: string | undefined;
  };
  /** The other applications, below their prefixes; they are of the kinds that their exports say. */
  readonly mounts: readonly {
    readonly mountPoint: string;
    readonly module: string | undefined;
    readonly file: string | undefined;
    readonly callable: string | undefined;
  }[];
  readonly manageScriptName: boolean;
  /** Requests at a time; undefined leaves it to the kind of application. */
  readonly concurrency: number | undefined;
  /** Headers of every response. */
  readonly addHeaders: readonly (readonly [string, string])[];
  /** A request's vars may name more of them. */
  readonly routesAddHeaders: boolean;
  readonly log: LogDestination;
  /** Undefined: no request is logged. */
  readonly requestLog: RequestLogSettings | undefined;
}

/** What applications of kind `python` are told beside all that. Paths are absolute. */
export interface PythonInit {
  readonly pythonPath: readonly string[];
  /** Where Python goes once the application is loaded. */
  readonly chdir2: string | undefined;
  /** `uwsgi.opt`: a value, true for a bare name, or a list. */
  readonly options: readonly (readonly [string, string | true | readonly (string | true)[]])[];
  readonly socketTimeoutMs: number;
  /** 0: off. */
  readonly autoreloadMs: number;
  /** Whether the Python stack is logged when a deadline ends a request. */
  readonly harakiriVerbose: boolean;
}

export interface WorkerInit extends WorkerInitCommon {
  readonly lane: LaneMemory;
  /** The lane's epoch that this life belongs to. */
  readonly epoch: number;
  /** 1-based number of the worker; two threads have it while one replaces the other. */
  readonly workerId: number;
  /** The thread ends when the application does not load; else it answers 500. */
  readonly needApplication: boolean;
  /** A client is answered with the application's error. */
  readonly catchExceptions: boolean;
}

/** What the worker posts to the main thread. */
export interface WorkerMessage {
  readonly from: 'fastwsgi-ts';
  readonly lane: number;
  readonly epoch: number;
  readonly news: WorkerNews;
}

/** The application is loaded; it cannot be loaded; it wants a reload; the worker has done what it had, and exits as it was asked to. */
export type WorkerNews =
  | { readonly kind: 'loaded'; readonly application: string; readonly concurrency: number }
  | { readonly kind: 'load-error'; readonly error: string }
  | { readonly kind: 'reload' }
  | { readonly kind: 'stopped' };

/** Whether a message is the worker's: an application may post its own on the thread's port. */
export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return typeof message === 'object' && message !== null && 'from' in message && message.from === 'fastwsgi-ts';
}
