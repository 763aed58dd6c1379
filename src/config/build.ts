// Makes the Configuration out of settings: fills in placeholders, reads the options, turns units into what code uses.
import { errorMessage } from '../base/errors.js';
import { INLINE_BODY_BYTES_MAX } from '../base/limits.js';
import { TrustedAddresses } from '../base/trusted-addresses.js';
import type { SocketAddress } from './address.js';
import type {
  ApplicationConfiguration,
  Configuration,
  LifecycleConfiguration,
  ProcessConfiguration,
  RawOption,
  RequestConfiguration,
  SocketConfiguration,
  StaticConfiguration,
  StatsConfiguration,
  WorkerConfiguration,
} from './configuration.js';
import { expandSettings } from './expand.js';
import type { LoadContext, SettingsLoader } from './loader.js';
import { loggingOf } from './logging.js';
import { findOption } from './options.js';
import { type OptionValues, resolveValues } from './resolve.js';
import { parseHeader } from './route-actions.js';
import { toBytes } from './route-template.js';
import { readRoutes } from './routes.js';
import { COMMAND_LINE, type Report, type Setting } from './setting.js';
import { checkStaticRules } from './static-rules.js';

const MS = 1000;
const MEGABYTE = 1_048_576;

/** The configuration of everything that was loaded. Throws a FastwsgiError that lists every problem. */
export function buildConfiguration(loader: SettingsLoader, context: LoadContext): Configuration {
  const { report, cwd } = context;
  loader.finish();
  const used = new Set([...loader.used, ...keysOfNested(loader.settings)]);
  const settings = expandSettings(loader.settings, { ...context, used });
  const values = resolveValues(settings, used, report);
  const sockets = socketsOf(values, settings, report);
  const configuration: Configuration = {
    ...applicationOf(values, settings, report),
    ...sockets,
    ...workersOf(values),
    ...requestsOf(values, settings, report),
    ...lifecycleOf(values),
    ...processOf(values),
    ...loggingOf(values, settings, report, sockets.trustedProxies, cwd),
    ...staticOf(values, settings, report),
    ...statsOf(values, settings, report),
    cwd,
    options: rawOptions(settings),
    settings,
    notices: report.notices,
  };
  report.throwIfFailed();
  return Object.freeze(configuration);
}

