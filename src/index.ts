// The embedding API: a server inside a Node application, with the options of the INI file as an object.
import { FastwsgiError } from './base/errors.js';
import { configurationFromObject, type ServerOptions } from './config/from-object.js';
import type { BoundAddress } from './front/front.js';
import { Logs } from './observe/logs.js';
import { Server } from './server.js';
import { OwnProcess } from './supervise/own-process.js';
import { openUnixPort } from './system/unix-datagrams.js';

export type { FetchInfo, RemoteAddress } from './app/fetch/types.js';
export type { Chunk, StartResponse, Write, WsgiApplication, WsgiBody, WsgiEnviron } from './app/wsgi/types.js';
export { type ErrorCode, FastwsgiError } from './base/errors.js';
export type { ServerOptions } from './config/from-object.js';
export type { BoundAddress } from './front/front.js';

/** A running server. */
export interface FastwsgiServer {
  /**
   * What it listens on, once `listen` has resolved: uwsgi sockets first, then HTTP, then HTTPS ones, each in the order of the
   * configuration.
   */
  readonly addresses: readonly BoundAddress[];
  /** Requests answered since the start. */
  readonly requests: number;
  /** Binds the sockets, loads the application into every worker, and resolves with the bound addresses. */
  listen(): Promise<readonly BoundAddress[]>;
  /**
   * Loads the application anew: new threads take over when all of them have loaded it, the old ones finish what they have.
   * False, and the old ones stay, when it does not load; the log says why. Reloads that are asked for meanwhile are one.
   */
  reload(): Promise<boolean>;
  /** Stops accepting, answers what is in flight (within `reloadMercy` seconds), ends the workers. */
  close(): Promise<void>;
  /** Resolves when the server has ended: undefined after `close`, or the error that it could not go on with. */
  readonly closed: Promise<FastwsgiError | undefined>;
}

/**
 * Makes a server from options: the names of the INI file in camelCase, `{ module: 'app:application', httpSocket: ':8000' }`.
 * Throws a FastwsgiError that lists every wrong option. Nothing is opened before `listen`. `needApp` is on unless it is false.
 *
 * Workers are threads of this process; `chdir` changes the process's directory, as it does on the
 * command line, and so do `uid`, `gid`, `procname` and the pidfiles; `env` reaches the workers of this server alone.
 */
export function createServer(options: ServerOptions): FastwsgiServer {
  const configuration = configurationFromObject({ needApp: true, ...options }, process.cwd());
  let server: Server | undefined;
  let log: Logs | undefined;
  let own: OwnProcess | undefined;
  let isOver = false;
  let finish: (error: FastwsgiError | undefined) => void = () => {};
  const closed = new Promise<FastwsgiError | undefined>((resolve) => {
    finish = resolve;
  });
  const end = async (error: FastwsgiError | undefined): Promise<void> => {
    isOver = true;
    await server?.close();
    own?.leave();
    await log?.close();
    finish(error);
  };
  return {
    closed,
    get addresses() {
      return server?.addresses ?? [];
    },
    get requests() {
      return server?.counters.requestsTotal ?? 0;
    },
    listen: async () => {
      if (isOver || server !== undefined) {
        throw new FastwsgiError('ERR_CLOSED', 'Cannot listen: the server was started or closed before');
      }
      log = new Logs({ plan: configuration.logPlan }, openUnixPort, configuration.quiet);
      const { master, daemonize, daemonize2 } = configuration;
      if (master || daemonize !== undefined || daemonize2 !== undefined) {
        log.line('Options "master" and "daemonize" have no effect on a server that is embedded');
      }
      const listening = new Server(configuration, log, {
        onBound: () => own?.settle(),
        onStopAsked: (atOnce) => {
          if (atOnce) listening.destroy();
          void end(undefined);
        },
        onFatal: (error) => {
          listening.destroy();
          void end(error);
        },
      });
      server = listening;
      own = new OwnProcess(configuration, (line) => log?.line(line));
      try {
        own.claim();
        return await listening.listen();
      } catch (error) {
        await end(error instanceof FastwsgiError && error.code !== 'ERR_CLOSED' ? error : undefined);
        throw error;
      }
    },
    reload: async () => (isOver ? false : ((await server?.reload()) ?? false)),
    close: () => end(undefined),
  };
}
