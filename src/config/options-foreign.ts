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
  { names: 'thunder-lock lock-engine ftok locks reuse-port', why: 'workers do not compete for connections' },
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
  {
    names:
      'http-websockets websockets-max-size websocket-max-size websockets-ping-freq websocket-ping-freq websockets-pong-tolerance websocket-pong-tolerance',
    why: 'WebSockets are passed on in any case, and their limits are the application’s',
  },
  { names: 'wsgi-manage-chunked-input', why: 'chunked requests reach the application as bodies of known length' },
  {
    names:
      'wsgi-disable-file-wrapper wsgi-accept-buffer wsgi-accept-buffers wsgi-env-behavior wsgi-env-behaviour wsgi-strict wsgi-lite start_response-nodelay',
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
  {
    names:
      'pcre-jit max-apps ksm reaper clock check-interval mem-collector-freq body-read-warning signal-bufsize signals-bufsize persistent-ipcsem forkbomb-delay backtrace-depth use-abort propagate-touch skip-zero skip-atexit skip-atexit-teardown shutdown-sockets refork refork-as-root refork-post-jail re-fork re-fork-as-root re-fork-post-jail master-as-root',
    why: 'there is nothing like it in a Node process',
  },
  { names: 'max-vars', why: 'a request may always have 1024 variables' },
  { names: 'max-fd', why: 'the limit of the shell or of the service manager holds' },
  {
    names: 'log-master threaded-logger log-master-bufsize log-master-stream log-master-req-stream',
    why: 'no process has to write the log for others',
  },
  {
    names: 'disable-write-exception write-errors-tolerance write-errors-exception-only',
    why: 'a client that goes away ends its request quietly',
  },
  { names: 'honour-stdin close-on-exec close-on-exec2 safe-fd fd-safe', why: 'nothing is executed' },
  { names: 'buffer-size32 response-headers-limit', why: 'the limits are fixed' },
  { names: 'vhost no-default-app vhost-host', why: 'one application serves all hosts' },
  {
    names:
      'cheap cheaper-algo cheaper-overload cheaper-busyness-multiplier cheaper-busyness-min cheaper-busyness-max cheaper-busyness-backlog-alert cheaper-busyness-backlog-multiplier cheaper-busyness-backlog-nonzero cheaper-busyness-backlog-step cheaper-busyness-penalty cheaper-busyness-verbose',
    why: 'there is one way to grow and shrink',
  },
  {
    names: 'optimize no-site py-executable py-sys-executable py-programname py-program-name',
    why: 'the interpreter is started as it is',
  },
  {
    names:
      'http-cheap http-quiet http-events http-gracetime http-ss http-uid http-gid http-connect-timeout http-headers-timeout',
    why: 'there is no HTTP router process of its own',
  },
  { names: 'harakiri-no-arh no-harakiri-arh no-harakiri-after-req-hook', why: 'there is no after-request hook' },
  { names: 'socket-sndbuf socket-rcvbuf', why: 'the kernel sizes the buffers of sockets' },
  {
    names: 'tcp-fast-open tcp-fastopen tcp-fast-open-client tcp-fastopen-client',
    why: 'it is of use only in the server in front',
  },
  { names: 'max-worker-lifetime-delta', why: 'max-worker-lifetime alone counts' },
  { names: 'drop-after-apps drop-after-init', why: 'privileges are dropped once the sockets are bound' },
  {
    names: 'chunked-input-limit chunked-input-timeout',
    why: 'limit-post and the timeouts hold for chunked bodies, too',
  },
  { names: 'allowed-modifiers', why: 'modifiers other than 0 and 100 are never served' },
  {
    names:
      'enable-metrics metrics-no-cores metrics-dir metrics-dir-restore metric-dir metric-dir-restore stats-no-cores stats-no-metrics',
    why: 'the stats socket tells all that is counted',
  },
  { names: 'log-sendfile notfound-log', why: 'requests are not told apart by how they are answered' },
  { names: 'log-reopen', why: 'touch-logreopen opens the log again' },
  { names: 'print print-sym print-symbol iprint', why: '--show-config shows what a value is' },
  {
    names: 'file-serve-mode fileserve-mode static-cache-paths static-cache-paths-name',
    why: 'files are sent in the one way there is',
  },
  { names: 'honour-range', why: 'ranges of static files are always honoured' },
];

