// What an exchange of this engine reads its request from, and what brings its response to the client: a connection of
// HTTP/1.1, as node:http has it, or a stream of HTTP/2.
import type { Refusal } from '../http/refusal.js';
import type { LocalReply } from '../local/reply.js';

/** A request: node's IncomingMessage, or what a stream begins with. */
export interface RequestSource {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** Name, value, name, value… */
  readonly rawHeaders: readonly string[];
  /** The same of what stands behind the body; complete at 'end'. */
  readonly rawTrailers: readonly string[];
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** A response: node's ServerResponse, or the other direction of a stream. */
export interface ReplyTarget {
  /** The connection may go on after it. Without meaning for a stream. */
  shouldKeepAlive: boolean;
  readonly writableFinished: boolean;
  writeContinue(): void;
  /** `headers`: name, value, name, value… */
  writeHead(status: number, reason: string, headers: string[]): unknown;
  write(chunk: Buffer): boolean;
  /** Before `end`. */
  addTrailers(trailers: [string, string][]): void;
  end(chunk?: string | Uint8Array, encoding?: BufferEncoding): unknown;
  on(event: 'drain', listener: () => void): unknown;
  once(event: 'finish', listener: () => void): unknown;
}

/** Who waits for a client to move, and gives up when it does not. */
export interface Watched {
  /** Closes in the middle of whatever goes on. */
  cut(): void;
}

/** The way between an exchange and its client. */
export interface Carrier extends Watched {
  /** Of HTTP/2: the protocol itself tells where a body ends. */
  readonly isHttp2: boolean;
  /** REMOTE_ADDR and REMOTE_PORT, encoded, and what TLS tells of the client. */
  readonly peer: Uint8Array;
  /** Of a stream whose head was not all of the request. */
  readonly hasBody: boolean;
  /** Refuses the request in the middle of its body: the last answer of this carrier. */
  refuse(refusal: Refusal, isHead: boolean): void;
  /** The same with a local reply, which has no file. */
  sayLocal(reply: LocalReply): void;
  /** The exchange has said its last word. */
  next(response: ReplyTarget): void;
}
