// `logger`, `req-logger` and their routes: which lines go where.
import { isAbsolute } from 'node:path';
import { errorMessage } from '../base/errors.js';
import type { DatagramTarget, LogPlan, LogRoute, LogRules, LogTarget } from '../base/log-destination.js';
import { findOption, type OptionName } from './options.js';
import type { OptionValues } from './resolve.js';
import type { Report, Setting } from './setting.js';

/** `[NAME ]KIND[:ARGUMENT]` */
const SPEC = /^(?:(\S+)\s+)?([a-z0-9]+)(?::(.*))?$/s;

/** syslog(3): the codes of RFC 3164 section 4.1.1. */
const FACILITIES: Readonly<Record<string, number>> = {
  ...{ kern: 0, user: 1, mail: 2, daemon: 3, auth: 4, security: 4, syslog: 5, lpr: 6, news: 7, uucp: 8, cron: 9 },
  ...{ authpriv: 10, ftp: 11, local0: 16, local1: 17, local2: 18, local3: 19 },
  ...{ local4: 20, local5: 21, local6: 22, local7: 23 },
};
const LOG_INFO = 6;
/** daemon.notice: what uWSGI's rsyslog logger sends. */
const RSYSLOG_PRIORITY = 29;
const SYSLOG_NAME = 'uwsgi';
const SYSLOG_SOCKET = '/dev/log';
const SYSLOG_PORT = 514;

interface Logger {
  readonly name: string | undefined;
  readonly target: LogTarget;
}

export interface LoggersContext {
  readonly hostname: string;
  /** Where lines go that no logger takes: `logto`, an absolute path, or standard error. */
  readonly file: string | undefined;
  /** Where the relative paths of loggers start: uWSGI opens them when it has gone to `chdir`. */
  readonly folder: string;
}

/** The plan of a configuration; what cannot be read is reported. */
export function logPlanOf(
  values: OptionValues,
  settings: readonly Setting[],
  report: Report,
  context: LoggersContext,
): LogPlan {
  const reader = new LoggerReader(values, settings, report, context);
  return reader.plan();
}

class LoggerReader {
  private readonly values: OptionValues;
  private readonly settings: readonly Setting[];
  private readonly report: Report;
  private readonly context: LoggersContext;
  private readonly targets: LogTarget[] = [];
  private fallback: number | undefined;

  constructor(values: OptionValues, settings: readonly Setting[], report: Report, context: LoggersContext) {
    this.values = values;
    this.settings = settings;
    this.report = report;
    this.context = context;
  }

  plan(): LogPlan {
    const loggers = [
      ...this.loggers('logger', (text) => text),
      ...this.loggers('log-syslog', (text) => `syslog:${text}`),
      ...this.loggers('log-socket', (text) => `socket:${text}`),
    ];
    const requestLoggers = this.loggers('req-logger', (text) => text);
    const named = [...loggers, ...requestLoggers];
    const lines: LogRules = {
      drains: this.patterns('log-drain'),
      filters: this.patterns('log-filter'),
      routes: this.routes('log-route', named),
      targets: this.unnamed(loggers),
    };
    const hasOwn = requestLoggers.length + this.values.get('log-req-route').length > 0;
    const requests: LogRules = hasOwn
      ? { drains: [], filters: [], routes: this.routes('log-req-route', named), targets: this.unnamed(requestLoggers) }
      : lines;
    const { targets, fallback } = this;
    return { targets, lines, requests, fallback, dateFormat: this.values.get('log-date') };
  }

  private loggers(option: OptionName, specOf: (text: string) => string): Logger[] {
    return this.settingsOf(option).flatMap((setting) => {
      try {
        return [readLogger(specOf(setting.value), this.values, this.context)];
      } catch (error) {
        this.report.badOption(setting.place, setting.key, errorMessage(error));
        return [];
      }
    });
  }

  private patterns(option: OptionName): RegExp[] {
    return this.settingsOf(option).flatMap((setting) => {
      const pattern = this.pattern(setting, setting.value);
      return pattern === undefined ? [] : [pattern];
    });
  }

  private routes(option: OptionName, loggers: readonly Logger[]): LogRoute[] {
    return this.settingsOf(option).flatMap((setting) => {
      const [, name = '', text = ''] = /^(\S+)\s+(.+)$/s.exec(setting.value) ?? [];
      const logger = loggers.find((each) => each.name === name);
      if (text === '') this.report.badOption(setting.place, setting.key, 'NAME REGEXP is wanted');
      else if (logger === undefined) {
        this.report.badOption(setting.place, setting.key, `no logger has the name "${name}"`);
      }
      const pattern = text === '' ? undefined : this.pattern(setting, text);
      if (pattern === undefined || logger === undefined) return [];
      return [{ pattern, target: this.indexOf(logger.target) }];
    });
  }

  private pattern(setting: Setting, text: string): RegExp | undefined {
    try {
      return new RegExp(text);
    } catch (error) {
      this.report.badOption(setting.place, setting.key, errorMessage(error));
      return undefined;
    }
  }

  /** Those without a name take every line; where there are none, it goes where it would go without loggers. */
  private unnamed(loggers: readonly Logger[]): number[] {
    const targets = loggers.filter(({ name }) => name === undefined).map(({ target }) => this.indexOf(target));
    if (targets.length > 0) return [...new Set(targets)];
    this.fallback = this.indexOf({ kind: 'stream', file: this.context.file });
    return [this.fallback];
  }

