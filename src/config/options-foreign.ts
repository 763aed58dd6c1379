// uWSGI options that steer what does not exist here. Each is accepted with the reason why it has no meaning, or refused
// with what to do instead; none is taken for a placeholder.
import type { OptionRow } from './option-row.js';

interface Family {
  /** Names, separated by white space. */
  readonly names: string;
  readonly why: string;
}

/** Without effect on what the application or its clients see. */
const ACCEPTED: readonly Family[] = [
  {
    names: 'plugin plugins need-plugin need-plugins plugins-dir plugin-dir autoload',
    why: 'there are no plugins here',
  },
  { names: 'die-on-term', why: 'SIGTERM always stops gracefully' },
  { names: 'no-orphans', why: 'threads never outlive their process' },
  { names: 'enable-threads no-threads-wait', why: 'workers are threads and application threads always run' },
  { names: 'single-interpreter', why: 'each worker has one interpreter' },
  { names: 'thunder-lock lock-engine ftok locks', why: 'workers do not compete for connections' },
  { names: 'lazy-apps lazy', why: 'each worker always loads the application for itself' },
  {
    names: 'auto-procname procname-prefix procname-prefix-spaced procname-append procname-master',
    why: 'workers are threads and have no process name of their own',
  },
  { names: 'thread-stacksize thread-stack-size threads-stacksize threads-stack-size', why: 'Node sets the stack size' },
  { names: 'post-buffering-bufsize', why: 'bodies are read straight to where they stay' },
  {
    names:
      'http-processes http-workers http-raw-body http-auto-chunked http-chunked-input http-manage-expect http-buffer-size',
    why: 'HTTP is served in the process, always with chunked bodies and 100-continue',
  },
  { names: 'http-websockets websockets-max-size websocket-max-size', why: 'websockets are not passed on' },
  { names: 'master-fifo', why: 'signals and the command line do its work' },
  { names: 'wsgi-manage-chunked-input', why: 'chunked requests reach the application as bodies of known length' },
  {
    names:
      'wsgi-disable-file-wrapper wsgi-accept-buffer wsgi-accept-buffers wsgi-env-behavior wsgi-env-behaviour wsgi-strict',
    why: 'the adapter always does the right thing',
  },
  {
    names:
      'py-call-osafterfork py-call-uwsgi-fork-hooks py-tracebacker py-master-check-signals early-python reload-os-env',
    why: 'no interpreter is forked',
  },
  { names: 'offload-threads offload-thread', why: 'files are never sent by a worker' },
  {
    names: 'tcp-nodelay no-defer-accept',
    why: 'connections have TCP_NODELAY where it helps, and accepting is deferred',
  },
  { names: 'cpu-affinity', why: 'the kernel places threads' },
  { names: 'pcre-jit max-apps ksm reaper', why: 'there is nothing like it in a Node process' },
  { names: 'max-vars', why: 'a request may always have 1024 variables' },
  { names: 'max-fd', why: 'the limit of the shell or of the service manager holds' },
  { names: 'log-master threaded-logger log-master-bufsize', why: 'the main thread always writes the log' },
  { names: 'logformat-strftime log-format-strftime log-micros log-zero log-big', why: 'log-format says all of it' },
  {
    names: 'disable-write-exception write-errors-tolerance write-errors-exception-only',
    why: 'a client that goes away ends its request quietly',
  },
  { names: 'honour-stdin close-on-exec close-on-exec2 safe-fd fd-safe', why: 'nothing is executed' },
  { names: 'buffer-size32 response-headers-limit', why: 'the limits are fixed' },
  { names: 'vhost no-default-app', why: 'one application serves all hosts' },
  {
    names: 'cheap cheaper-algo cheaper-overload cheaper-busyness-multiplier cheaper-busyness-min cheaper-busyness-max',
    why: 'there is one way to grow and shrink',
  },
  {
    names: 'optimize no-site py-executable py-sys-executable py-programname py-program-name',
    why: 'the interpreter is started as it is',
  },
];

