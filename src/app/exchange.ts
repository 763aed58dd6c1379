// What an application kind is given for one request. The worker implements it; the kinds under app/ only use it.
import type { Socket } from 'node:net';

/** The request's body, complete before the application runs: in memory, or in an unlinked temporary file. */
export interface RequestBody {
  /** Bytes in all. */
  readonly length: number;
  /** Up to `size` bytes from the read position, which moves on; an empty buffer at the end. The bytes are the caller's. */
  readSync(size: number): Buffer;
  /** As `readSync`, without blocking the thread when the body is in a file. One call at a time. */
  read(size: number): Promise<Buffer>;
}

/**
 * The response. `head` may be called again until the first byte is sent; nothing is sent before the first `write` or `end`.
 * A chunk that was written belongs to the writer until `drained` resolves: it must not be changed.
 */
export interface ResponseWriter {
  /** True once the head has left: `head` would throw. */
  readonly headSent: boolean;
  /** True once the client has gone: what is written is thrown away, and the application should stop. */
  readonly aborted: boolean;
  /** Sets status (`200 OK`, or a bare `404`, which gets its standard reason) and headers. Throws a TypeError on what cannot be sent: CR, LF or NUL, an invalid name, a status that is no three digits. */
  head(status: string, headers: readonly (readonly [string, string])[]): void;
  /** Sends a chunk (strings as UTF-8), the head first. False: not all of it could be handed on; wait with `drained` or `drainSync` before the next write. */
  write(chunk: Uint8Array | string): boolean;
  /** Resolves when the next chunk may be written, or the client has gone. */
  drained(): Promise<void>;
  /** Blocks the thread until the next chunk may be written, or the client has gone. */
  drainSync(): void;
  /** Sends the last chunk, if any, and completes the response. Head and chunk leave in one piece when nothing was written before. */
  end(chunk?: Uint8Array | string): void;
}

/** One request and its response. */
export interface Exchange {
  /** The uwsgi vars block as it came: `u16le keylen · key · u16le vallen · value`, already checked by the front. */
  readonly packet: Buffer;
  /** Offsets of the vars block in `packet`. */
  readonly varsStart: number;
  readonly varsEnd: number;
  readonly body: RequestBody;
  readonly response: ResponseWriter;
  /** The slot the request runs in: `uwsgi.core`. */
  readonly core: number;
  /** What `manage-script-name` takes off the front of PATH_INFO and makes SCRIPT_NAME: the mount point, or nothing. */
  mountPoint: string;
  /** Fires when the client goes away or the deadline passes. Made when first asked for. */
  readonly signal: AbortSignal;
  /** Called, at most once, when `signal` would fire. Set by the kind: an AbortSignal of its own costs 4 µs on Node 20. */
  onAbort: (() => void) | null;
  /** The client offers to go on with another protocol (RFC 9110 section 7.8), as WebSocket does, and the connection can be had. */
  readonly upgradable: boolean;
  /**
   * Takes the connection: the exchange is over, without a response; the taker answers `101` itself, and ends the socket.
   * Only of an exchange that is `upgradable` and has sent nothing. Rejects when the connection has gone.
   */
  takeConnection(): Promise<Socket>;
}

/** A loaded application of any kind. */
export interface Application {
  /** An ApplicationKindName; of several applications in one, all of theirs. For the log. */
  readonly kind: string;
  /** Requests it runs at a time unless `threads`/`async` says otherwise. */
  readonly concurrency: number;
  /**
   * Runs one request to its end: returns, or resolves, after `response.end`. When it throws or rejects, the worker logs the
   * error and answers 500 if nothing was sent, else closes the connection; the kind has released what it held by then.
   * After an abort (`response.aborted`, `onAbort`) it returns without `response.end`: the rest is the worker's.
   */
  handle(exchange: Exchange): void | Promise<void>;
  /** Resolves when nothing goes on any more of what requests have left behind (`waitUntil`). Absent: nothing ever does. */
  settled?(): Promise<void>;
}

/** What an application sees of the server it runs in. */
export interface WorkerContext {
  /** 1-based. */
  readonly workerId: number;
  readonly processes: number;
  /** True when one worker runs several requests at a time. */
  readonly multithread: boolean;
  readonly version: string;
  readonly node: string;
  /** Where the server listens, HTTP first, as the log shows it; empty when that is not known. */
  readonly address: string;
  /** Writes one line, or several, to the server's log. */
  log(text: string): void;
}

/** One kind of application; each is a folder under app/ with the same file names. */
export interface ApplicationKind {
  readonly name: ApplicationKindName;
  /** Whether an export is an application of this kind. `named`: the configuration says so, and only what cannot be one is refused. */
  matches(exported: unknown, named: boolean): boolean;
  /** Makes the application. May be asynchronous (a framework's `ready()`). */
  create(exported: unknown, context: WorkerContext): Application | Promise<Application>;
}

export const APPLICATION_KINDS = ['wsgi', 'fetch', 'node', 'python'] as const;
export type ApplicationKindName = (typeof APPLICATION_KINDS)[number];
