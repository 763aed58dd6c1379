// The bounds of a request on a uwsgi socket, the same for both engines.

export interface UwsgiLimits {
  /** The largest vars block (buffer-size). */
  readonly varsBytesMax: number;
  /** Bodies of at least this many bytes go to a temporary file; at most what a slot holds inline. */
  readonly inlineBodyBytesMax: number;
  /** The largest body; 0: no limit. */
  readonly limitPostBytes: number;
  /** How long a peer may make no progress while it is its turn to send or to read. */
  readonly socketTimeoutMs: number;
}