/** Leaving them out would change what the operator gets. */
const REFUSED: readonly Family[] = [
  {
    names:
      'xml yaml yml json js zeus emperor emperor-tyrant emperor-stats vassals-include vassals-inherit vassal-set vassals-set',
    why: 'run one server per INI file, each started by systemd or a container',
  },
  {
    names: 'emperor-on-demand-directory emperor-on-demand-extension zerg zerg-server heartbeat',
    why: 'start servers with systemd',
  },
  {
    names:
      'spooler spooler-processes spooler-external spooler-chdir spooler-harakiri spooler-frequency spooler-max-tasks',
    why: 'run a queue such as BullMQ or Celery beside the server',
  },
  { names: 'mule mules farm', why: 'start a worker_threads thread or another process from the application' },
  { names: 'cron cron2 unique-cron legion-cron timer signal-timer rbtimer', why: 'use cron or a systemd timer' },
  {
    names:
      'attach-daemon attach-daemon2 attach-control-daemon smart-attach-daemon smart-attach-daemon2 worker-exec worker-exec2',
    why: 'start the daemon as a service of its own',
  },
  {
    names:
      'route route-host route-uri route-qs route-if route-if-not route-run route-label route-remote-addr final-route ' +
      'route-user-agent route-referer response-route error-route',
    why: 'write the rule in nginx or in the application',
  },
  { names: 'error-page-403 error-page-404 error-page-500', why: 'use error_page in nginx' },
  {
    names: 'cache cache2 cache-store queue queue-blocksize sharedarea rpc-max add-cache-item',
    why: 'keep shared data in Redis or memcached',
  },
  {
    names:
      'fastrouter fastrouter-subscription-server subscribe-to subscribe subscribe2 http-subscription-server http-to ' +
      'http-modifier1 legion legion-node legion-lord rawrouter sslrouter forkptyrouter',
    why: 'balance with nginx or HAProxy',
  },
  { names: 'http-to-https', why: 'redirect in nginx or in the application' },
  { names: 'https2 sni sni-dir', why: 'use https, or let nginx speak TLS' },
  {
    names:
      'hook-asap hook-pre-jail hook-post-jail hook-as-root hook-as-user hook-pre-app hook-post-app hook-accepting1 ' +
      'hook-master-start exec-asap exec-pre-jail exec-as-root exec-as-user exec-pre-app exec-post-app exec-as-user-atexit ' +
      'call-asap call-as-root call-as-user touch-exec after-request-hook',
    why: 'run it from the service manager (ExecStartPre and its siblings)',
  },
  {
    names: 'chroot pivot-root cgroup cgroup-opt namespace unshare cap jail setns prio limit-as limit-nproc never-swap',
    why: 'let systemd or the container confine the process',
  },
  { names: 'immediate-uid immediate-gid add-gid no-initgroups', why: 'use uid and gid' },
  {
    names: 'gevent gevent-monkey-patch ugreen greenlet loop tornado asyncio fiber',
    why: 'set async = N: fetch and Node handlers need nothing else',
  },
  { names: 'import pyimport shared-import shared-pyimport spooler-import eval', why: 'import it in the application' },
  { names: 'paste ini-paste ini-paste-logged pecan web3 pump', why: 'use module or wsgi-file' },
  {
    names: 'php-docroot php-allowed-ext psgi rack rails cgi mono-app jvm-main lua',
    why: 'only JavaScript, TypeScript and Python applications are run',
  },
  { names: 'http-socket-modifier1 protocol-modifier1 socket-modifier1', why: 'a socket always serves the application' },
  {
    names:
      'shared-socket zeromq raw-socket scgi-socket fastcgi-socket undeferred-shared-socket ssl-socket suwsgi-socket',
    why: 'use socket or http',
  },
  { names: 'protocol socket-protocol', why: 'name the protocol with the socket: socket for uwsgi, http for HTTP' },
  {
    names: 'log-route log-req-route log-filter log-drain log-encoder log-req-encoder log-syslog log-socket rsyslog',
    why: 'send logger or stderr to the service manager and filter there',
  },
  { names: 'snmp snmp-community carbon statsd stats-push alarm alarm-backlog log-alarm', why: 'read the stats socket' },
  {
    names: 'if-reload if-not-reload if-plugin if-not-plugin if-hostname-match if-not-hostname-match',
    why: 'use if-env, if-opt or if-hostname',
  },
  { names: 'envdir early-envdir unenv', why: 'use env, or set the environment of the service' },
  { names: 'static-gzip static-gzip-all static-gzip-dir route-gzip', why: 'let nginx compress' },
  { names: 'reload-on-exception reload-on-exception-type exception-handler', why: 'handle it in the application' },
];

/** The rows of these options: their values are not read. */
export const FOREIGN_OPTIONS: readonly OptionRow[] = [
  ...ACCEPTED.flatMap((family) => rows(family, 'accepted')),
  ...REFUSED.flatMap((family) => rows(family, 'refused')),
];

function rows(family: Family, status: 'accepted' | 'refused'): OptionRow[] {
  return family.names.split(/\s+/).map((name) => ({
    name,
    group: 'compatibility',
    kind: 'text',
    bare: '',
    repeat: true,
    keepsPlaceholders: true,
    status,
    note: family.why,
    help: status === 'accepted' ? `accepted without effect: ${family.why}` : `refused: ${family.why}`,
  }));
}