/** Leaving them out would change what the operator gets. */
const REFUSED: readonly Family[] = [
  {
    names:
      'xml xmlconfig yaml yml json js zeus config-py fallback-config emperor emperor-tyrant emperor-stats vassals-include vassals-inherit vassal-set vassals-set vassals-include-before vassals-inherit-before vassals-start-hook vassals-stop-hook',
    why: 'run one server per INI file, each started by systemd or a container',
  },
  {
    names:
      'emperor-on-demand-directory emperor-on-demand-extension zerg zerg-server heartbeat zerg-pool zergpool notify-socket die-on-idle exit-on-reload',
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
      'final-route final-route-status final-route-host final-route-uri ' +
      'final-route-qs final-route-if final-route-if-not final-route-run final-route-label ' +
      'final-route-remote-addr final-route-remote-user final-route-user-agent final-route-referer ' +
      'error-route error-route-status error-route-host error-route-uri error-route-qs error-route-if ' +
      'error-route-if-not error-route-run error-route-label error-route-remote-addr ' +
      'error-route-remote-user error-route-user-agent error-route-referer response-route ' +
      'response-route-status response-route-host response-route-uri response-route-qs response-route-if ' +
      'response-route-if-not response-route-run response-route-label response-route-remote-addr ' +
      'response-route-remote-user response-route-user-agent response-route-referer',
    why: 'only what is asked before a request is routed here (route, route-if…): use add-header, or the application',
  },
  { names: 'error-page-403 error-page-404 error-page-500', why: 'use error_page in nginx' },
  {
    names: 'cache cache2 cache-store queue queue-blocksize sharedarea rpc-max add-cache-item',
    why: 'keep shared data in Redis or memcached',
  },
  {
    names:
      'fastrouter fastrouter-subscription-server subscribe-to subscribe subscribe2 st subscribe-freq subscribe-with-modifier1 http-subscription-server http-to ' +
      'http-modifier1 legion legion-node legion-lord rawrouter sslrouter forkptyrouter',
    why: 'balance with nginx or HAProxy',
  },
  {
    names:
      'https2 sni sni-dir sni-regexp https-socket ssl-option ssl-enable3 ssl-enable-sslv3 ssl-enable-tlsv1 ssl-verbose ssl-verify-depth ssl-tmp-dir https-session-context https-export-cert',
    why: 'use https, or let nginx speak TLS',
  },
  {
    names:
      'hook-asap hook-pre-jail hook-post-jail hook-in-jail hook-as-root hook-as-user hook-as-user-atexit ' +
      'hook-pre-app hook-post-app hook-post-fork hook-accepting hook-accepting1 hook-accepting-once ' +
      'hook-accepting1-once hook-master-start hook-touch exec-asap exec-pre-jail exec-post-jail ' +
      'exec-in-jail exec-as-root exec-as-user exec-as-user-atexit exec-pre-app exec-post-app call-asap ' +
      'call-pre-jail call-post-jail call-in-jail call-as-root call-as-user call-as-user-atexit ' +
      'call-pre-app call-post-app touch-exec touch-signal fs-signal after-request-hook after-request-call ' +
      'mount-asap mount-pre-jail mount-post-jail mount-in-jail mount-as-root umount-asap umount-pre-jail ' +
      'umount-post-jail umount-in-jail umount-as-root',
    why: 'run it from the service manager (ExecStartPre and its siblings)',
  },
  {
    names:
      'chroot pivot-root cgroup pivot_root cgroup-dir-mode ns namespace-net unshare2 vassal-cap cgroup-opt namespace unshare cap jail setns prio limit-as limit-nproc never-swap',
    why: 'let systemd or the container confine the process',
  },
  { names: 'immediate-uid immediate-gid add-gid no-initgroups', why: 'use uid and gid' },
  {
    names: 'gevent gevent-monkey-patch ugreen greenlet loop tornado asyncio fiber',
    why: 'set async = N: fetch and Node handlers need nothing else',
  },
  {
    names:
      'import pyimport shared-import shared-pyimport spooler-import eval py-import python-import shared-py-import shared-python-import spooler-pyimport pyrun pyshell pyshell-oneshot py-sharedarea pymodule-alias post-pymodule-alias',
    why: 'import it in the application',
  },
  { names: 'paste ini-paste ini-paste-logged pecan web3 pump', why: 'use module or wsgi-file' },
  {
    names: 'php-docroot php-allowed-ext psgi rack rails cgi mono-app jvm-main lua',
    why: 'only JavaScript, TypeScript and Python applications are run',
  },
  {
    names:
      'http-socket-modifier1 protocol-modifier1 socket-modifier1 http-socket-modifier2 http-modifier2 remap-modifier',
    why: 'a socket always serves the application',
  },
  {
    names:
      'shared-socket zeromq raw-socket scgi-socket fastcgi-socket undeferred-shared-socket ssl-socket suwsgi-socket puwsgi-socket scgi-nph-socket fastcgi-nph-socket map-socket udp',
    why: 'use socket or http',
  },
  { names: 'protocol socket-protocol', why: 'name the protocol with the socket: socket for uwsgi, http for HTTP' },
  {
    names: 'log-encoder log-req-encoder',
    why: 'log-format = json or a JSON object of your own makes the lines of requests JSON',
  },
  {
    names:
      'snmp snmp-community carbon statsd stats-push alarm alarm-backlog log-alarm alarm-log alarm-listen-queue alarm-lq alarm-fd alarm-segfault alarm-metric metric metric-threshold metric-alarm http-stats http-stats-server',
    why: 'read the stats socket',
  },
  {
    names: 'if-reload if-not-reload if-plugin if-not-plugin ifplugin resolve if-hostname-match if-not-hostname-match',
    why: 'use if-env, if-opt or if-hostname',
  },
  { names: 'envdir early-envdir unenv', why: 'use env, or set the environment of the service' },
  {
    names: 'http-auto-gzip route-gzip',
    why: 'let nginx compress, or compress files beforehand and use static-gzip-all',
  },
  {
    names:
      'reload-on-exception reload-on-exception-type reload-on-exception-value reload-on-exception-repr exception-handler',
    why: 'handle it in the application',
  },
  { names: 'abstract-socket', why: 'write socket = @name' },
  { names: 'freebind', why: 'set net.ipv4.ip_nonlocal_bind' },
  { names: 'safe-pidfile2', why: 'use safe-pidfile' },
  { names: 'so-send-timeout so-write-timeout socket-send-timeout socket-write-timeout', why: 'use socket-timeout' },
  {
    names:
      'del-header rem-header collect-header response-header-collect pull-header upload-progress ignore-script-name',
    why: 'do it in nginx or in the application',
  },
  { names: 'http-var http-server-name-as-http-host', why: 'set the variable in nginx or with env' },
  { names: 'http-fallback http-use-pattern http-use-base http-use-code-string http-use-socket', why: 'route in nginx' },
  { names: 'check-static-docroot', why: 'name the directory with check-static' },
  { names: 'worker-mount', why: 'use mount' },
  { names: 'force-cwd', why: 'use chdir' },
  { names: 'touch-workers-reload touch-mules-reload touch-spoolers-reload', why: 'use touch-chain-reload' },
  { names: 'fs-reload fs-brutal-reload reload-on-fd brutal-reload-on-fd', why: 'use touch-reload' },
  { names: 'touch-logrotate log-truncate', why: 'use touch-logreopen with logrotate, or log-maxsize' },
  { names: 'logfile-chown logfile-chmod', why: 'use umask, or make the file before the start' },
  { names: 'cheaper-rss-limit-soft cheaper-rss-limit-hard', why: 'use reload-on-rss' },
  {
    names:
      'wait-for-interface wait-for-iface wait-interface wait-iface wait-for-fs wait-for-file wait-for-dir ' +
      'wait-for-mountpoint wait-for-socket mount-check check-mount mountpoint-check check-mountpoint',
    why: 'let the service manager order the start',
  },
  { names: 'flock flock-wait flock2 flock-wait2', why: 'use flock(1)' },
  { names: 'profiler', why: 'use node --prof or --inspect' },
  { names: 'py-auto-reload-ignore', why: 'py-autoreload looks at every module' },
  { names: 'pyargv', why: 'use env' },
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
