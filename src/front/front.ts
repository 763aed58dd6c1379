// What every front is to the server: it listens, it stops, it is told nothing else. The fronts are gateway/ (epoll),
// net/ (its portable twin), uws/ and node/ (HTTP); those on the main thread share one Turns and its dispatcher.

/** An address a front listens on, as the log, the statistics and the embedding API show it. */
export interface BoundAddress {
  readonly protocol: 'uwsgi' | 'http' | 'https';
  readonly engine: 'epoll' | 'net' | 'uws' | 'node';
  /** `127.0.0.1:8000`, `[::1]:8000`, `/run/app.sock` or `@name`. */
  readonly address: string;
  /** Of a TCP address: the port that was bound, also when 0 was asked for. */
  readonly port: number | undefined;
  /** Bound by the guard or by systemd, who look after its file. */
  readonly inherited?: true;
}

export interface Front {
  /** Binds and accepts. Rejects with a FastwsgiError (ERR_LISTEN) that names the address. */
  listen(): Promise<readonly BoundAddress[]>;
  /** Starts what `listen` has left for later: a thread of its own, which must not exist while privileges are dropped. */
  start?(): void;
  /** Stops accepting and closes what is idle; resolves when the last request in flight is answered. */
  close(): Promise<void>;
  /** Drops every connection at once. */
  destroy(): void;
}
