// What an application kind is given for one request. The worker implements it; the kinds under app/ only use it.
import type { Socket } from 'node:net';

/** The request's body, complete before the application runs: in memory, or in an unlinked temporary file. */
export interface RequestBody {
  /** Bytes in all. */
  readonly length: number;
  /** Descriptor of the file that holds it, or -1 when it is in memory. The server's: not to close. */
  readonly fd: number;
  /** The same, to be passed on to somebody who may go on reading from it when the request is done. */
  lend(): number;
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
  /**
   * Lines (`Name: value`, each with its CR LF) to send behind the body, before `end` and where that can be: HTTP/1.1 and HTTP/2, not
   * uwsgi sockets. Only of a response that does not tell its length.
   */
  trailers(lines: string): void;
  /** Sends the last chunk, if any, and completes the response. Head and chunk leave in one piece when nothing was written before. */
  end(chunk?: Uint8Array | string): void;
  /**
   * Lends the client's connection to another process, which sends the whole response on it, head included, and closes its
   * sending side: the descriptor, or -1 where only we can answer. Nothing may be sent here until `complete` or `takeBack`.
   */
  lend(): number;
  /** Whoever had the connection has sent the response, or found that the client has gone (`isCut`). */
  complete(sent: SentResponse, isCut: boolean): void;
  /** Nobody else has the connection any more. `hasBegun`: a part of a response has been sent, so that there can be no other one. */
  takeBack(hasBegun: boolean): void;
  /** Whoever has the connection has sent a part of the response. */
  noteSending(): void;
}

/** A response that was sent by somebody else, for the log. */
export interface SentResponse {
  readonly status: number;
  readonly headerCount: number;
  readonly headBytes: number;
  readonly bodyBytes: number;
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
  /** The deadline has passed: tells an abort of that kind from a client's leaving. */
  readonly overdue: boolean;
  /** Gives the request back before anything was done for it: another worker, or this one later, gets it. False: that cannot be. */
  giveBack(): boolean;
  /** Gives the request's line in the log a value for `%(name)`. The caller bounds their number and size. */
  setLogVariable(name: string, value: string): void;
  /** The request has run longer than it may, by the application's own word: as when the server's deadline passes. */
  timeOut(): void;
  /** The client offers to go on with another protocol (RFC 9110 section 7.8), as WebSocket does, and the connection can be had. */
  readonly upgradable: boolean;
  /**
   * Takes the connection: the exchange is over, without a response; the taker answers `101` itself, and ends the socket.
   * Only of an exchange that is `upgradable` and has sent nothing. Rejects when the connection has gone.
   */
  takeConnection(): Promise<Socket>;
}

/** Memory in bytes. */
export interface MemoryUse {
  readonly addressSpace: number;
  readonly resident: number;
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
  /** There is no more to handle for now: what was kept back so that it goes together, goes. */
  flush?(): void;
  /** Requests it takes beyond those it runs, so that it need not wait for the next one; those that wait too long it gives back. */
  readonly prefetch?: number;
  /** Of an application outside of the thread: resolves, with how, when it has come to its end without being asked. It is given no more requests. */
  readonly ended?: Promise<string>;
  /** Of such an application: what it takes; undefined when that is not known. */
  memory?(): MemoryUse | undefined;
  /** Of such an application: ends it. All its requests are done. */
  close?(): Promise<void>;
  /** Of a request that has failed with `error`: what the log is to say beside it. */
  explain?(error: unknown): string | undefined;
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
  /** Requests one worker runs at a time; undefined: as the kind has it. */
  readonly concurrency: number | undefined;
  readonly version: string;
  readonly node: string;
  /** Where the server listens, HTTP first, as the log shows it; empty when that is not known. */
  readonly address: string;
  /** Writes one line, or several, to the server's log. */
  log(text: string): void;
  /** Asks the server to load the application anew, in all workers. */
  reload(): void;
  /** Tells the server the process that works for this thread: it is ended with it. */
  hasProcess(pid: number): void;
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
