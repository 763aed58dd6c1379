// The connections of an https socket whose client has chosen HTTP/2 in the TLS handshake (ALPN): node:http2 speaks it, each
// stream is an exchange of its own. node:https, beside it, never sees them.
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { PACKET_VARS_MAX, RESPONSE_HEAD_BYTES_MAX } from '../../base/limits.js';
import type { HttpFrontOptions } from '../http/options.js';
import type { Watched } from './carrier.js';
import type { NodeTools } from './connection.js';
import { Http2Carrier } from './http2-stream.js';
import { headerBytesMax } from './server.js';

/** By this name both sides agree on it. */
export const HTTP_2 = 'h2';

/** Requests that one connection may have open: what nginx allows. */
const STREAMS_MAX = 128;
/** RFC 9113 section 6.8: the largest stream there can be, in a GOAWAY that only announces the end. */
const LAST_STREAM = 2 ** 31 - 1;
/** How long a connection that is told to end may take. */
const LINGER_MS = 2000;
/** Of PACKET_VARS_MAX headers, which are ours to refuse, and the pseudo-headers. */
const HEADER_PAIRS_MAX = PACKET_VARS_MAX + 8;
/** RFC 9113 section 6.5.2: what a field counts for beside its name and its value. */
const FIELD_OVERHEAD_BYTES = 32;
/** For the streams there may be, each with a piece of a file on its way: node's own 10 would refuse the last of them. */
const SESSION_MEGABYTES_MAX = 32;

/** Makes the part of a server that speaks HTTP/2. It does not listen: it is given connections. */
function newHttp2Server({ varsBytesMax }: HttpFrontOptions): Http2Server {
  return createServer({
    maxHeaderListPairs: HEADER_PAIRS_MAX,
    // Before compression, and node counts what it may become at worst.
    maxSendHeaderBlockLength: 2 * RESPONSE_HEAD_BYTES_MAX,
    maxSessionMemory: SESSION_MEGABYTES_MAX,
    settings: {
      maxConcurrentStreams: STREAMS_MAX,
      maxHeaderListSize: headerBytesMax(varsBytesMax) + FIELD_OVERHEAD_BYTES * HEADER_PAIRS_MAX,
    },
  });
}

/** All of them. */
export class Http2Connections {
  private readonly server: Http2Server;
  private readonly open = new Set<Http2Connection>();

  constructor(options: HttpFrontOptions) {
    this.server = newHttp2Server(options);
  }

  /** A connection after its handshake. `forget`: called once, when it has ended. */
  take(tools: NodeTools, socket: Socket, peer: Uint8Array, forget: () => void): void {
    this.server.once('session', (session: ServerHttp2Session) => {
      const connection = new Http2Connection(tools, session, peer);
      this.open.add(connection);
      session.once('close', () => {
        this.open.delete(connection);
        forget();
      });
    });
    // As documented, the server goes on with a connection that it is given this way, and does so at once.
    this.server.emit('connection', socket);
  }

  /** Tells the clients to open no more streams; those that are on their way are served. */
  announceClose(): void {
    for (const connection of this.open) connection.announceClose();
  }

  /** Each connection ends with its last stream. */
  close(): void {
    for (const connection of this.open) connection.close();
  }

  destroy(): void {
    for (const connection of this.open) connection.destroy();
  }
}

/** One connection. It is watched while it has no streams. */
class Http2Connection implements Watched {
  private readonly tools: NodeTools;
  private readonly session: ServerHttp2Session;
  private readonly peer: Uint8Array;
  private streams = 0;

  constructor(tools: NodeTools, session: ServerHttp2Session, peer: Uint8Array) {
    this.tools = tools;
    this.session = session;
    this.peer = peer;
    session.on('stream', this.onStream);
    // 'close' follows each of them.
    session.on('error', () => {});
    session.on('frameError', () => {});
    session.once('close', () => tools.unwatch(this));
    tools.watch(this, tools.options.httpTimeoutMs);
  }

  announceClose(): void {
    if (!this.session.closed && !this.session.destroyed) this.session.goaway(0, LAST_STREAM);
  }

  close(): void {
    if (this.streams === 0) this.tools.watch(this, LINGER_MS);
    if (!this.session.closed) this.session.close();
  }

  destroy(): void {
    this.session.destroy();
  }

  /** It was idle for too long; or does not even take the word of its end. */
  cut(): void {
    if (this.session.closed) this.destroy();
    else this.close();
  }

  private readonly onStream = (
    stream: ServerHttp2Stream,
    _headers: unknown,
    _flags: number,
    rawHeaders: string[],
  ): void => {
    this.streams++;
    this.tools.unwatch(this);
    stream.once('close', this.onStreamClose);
    new Http2Carrier(this.tools, stream, this.peer).open(rawHeaders);
  };

  private readonly onStreamClose = (): void => {
    this.streams--;
    if (this.streams > 0 || this.session.destroyed) return;
    const { httpKeepaliveMs } = this.tools.options;
    if (httpKeepaliveMs === 0 || this.session.closed) this.close();
    else this.tools.watch(this, httpKeepaliveMs);
  };
}
