// Where log lines go, as data: made with the configuration, passed to worker threads, so it holds data and shared memory only.

/** What the log of another thread needs to follow this one; structured clone passes it on. */
export interface LeadingLog {
  readonly memory: SharedArrayBuffer;
  readonly generation: number;
  readonly descriptor: number;
}

/** A file; or standard output or error, when there is none. */
export interface StreamTarget {
  readonly kind: 'stream';
  /** Absolute. */
  readonly file: string | undefined;
  /** Where there is no file. Undefined: standard error. */
  readonly stream?: 1 | 2;
  /** Of this file alone; undefined: as `log-maxsize` and `log-backupname` say. */
  readonly maxBytes?: number;
  /** Absolute. */
  readonly backupName?: string;
}

/** Datagrams, a line each, to a unix socket, by its absolute path, or over UDP. */
export interface DatagramTarget {
  readonly kind: 'datagram';
  readonly to: { readonly path: string } | { readonly host: string; readonly port: number };
  /** What stands before each line; of syslog, the priority, the date and a name. */
  readonly prefix: string | { readonly priority: number; readonly name: string };
  /** A line that is longer is cut, or goes on in the next datagram. 0: no limit. */
  readonly bytesMax: number;
  readonly splits: boolean;
}

export type LogTarget = StreamTarget | DatagramTarget;

/** A line that matches goes to these targets, and nowhere else. */
export interface LogRoute {
  readonly pattern: RegExp;
  /** An index of the plan's targets. */
  readonly target: number;
}

/** What becomes of a line: numbers are indexes of the plan's targets. */
export interface LogRules {
  /** What matches one of these is dropped. */
  readonly drains: readonly RegExp[];
  /** Where there are any, what matches none of these is dropped. */
  readonly filters: readonly RegExp[];
  readonly routes: readonly LogRoute[];
  /** Where everything else goes. */
  readonly targets: readonly number[];
}

export interface LogPlan {
  readonly targets: readonly LogTarget[];
  readonly lines: LogRules;
  readonly requests: LogRules;
  /** The target of lines that no logger takes; undefined: there are none. */
  readonly fallback: number | undefined;
  /** A strftime format of the date before each line, requests excepted; undefined: no date. */
  readonly dateFormat: string | undefined;
}

/** What a thread's log is made with. */
export interface LogDestination {
  readonly plan: LogPlan;
  /** The main thread's logs, for those of the other threads: by target. */
  readonly leaders?: readonly (LeadingLog | undefined)[];
}
