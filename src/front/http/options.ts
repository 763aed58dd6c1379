// What both HTTP engines of the main thread are told, whichever serves.
import type { TlsOptions } from 'node:tls';
import type { HttpEngine } from '../../config/configuration.js';
import type { InheritedSocket } from '../../system/inherited.js';
import type { BindAddress } from '../../system/listen.js';
import type { SocketOwner } from '../../system/socket-files.js';
import type { LocalDesk } from '../local/desk.js';
import type { ProxyOptions } from '../proxy-trust.js';

/** The engines of the main thread, and `auto`, which chooses among them. */
export type MainThreadEngine = Exclude<HttpEngine, 'epoll'>;

/** One `http` or `https` line of the configuration, resolved. */
export interface HttpFrontOptions extends ProxyOptions {
  readonly address: BindAddress;
  /** Permission bits of a unix socket, or undefined for what umask leaves. */
  readonly chmodSocket: number | undefined;
  readonly chownSocket?: SocketOwner | undefined;
  /** The socket, if it need not be bound because it came with the start. */
  readonly inherited?: InheritedSocket | undefined;
  /** The largest vars block (buffer-size); a request whose headers take more is answered 431. */
  readonly varsBytesMax: number;
  /** Bodies of at least this many bytes go to a temporary file. */
  readonly postBufferingBytes: number;
  /** Larger bodies are answered 413; 0: no limit. */
  readonly limitPostBytes: number;
  /** A client that neither sends what it announced nor reads what it asked for is dropped after this long (http-timeout). */
  readonly httpTimeoutMs: number;
  /** How long an idle connection is kept (http-keepalive); 0: every response closes its connection. */
  readonly httpKeepaliveMs: number;
  readonly listenBacklog: number;
  /** Of an `https` line. */
  readonly tls?: TlsOptions | undefined;
  /** Gives the answers that need no worker. */
  readonly desk?: LocalDesk | undefined;
  /** Writes one line to the server's log. */
  log(line: string): void;
}
