// The shape of the stats, as whoever reads them sees it: uWSGI's keys in uWSGI's order, and ours under `fastwsgi`. Types only.

export interface StatsJson {
  readonly version: string;
  /** The longest backlog of a socket. */
  readonly listen_queue: number;
  /** How often a backlog was seen full, once a second at most. */
  readonly listen_queue_errors: number;
  readonly signal_queue: number;
  readonly load: number;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly cwd: string;
  readonly locks: readonly never[];
  readonly sockets: readonly SocketJson[];
  readonly workers: readonly WorkerJson[];
  readonly fastwsgi: OwnJson;
}

export interface SocketJson {
  readonly name: string;
  readonly proto: string;
  readonly queue: number;
  readonly max_queue: number;
  readonly shared: number;
  readonly can_offload: number;
}

export interface WorkerJson {
  readonly id: number;
  readonly pid: number;
  readonly accepting: number;
  /** Over all threads that were this worker. */
  readonly requests: number;
  /** Of the thread that serves now. */
  readonly delta_requests: number;
  readonly exceptions: number;
  readonly harakiri_count: number;
  readonly signals: number;
  readonly signal_queue: number;
  readonly status: string;
  /** Bytes; of a thread both are its own memory. */
  readonly rss: number;
  readonly vsz: number;
  /** Microseconds in the application. */
  readonly running_time: number;
  /** Seconds since 1970. */
  readonly last_spawn: number;
  /** Threads that have served as this worker. */
  readonly respawn_count: number;
  /** Bytes sent. */
  readonly tx: number;
  /** Microseconds. */
  readonly avg_rt: number;
  readonly apps: readonly AppJson[];
  readonly cores: readonly CoreJson[];
}

export interface AppJson {
  readonly id: number;
  readonly modifier1: number;
  readonly mountpoint: string;
  /** Seconds. */
  readonly startup_time: number;
  readonly requests: number;
  readonly exceptions: number;
  readonly chdir: string;
}

export interface CoreJson {
  readonly id: number;
  readonly requests: number;
  readonly static_requests: number;
  readonly routed_requests: number;
  readonly offloaded_requests: number;
  readonly write_errors: number;
  readonly read_errors: number;
  readonly in_request: number;
  /** `NAME=value` of the request at hand. */
  readonly vars: readonly string[];
  readonly req_info: { readonly request_start?: number };
}

export interface OwnJson {
  /** starting, ready, paused, no-worker, no-app or stopping. */
  readonly state: string;
  readonly now_ms: number;
  readonly started_ms: number;
  /** Of the process. */
  readonly rss: number;
  readonly in_flight: number;
  readonly fronts: readonly FrontJson[];
  /** Counts by bucket, over all workers; `bounds` are the upper ones, in microseconds, and one more bucket is above them. */
  readonly latency: {
    readonly bounds: readonly number[];
    readonly application: readonly number[];
    readonly queue: readonly number[];
  };
  readonly workers: readonly OwnWorkerJson[];
  readonly reloads: { readonly done: number; readonly failed: number };
  readonly ends: readonly { readonly cause: string; readonly count: number }[];
  readonly dropped_log_lines: number;
  readonly events: readonly EventJson[];
}

export interface FrontJson {
  readonly name: string;
  readonly accepted: number;
  readonly open: number;
  /** Complete requests that wait for a worker. */
  readonly queued: number;
  readonly pings: number;
  /** Requests it has answered out of files or by routes, and the bytes of that. */
  readonly local: { readonly requests: number; readonly tx: number; readonly by_status: readonly number[] };
  /** Requests it had to refuse, or to answer for a worker that died. */
  readonly answers: readonly { readonly status: number; readonly cause: string; readonly count: number }[];
  readonly unanswered: readonly { readonly cause: string; readonly count: number }[];
}

export interface OwnWorkerJson {
  readonly id: number;
  readonly application: string;
  readonly concurrency: number;
  /** How long its event loop has not turned. */
  readonly stalled_ms: number;
  /** Bytes received. */
  readonly rx: number;
  /** None, 1xx to 5xx. */
  readonly by_status: readonly number[];
  readonly latency: readonly number[];
  /** Oldest first. */
  readonly running: readonly { readonly core: number; readonly age_ms: number }[];
}

export interface EventJson {
  readonly at_ms: number;
  readonly kind: string;
  /** 0: all of them. */
  readonly worker: number;
  readonly text: string;
}
