// What a thread has to know to write to the server's log: passed to worker threads, so it holds data and shared memory only.

/** What the log of another thread needs to follow this one; structured clone passes it on. */
export interface LeadingLog {
  readonly memory: SharedArrayBuffer;
  readonly generation: number;
  readonly descriptor: number;
}

/** Where the log goes: a file, or standard error when there is none. */
export interface LogDestination {
  readonly file: string | undefined;
  /** The main thread's, for the logs of the other threads. */
  readonly leader?: LeadingLog;
}
