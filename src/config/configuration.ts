// The resolved configuration: what the rest of the server reads. Typed, complete, never changed. Units stand last.
import type { LogPlan } from '../base/log-destination.js';
import type { RequestLogSettings } from '../base/log-template.js';
import type { SocketAddress } from './address.js';
import type { HttpsAddress, RedirectAddress } from './https-address.js';
import type { Assignment, ValueOf } from './options.js';
import type { Route } from './route.js';
import type { Notice, Setting } from './setting.js';

export type { Notice } from './setting.js';

export type AppKind = NonNullable<ValueOf<'app-kind'>>;
export type HttpEngine = ValueOf<'http-engine'>;
export type UwsgiEngine = ValueOf<'uwsgi-engine'>;

/** What is loaded. Paths are as written: relative to the directory at hand when they are used. */
export interface ApplicationConfiguration {
  /** `pkg.mod` of `module = pkg.mod:callable`. */
  readonly moduleName: string | undefined;
  readonly wsgiFile: string | undefined;
  /** Of `module`, else of `callable`; undefined: nobody named one. */
  readonly callable: string | undefined;
  /** Undefined: the export decides. */
  readonly appKind: AppKind | undefined;
  readonly needApp: boolean;
  readonly chdir: string | undefined;
  readonly chdir2: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Assignment[];
  /** The export of mounted applications whose own text names none. */
  readonly mountCallable: string | undefined;
  readonly manageScriptName: boolean;
  readonly home: string | undefined;
  readonly pythonPath: readonly string[];
}

export interface SocketConfiguration {
  /** uwsgi protocol, in the order of the configuration. */
  readonly sockets: readonly SocketAddress[];
  readonly httpSockets: readonly SocketAddress[];
  readonly httpsSockets: readonly HttpsAddress[];
  /** Where clients are sent to https. */
  readonly redirectSockets: readonly RedirectAddress[];
  readonly listenBacklog: number;
  /** Permission bits. */
  readonly chmodSocket: number | undefined;
  /** `user[:group]`. */
  readonly chownSocket: string | undefined;
  readonly umask: number | undefined;
  readonly socketTimeoutMs: number;
  readonly httpTimeoutMs: number;
  /** 0: the connection is closed after each response. */
  readonly httpKeepaliveMs: number;
  readonly soKeepalive: boolean;
  /** HTTP connections begin with a PROXY header. */
  readonly proxyProtocol: boolean;
  /** Addresses and networks of the proxies in front; empty: whoever connects. */
  readonly trustedProxies: readonly string[];
  /** Requests that may wait in an HTTP front. */
  readonly httpQueue: number;
  readonly httpEngine: HttpEngine;
  readonly uwsgiEngine: UwsgiEngine;
}

export interface WorkerConfiguration {
  readonly processes: number;
  /** Requests a worker runs at a time; undefined: as the kind of application has it. */
  readonly concurrency: number | undefined;
  /** 0: off. */
  readonly cheaper: number;
  readonly cheaperInitial: number | undefined;
  readonly cheaperStep: number;
  /** 0: off. */
  readonly idleMs: number;
}

export interface RequestConfiguration {
  readonly varsBytesMax: number;
  /** Bodies of at least this size go to a temporary file. What a slot holds is a bound of its own, INLINE_BODY_BYTES_MAX. */
  readonly postBufferingBytes: number;
  /** 0: no limit. */
  readonly limitPostBytes: number;
  /** 0: off. */
  readonly harakiriMs: number;
  readonly harakiriVerbose: boolean;
  /** 0: off. */
  readonly httpHarakiriMs: number;
  readonly catchExceptions: boolean;
  /** Names and values, latin-1. */
  readonly addHeaders: readonly (readonly [string, string])[];
  readonly routes: readonly Route[];
}

/** Where 0 makes sense it means off. */
export interface LifecycleConfiguration {
  readonly maxRequests: number;
  readonly maxRequestsDelta: number;
  readonly minWorkerLifetimeMs: number;
  readonly maxWorkerLifetimeMs: number;
  readonly reloadOnAsBytes: number;
  readonly reloadOnRssBytes: number;
  readonly evilReloadOnAsBytes: number;
  readonly evilReloadOnRssBytes: number;
  readonly reloadMercyMs: number;
  readonly workerReloadMercyMs: number;
  readonly touchReload: readonly string[];
  readonly touchChainReload: readonly string[];
  readonly reloadOnChangeMs: number;
  readonly autoreloadMs: number;
}

export interface ProcessConfiguration {
  readonly master: boolean;
  readonly masterFifo: string | undefined;
  readonly uid: string | undefined;
  readonly gid: string | undefined;
  readonly pidfile: string | undefined;
  readonly pidfile2: string | undefined;
  readonly safePidfile: string | undefined;
  readonly daemonize: string | undefined;
  readonly daemonize2: string | undefined;
  readonly vacuum: boolean;
  readonly procname: string | undefined;
}

export interface LoggingConfiguration {
  readonly logto: string | undefined;
  readonly logto2: string | undefined;
  /** Undefined: no request is logged. */
  readonly requestLog: RequestLogSettings | undefined;
  readonly logPlan: LogPlan;
  readonly quiet: boolean;
  /** 0: off. */
  readonly logMaxBytes: number;
  readonly logBackupName: string | undefined;
  readonly touchLogreopen: readonly string[];
}

export interface StaticConfiguration {
  readonly staticMaps: readonly Assignment[];
  readonly staticMaps2: readonly Assignment[];
  readonly checkStatic: readonly string[];
  readonly staticIndex: readonly string[];
  readonly staticSafe: readonly string[];
  readonly staticFallbacks: readonly Assignment[];
  readonly staticSkipExtensions: readonly string[];
  readonly staticGzip: readonly string[];
  readonly staticGzipAll: boolean;
  readonly staticGzipDirs: readonly string[];
  readonly staticGzipExtensions: readonly string[];
  readonly mimeFiles: readonly string[];
  readonly staticExpires: readonly string[];
  readonly staticExpiresMtime: readonly string[];
  readonly staticExpiresType: readonly Assignment[];
  readonly staticExpiresTypeMtime: readonly Assignment[];
  readonly staticExpiresUri: readonly string[];
  readonly staticExpiresUriMtime: readonly string[];
  readonly staticExpiresPathInfo: readonly string[];
  readonly staticExpiresPathInfoMtime: readonly string[];
}

export interface StatsConfiguration {
  readonly stats: SocketAddress | undefined;
  readonly statsHttp: boolean;
  readonly statsMinified: boolean;
}

/** A value of `uwsgi.opt`: as written, true for a bare name, a list where the name stood several times. */
export type RawOption = string | true | readonly (string | true)[];

export interface Configuration
  extends ApplicationConfiguration,
    SocketConfiguration,
    WorkerConfiguration,
    RequestConfiguration,
    LifecycleConfiguration,
    ProcessConfiguration,
    LoggingConfiguration,
    StaticConfiguration,
    StatsConfiguration {
  /** The directory that relative paths started from when the configuration was read. */
  readonly cwd: string;
  /** Everything that was set, options and placeholders, by the names it was written with: `uwsgi.opt`. */
  readonly options: ReadonlyMap<string, RawOption>;
  /** The same in order, placeholders filled in, for `--show-config`. */
  readonly settings: readonly Setting[];
  /** Warnings and announcements for the start-up log. */
  readonly notices: readonly Notice[];
}
