// What an application of kind `wsgi` sees: the types of its arguments and of what it may return.
import type { WsgiErrors } from './errors.js';
import type { FileWrapper } from './file-wrapper.js';
import type { WsgiInput } from './input.js';

/** Bytes, or text that is sent as UTF-8. */
export type Chunk = Uint8Array | string;

/** Sends a chunk at once, waiting (the thread, not a promise) while the client is slow. For applications that cannot return an iterable. */
export type Write = (chunk: Chunk) => void;

/**
 * Sets status (`200 OK`, or a bare `404`) and headers; they leave with the first non-empty chunk. It may be called again
 * only with the error that made it necessary as `error` (PEP 3333's exc_info), which is thrown when the head has left.
 */
export type StartResponse = (
  status: string,
  headers: readonly (readonly [name: string, value: string])[],
  error?: unknown,
) => Write;

/** The request: the CGI variables the front sent (latin-1), and the server's own keys of PEP 3333. */
export interface WsgiEnviron {
  REQUEST_METHOD: string;
  PATH_INFO: string;
  QUERY_STRING: string;
  [header: `HTTP_${string}`]: string | undefined;
  'wsgi.version': readonly [number, number];
  /** `http` or `https`, of the connection the client made as far as the proxy tells. */
  'wsgi.url_scheme': string;
  'wsgi.input': WsgiInput;
  'wsgi.errors': WsgiErrors;
  'wsgi.multithread': boolean;
  'wsgi.multiprocess': boolean;
  'wsgi.run_once': boolean;
  'wsgi.file_wrapper': FileWrapper;
  'uwsgi.version': string;
  'uwsgi.node': string;
  /** The slot the request runs in. */
  'uwsgi.core': number;
  [name: string]: unknown;
}

/** What an application returns: chunks, one by one or at once. Its `close()`, if it has one, is always called. */
export type WsgiBody = Chunk | Iterable<Chunk> | AsyncIterable<Chunk>;

/** An application of kind `wsgi` (PEP 3333, with promises and async iterables). */
export type WsgiApplication = (environ: WsgiEnviron, startResponse: StartResponse) => WsgiBody | Promise<WsgiBody>;
