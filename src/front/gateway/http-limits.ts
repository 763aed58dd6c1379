// What an HTTP connection of the gateway may ask for, and how long it may take.

export interface HttpLimits {
  /** The largest vars block (buffer-size). */
  readonly varsBytesMax: number;
  /** Bodies of at least this many bytes go to a temporary file; at most what a slot holds inline. */
  readonly inlineBodyBytesMax: number;
  /** The largest body; 0: no limit. */
  readonly limitPostBytes: number;
  /** For a head, from its first byte to its last; and how long a body, or a reader, may make no progress. */
  readonly httpTimeoutMs: number;
  /** How long an idle connection is kept; 0: every response closes its connection. */
  readonly httpKeepaliveMs: number;
}
