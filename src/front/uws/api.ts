// The part of uWebSockets.js that is used here, in types of our own: the package is optional, and so are its types.

/** Strings go out as UTF-8, views as they are; both are copied before the call returns. */
export type UwsBytes = string | Uint8Array;

/** Valid until `end`, `tryEnd` with the last byte, `close`, or the abort handler: any call after that throws. */
export interface UwsResponse {
  writeStatus(status: UwsBytes): this;
  writeHeader(key: UwsBytes, value: UwsBytes): this;
  /** One chunk of a chunked response, buffered whole. False: there is backpressure, wait for `onWritable`. */
  write(chunk: UwsBytes): boolean;
  end(body?: UwsBytes, closeConnection?: boolean): this;
  /** Neither body nor Content-Length. Any argument, undefined included, would become a Content-Length. */
  endWithoutBody(): this;
  /** Sends what the socket takes of a body of `totalBytes`: `[took all, response is complete]`. */
  tryEnd(chunk: UwsBytes, totalBytes: number): [boolean, boolean];
  /** Bytes of body taken by `tryEnd` so far. */
  getWriteOffset(): number;
  onWritable(handler: (offset: number) => boolean): this;
  onAborted(handler: () => void): this;
  /** The chunk is detached when the handler returns. */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): this;
  /** 4 or 16 bytes; none on a unix socket. */
  getRemoteAddress(): ArrayBuffer;
  /** Newer builds only. */
  getRemotePort?(): number;
  cork(callback: () => void): this;
  /** Closes the connection at once; what is buffered is lost. The abort handler runs inside. */
  close(): this;
  pause(): void;
  resume(): void;
}

/** Valid inside the handler only. */
export interface UwsRequest {
  getCaseSensitiveMethod(): string;
  getUrl(): string;
  /** Without the question mark; undefined in newer builds when there is none. */
  getQuery(): string | undefined;
  forEach(callback: (lowerCaseName: string, value: string) => void): void;
}

export interface UwsApp {
  any(pattern: string, handler: (response: UwsResponse, request: UwsRequest) => void): this;
  listen(host: string, port: number, options: number, callback: (socket: unknown) => void): this;
  listen_unix(callback: (socket: unknown) => void, path: string): this;
  /** Drops every connection. */
  close?(): this;
}

export interface Uws {
  App(): UwsApp;
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  us_listen_socket_close(socket: unknown): void;
  us_socket_local_port(socket: unknown): number;
  _cfg(setting: string): void;
}