  /** Two loggers with one target share it. */
  private indexOf(target: LogTarget): number {
    const key = JSON.stringify(target);
    const known = this.targets.findIndex((other) => JSON.stringify(other) === key);
    return known >= 0 ? known : this.targets.push(target) - 1;
  }

  private settingsOf(option: OptionName): readonly Setting[] {
    return this.settings.filter(({ key, role }) => role === 'plain' && findOption(key)?.name === option);
  }
}

function readLogger(spec: string, values: OptionValues, context: LoggersContext): Logger {
  const [, name, kind = '', argument = ''] = SPEC.exec(spec.trim()) ?? [];
  const read = READERS[kind];
  if (read === undefined) {
    const why = REFUSED.has(kind) ? `there is no ${kind} logger here` : `"${spec}" names no kind of logger`;
    throw new Error(`${why}: one of ${Object.keys(READERS).join(', ')} is wanted`);
  }
  return { name, target: read(argument, values, context) };
}

/** uWSGI has them. */
const REFUSED: ReadonlySet<string> = new Set([
  'redislog',
  'mongodblog',
  'zeromq',
  'crypto',
  'graylog2',
  'systemd',
  'pipe',
  'zmq',
]);

type Reader = (argument: string, values: OptionValues, context: LoggersContext) => LogTarget;

const READERS: Readonly<Record<string, Reader>> = {
  file: (argument, _values, { folder }) => {
    const isList = /^(logfile|maxsize|backupname)=/.test(argument);
    const list = new Map(isList ? argument.split(',').map(keyAndValue) : [['logfile', argument]]);
    const file = list.get('logfile') ?? '';
    if (file === '') throw new Error('file:PATH is wanted');
    const maxsize = list.get('maxsize');
    if (maxsize !== undefined && !/^\d+$/.test(maxsize))
      throw new Error(`maxsize is a number of bytes, got "${maxsize}"`);
    const backupName = list.get('backupname');
    return {
      kind: 'stream',
      file: within(folder, file),
      ...(maxsize === undefined ? {} : { maxBytes: Number(maxsize) }),
      ...(backupName === undefined ? {} : { backupName: within(folder, backupName) }),
    };
  },
  // uWSGI's is descriptor 1, which logto and daemonize make the log file.
  stdio: (_argument, _values, { file }) =>
    file === undefined ? { kind: 'stream', file, stream: 1 } : { kind: 'stream', file },
  fd: (argument) => {
    if (argument !== '1' && argument !== '2')
      throw new Error('fd:1 (standard output) or fd:2 (standard error) is wanted');
    return { kind: 'stream', file: undefined, stream: argument === '1' ? 1 : 2 };
  },
  socket: (argument, _values, { folder }) => {
    const [where, ...prefix] = argument.split(',');
    const to = address(where ?? '', undefined, 'socket:PATH or socket:HOST:PORT');
    return datagrams('path' in to ? { path: within(folder, to.path) } : to, prefix.join(','));
  },
  syslog: (argument) => {
    const [name = '', facility = 'daemon'] = argument.split(',');
    const code = FACILITIES[facility];
    if (code === undefined) throw new Error(`there is no facility "${facility}"`);
    return datagrams(
      { path: SYSLOG_SOCKET },
      { priority: code * 8 + LOG_INFO, name: name === '' ? SYSLOG_NAME : name },
    );
  },
  rsyslog: (argument, values, { hostname }) => {
    const [where = '', name = `${hostname} ${SYSLOG_NAME}`, priority = String(RSYSLOG_PRIORITY)] = argument.split(',');
    if (!/^\d{1,3}$/.test(priority) || Number(priority) > 191) {
      throw new Error(`a syslog priority from 0 to 191 is wanted, got "${priority}"`);
    }
    const to = address(where, SYSLOG_PORT, 'rsyslog:HOST[:PORT] or rsyslog:PATH');
    const bytesMax = values.get('rsyslog-packet-size');
    const target = datagrams(to, { priority: Number(priority), name });
    return { ...target, bytesMax, splits: values.get('rsyslog-split-messages') };
  },
};

function datagrams(to: DatagramTarget['to'], prefix: DatagramTarget['prefix']): DatagramTarget {
  return { kind: 'datagram', to, prefix, bytesMax: 0, splits: false };
}

function address(text: string, defaultPort: number | undefined, wanted: string): DatagramTarget['to'] {
  if (text.startsWith('/') || (text !== '' && defaultPort === undefined && !text.includes(':'))) {
    return { path: text };
  }
  const [, v6, name, digits] = /^(?:\[([^\]]+)\]|([^:\s]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = v6 ?? name;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (host === undefined || port === undefined || port < 1 || port > 65_535)
    throw new Error(`${wanted} is wanted, got "${text}"`);
  return { host, port };
}

/** As the system has it: after a link in `folder`, `..` leads to where the link's target is, and `resolve` would not. */
function within(folder: string, path: string): string {
  return isAbsolute(path) ? path : `${folder}/${path}`;
}

function keyAndValue(text: string): [string, string] {
  const equals = text.indexOf('=');
  return [text.slice(0, Math.max(equals, 0)).trim(), text.slice(equals + 1)];
}