/** Of `%(port_%(stage))` one key is asked for; the others that begin with `port_` wait for their turn. */
function keysOfNested(settings: readonly Setting[]): readonly string[] {
  const beginnings = settings.flatMap(({ value }) =>
    [...value.matchAll(/%\(([^()%\s]+)%\(/g)].map(([, beginning = '']) => beginning),
  );
  return settings.map(({ key }) => key).filter((key) => beginnings.some((beginning) => key.startsWith(beginning)));
}

function applicationOf(values: OptionValues, settings: readonly Setting[], report: Report): ApplicationConfiguration {
  const [, moduleName, callable] = /^(.*?)(?::(.*))?$/s.exec(values.get('module') ?? '') ?? [];
  const moduleSetting = lastOf(settings, ['module', 'wsgi']);
  if (moduleSetting !== undefined && moduleSetting.value !== '' && (moduleName === '' || callable === '')) {
    report.badOption(
      moduleSetting.place,
      moduleSetting.key,
      `PKG.MOD:CALLABLE is wanted, got "${moduleSetting.value}"`,
    );
  }
  const beside = (option: 'wsgi-file' | 'callable', isIgnored: boolean) => {
    const setting = isIgnored ? lastOf(settings, [option, ...(findOption(option)?.aliases ?? [])]) : undefined;
    if (setting === undefined) return;
    report.warn(setting.place, `Option "${setting.key}"`, ` is not used: module = ${values.get('module')} says it`);
  };
  checkMounts(values, settings, report);
  beside('wsgi-file', moduleSetting !== undefined);
  beside('callable', callable !== undefined && values.get('mount').length === 0);
  return {
    moduleName: moduleName === '' ? undefined : moduleName,
    wsgiFile: values.get('wsgi-file'),
    callable: callable ?? values.get('callable'),
    appKind: values.get('app-kind'),
    needApp: values.get('need-app'),
    chdir: values.get('chdir'),
    chdir2: values.get('chdir2'),
    env: Object.fromEntries(values.get('env').map(({ name, value }) => [name, value])),
    mounts: values.get('mount'),
    mountCallable: values.get('callable'),
    manageScriptName: values.get('manage-script-name'),
    home: values.get('home'),
    pythonPath: values.get('pythonpath'),
  };
}

function checkMounts(values: OptionValues, settings: readonly Setting[], report: Report): void {
  const seen = new Set<string>();
  const mounts = settings.filter((setting) => setting.key === 'mount');
  if (mounts[0] !== undefined && !values.get('manage-script-name') && values.get('http').length > 0) {
    const hint = ' is not found by HTTP: no client sends SCRIPT_NAME, so set manage-script-name';
    report.warn(mounts[0].place, `Option "${mounts[0].key}"`, hint);
  }
  for (const { key, value, place } of mounts) {
    const [, prefix] = /^(\/[^=]*?)\/*=\s*[^\s:]/.exec(value) ?? [];
    if (prefix === undefined) report.badOption(place, key, `/PREFIX=APP is wanted, got "${value}"`);
    else if (seen.has(prefix.trim()))
      report.warn(place, `Option "${key}"`, ` is not used: ${prefix} is mounted already`);
    else seen.add(prefix.trim());
  }
}

function socketsOf(values: OptionValues, settings: readonly Setting[], report: Report): SocketConfiguration {
  return {
    sockets: values.get('socket'),
    httpSockets: values.get('http'),
    httpsSockets: values.get('https'),
    redirectSockets: values.get('http-to-https'),
    listenBacklog: values.get('listen'),
    chmodSocket: values.get('chmod-socket'),
    chownSocket: values.get('chown-socket'),
    umask: values.get('umask'),
    socketTimeoutMs: values.get('socket-timeout') * MS,
    httpTimeoutMs: values.get('http-timeout') * MS,
    httpKeepaliveMs: values.get('http-keepalive') * MS,
    soKeepalive: values.get('so-keepalive'),
    proxyProtocol: values.get('http-enable-proxy-protocol'),
    trustedProxies: trustedProxies(values, settings, report),
    httpQueue: values.get('http-queue'),
    httpEngine: values.get('http-engine'),
    uwsgiEngine: values.get('uwsgi-engine'),
  };
}

/** One list, from lines that may each hold several entries. */
function trustedProxies(values: OptionValues, settings: readonly Setting[], report: Report): readonly string[] {
  const option = 'forwarded-allow-ips';
  const entries = values.get(option).flatMap((line) => line.split(/[\s,]+/).filter((entry) => entry !== ''));
  try {
    new TrustedAddresses(entries);
  } catch (error) {
    report.badOption(lastOf(settings, [option])?.place ?? COMMAND_LINE, option, errorMessage(error));
  }
  return entries;
}

function workersOf(values: OptionValues): WorkerConfiguration {
  return {
    processes: values.get('processes'),
    concurrency: values.get('threads'),
    cheaper: values.get('cheaper'),
    cheaperInitial: values.get('cheaper-initial'),
    cheaperStep: values.get('cheaper-step'),
    idleMs: values.get('idle') * MS,
  };
}

function requestsOf(values: OptionValues, settings: readonly Setting[], report: Report): RequestConfiguration {
  const postBuffering = values.get('post-buffering');
  const setting = lastOf(settings, ['post-buffering']);
  if (postBuffering === 0 && setting !== undefined) {
    report.inform(setting.place, `Option "post-buffering"`, ` cannot be off here: it is ${INLINE_BODY_BYTES_MAX}`);
  }
  const catching = lastOf(settings, ['catch-exceptions']);
  if (values.get('catch-exceptions') && catching !== undefined) {
    const warning = ' shows code and variables to whoever makes a request fail: never use it in production';
    report.warn(catching.place, `Option "${catching.key}"`, warning);
  }
  return {
    varsBytesMax: values.get('buffer-size'),
    postBufferingBytes: postBuffering === 0 ? INLINE_BODY_BYTES_MAX : postBuffering,
    limitPostBytes: values.get('limit-post'),
    harakiriMs: values.get('harakiri') * MS,
    harakiriVerbose: values.get('harakiri-verbose'),
    httpHarakiriMs: values.get('http-harakiri') * MS,
    catchExceptions: values.get('catch-exceptions'),
    addHeaders: headersOf(settings, report),
    routes: readRoutes(settings, report),
  };
}

function headersOf(settings: readonly Setting[], report: Report): readonly (readonly [string, string])[] {
  return settings.flatMap(({ key, value, place, role }) => {
    if (key !== 'add-header' || role !== 'plain' || value === '') return [];
    try {
      const header = parseHeader(value);
      return [[header.name, toBytes(header.value)] as const];
    } catch (error) {
      report.badOption(place, key, errorMessage(error));
      return [];
    }
  });
}

function lifecycleOf(values: OptionValues): LifecycleConfiguration {
  return {
    maxRequests: values.get('max-requests'),
    maxRequestsDelta: values.get('max-requests-delta'),
    minWorkerLifetimeMs: values.get('min-worker-lifetime') * MS,
    maxWorkerLifetimeMs: values.get('max-worker-lifetime') * MS,
    reloadOnAsBytes: values.get('reload-on-as') * MEGABYTE,
    reloadOnRssBytes: values.get('reload-on-rss') * MEGABYTE,
    evilReloadOnAsBytes: values.get('evil-reload-on-as') * MEGABYTE,
    evilReloadOnRssBytes: values.get('evil-reload-on-rss') * MEGABYTE,
    reloadMercyMs: values.get('reload-mercy') * MS,
    workerReloadMercyMs: values.get('worker-reload-mercy') * MS,
    touchReload: values.get('touch-reload'),
    touchChainReload: values.get('touch-chain-reload'),
    reloadOnChangeMs: values.get('reload-on-change') * MS,
    autoreloadMs: values.get('py-autoreload') * MS,
  };
}

function processOf(values: OptionValues): ProcessConfiguration {
  return {
    master: values.get('master'),
    masterFifo: values.get('master-fifo'),
    uid: values.get('uid'),
    gid: values.get('gid'),
    pidfile: values.get('pidfile'),
    pidfile2: values.get('pidfile2'),
    safePidfile: values.get('safe-pidfile'),
    daemonize: values.get('daemonize'),
    daemonize2: values.get('daemonize2'),
    vacuum: values.get('vacuum'),
    procname: values.get('procname'),
  };
}

function staticOf(values: OptionValues, settings: readonly Setting[], report: Report): StaticConfiguration {
  checkStaticRules(settings, report);
  return {
    staticMaps: values.get('static-map'),
    staticMaps2: values.get('static-map2'),
    checkStatic: values.get('check-static'),
    staticIndex: values.get('static-index'),
    staticSafe: values.get('static-safe'),
    staticFallbacks: values.get('static-fallback'),
    staticSkipExtensions: values.get('static-skip-ext'),
    staticGzip: values.get('static-gzip'),
    staticGzipAll: values.get('static-gzip-all'),
    staticGzipDirs: values.get('static-gzip-dir'),
    staticGzipExtensions: values.get('static-gzip-ext'),
    mimeFiles: values.get('mimefile'),
    staticExpires: values.get('static-expires'),
    staticExpiresMtime: values.get('static-expires-mtime'),
    staticExpiresType: values.get('static-expires-type'),
    staticExpiresTypeMtime: values.get('static-expires-type-mtime'),
    staticExpiresUri: values.get('static-expires-uri'),
    staticExpiresUriMtime: values.get('static-expires-uri-mtime'),
    staticExpiresPathInfo: values.get('static-expires-path-info'),
    staticExpiresPathInfoMtime: values.get('static-expires-path-info-mtime'),
  };
}

function statsOf(values: OptionValues, settings: readonly Setting[], report: Report): StatsConfiguration {
  return {
    stats: ownAddress(values.get('stats'), 'stats', settings, report),
    statsHttp: values.get('stats-http'),
    statsMinified: values.get('stats-minified'),
    metrics: ownAddress(values.get('metrics'), 'metrics', settings, report),
  };
}

/** What tells of the inside is this machine's alone, unless an address says otherwise: a port without one is on the loopback. */
function ownAddress(
  address: SocketAddress | undefined,
  option: 'stats' | 'metrics',
  settings: readonly Setting[],
  report: Report,
): SocketAddress | undefined {
  const setting = lastOf(settings, [option, ...(findOption(option)?.aliases ?? [])]);
  if (address?.kind !== 'tcp' || setting === undefined || !/^:?\d+$/.test(setting.value)) return address;
  const other = ` is bound to 127.0.0.1 only: write 0.0.0.0:${address.port} for every interface`;
  report.inform(setting.place, `Option "${option}"`, other);
  return { ...address, host: '127.0.0.1' };
}

function rawOptions(settings: readonly Setting[]): ReadonlyMap<string, RawOption> {
  const lists = new Map<string, (string | true)[]>();
  for (const setting of settings) {
    const value = setting.bare ? true : setting.value;
    const list = lists.get(setting.key);
    if (list === undefined) lists.set(setting.key, [value]);
    else list.push(value);
  }
  return new Map([...lists].map(([key, list]) => [key, list.length === 1 && list[0] !== undefined ? list[0] : list]));
}

function lastOf(settings: readonly Setting[], keys: readonly string[]): Setting | undefined {
  return settings.findLast((setting) => keys.includes(setting.key) && setting.role !== 'control');
}
