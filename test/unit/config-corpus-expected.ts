// What each file of config-corpus/ means: everything that differs from the defaults, and what is said about it at start.
// The files are shapes that uwsgi.ini files in the wild have.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultTemplate, parseLogTemplate, type RequestLogSettings } from '../../dist/base/log-template.js';
import type { Configuration } from '../../dist/config/configuration.js';

export const CORPUS = fileURLToPath(new URL('../../test/unit/config-corpus', import.meta.url));

export interface ExpectedFile {
  readonly is: Partial<Configuration>;
  readonly warnings?: readonly string[];
  /** Options that are accepted without effect. */
  readonly withoutEffect?: readonly string[];
}

const EVERYTHING = { drains: [], filters: [], routes: [], targets: [0] } as const;

/** Everything is logged to the file, which is beside the corpus. */
export function loggingTo(name: string | undefined): Pick<Configuration, 'logPlan'> {
  const file = name === undefined ? undefined : resolve(CORPUS, name);
  const targets = [{ kind: 'stream', file }] as const;
  return { logPlan: { targets, lines: EVERYTHING, requests: EVERYTHING, fallback: 0, dateFormat: undefined } };
}

/** Which requests are logged: all, unless something else is said. */
function logs(what: Partial<RequestLogSettings>): RequestLogSettings {
  const named = { status4xx: false, status5xx: false, zero: false, ioError: false, slowMs: 0, bigBytes: 0 };
  return {
    template: defaultTemplate(false, false),
    dateFormat: undefined,
    forwardedBy: undefined,
    all: true,
    ...named,
    ...what,
  };
}

export const EXPECTED: Readonly<Record<string, ExpectedFile>> = {
  '00-everything-at-once.ini': {
    is: {
      moduleName: 'shop.wsgi',
      callable: 'application',
      chdir: '/home/shop/shop',
      home: '/home/shop/venv',
      sockets: [{ kind: 'tcp', host: '0.0.0.0', port: 9999 }],
      chmodSocket: 436,
      chownSocket: 'www-data:www-data',
      processes: 2,
      harakiriMs: 60000,
      harakiriVerbose: true,
      maxRequests: 5000,
      reloadOnAsBytes: 1073741824,
      reloadMercyMs: 10000,
      master: true,
      uid: 'www-data',
      gid: 'www-data',
      pidfile: '/tmp/shop.pid',
      daemonize: '/var/log/uwsgi/shop.log',
      vacuum: true,
      requestLog: logs({ template: defaultTemplate(true, false) }),
    },
    warnings: [
      '"socket:" at 00-everything-at-once.ini:15:8 is read as "socket = :9999"',
      'Option "buffer-size" at 00-everything-at-once.ini:25:13 is lowered from 65536 to 65535, the largest that is possible',
    ],
  },
  '01-minimal-http.ini': { is: { moduleName: 'app', httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 8000 }] } },
  '02-django-unix-socket.ini': {
    is: {
      moduleName: 'mysite.wsgi',
      chdir: '/srv/mysite',
      home: '/srv/venv',
      sockets: [{ kind: 'unix', path: '/srv/mysite/mysite.sock' }],
      chmodSocket: 436,
      processes: 10,
      master: true,
      vacuum: true,
    },
  },
  '03-flask-callable.ini': {
    is: {
      moduleName: 'wsgi',
      callable: 'app',
      sockets: [{ kind: 'unix', path: 'shop.sock' }],
      chmodSocket: 432,
      processes: 5,
      master: true,
      vacuum: true,
    },
    withoutEffect: ['die-on-term'],
  },
  '04-flask-wsgi-file.ini': {
    is: {
      wsgiFile: 'run.py',
      callable: 'app',
      mountCallable: 'app',
      httpSockets: [{ kind: 'tcp', host: '127.0.0.1', port: 5000 }],
      processes: 4,
      concurrency: 2,
      stats: { kind: 'tcp', host: '127.0.0.1', port: 9191 },
    },
  },
  '05-inline-comments.ini': {
    is: {
      chdir: '/srv/app',
      sockets: [{ kind: 'unix', path: '/tmp/app#1.sock' }],
      processes: 4,
      master: true,
      procname: 'shop;blue',
    },
  },
  '06-colon-lines.ini': {
    is: {
      moduleName: 'pkg.web',
      callable: 'app',
      sockets: [{ kind: 'tcp', host: '0.0.0.0', port: 9999 }],
      processes: 3,
    },
    warnings: [
      '"socket:" at 06-colon-lines.ini:2:8 is read as "socket = :9999"',
      '"processes:" at 06-colon-lines.ini:3:12 is read as "processes = 3"',
      '"module:" at 06-colon-lines.ini:4:9 is read as "module = pkg.web:app"',
    ],
  },
  '07-placeholders.ini': {
    is: {
      moduleName: 'blog.wsgi',
      callable: 'application',
      chdir: '/home/deploy/blog',
      home: '/home/deploy/env/blog',
      sockets: [{ kind: 'unix', path: '/home/deploy/blog/blog.sock' }],
      pidfile: '/run/blog.pid',
      logto: '/home/deploy/logs/blog.log',
    },
  },
  '08-magic-letters.ini': {
    is: {
      chdir: `${CORPUS}/`,
      env: { CONFIG: '08-magic-letters.ini', PERCENT: '100%' },
      sockets: [{ kind: 'unix', path: '/tmp/08-magic-letters.sock' }],
      procname: '08-magic-letters.ini',
      logto: `${CORPUS}/logs/08-magic-letters.log`,
    },
  },
  '09-repeated-lists.ini': {
    is: {
      env: { A: '3', B: 'two words' },
      pythonPath: ['/srv/a', '/srv/b'],
      sockets: [
        { kind: 'tcp', host: '0.0.0.0', port: 3031 },
        { kind: 'unix', path: '/tmp/a.sock' },
      ],
      httpSockets: [
        { kind: 'tcp', host: '0.0.0.0', port: 8080 },
        { kind: 'tcp', host: '0.0.0.0', port: 8081 },
        { kind: 'tcp', host: '::1', port: 8082 },
      ],
    },
  },
  '10-last-scalar-wins.ini': { is: { chdir: '/two', processes: 8 } },
  '11-flag-words.ini': {
    is: {
      harakiriVerbose: true,
      requestLog: logs({ template: defaultTemplate(true, false), all: false, status4xx: true, status5xx: true }),
    },
    warnings: ['Option "log-4xx" at 11-flag-words.ini:9:11 is true: "whatever" is neither true nor false'],
  },
  '12-bare-flags.ini': { is: { needApp: true, soKeepalive: true, master: true, vacuum: true, requestLog: undefined } },
  '13-other-sections.ini': { is: { httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 80 }], processes: 2 } },
  '14-crlf.ini': {
    is: { moduleName: 'app', callable: 'api', httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 8000 }] },
  },
  '15-bom.ini': { is: { httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 8000 }] } },
  '16-utf16.ini': { is: { httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 8000 }], procname: 'späti' } },
  '17-tabs-and-blanks.ini': {
    is: { moduleName: 'app', httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 8000 }], processes: 2 },
  },
  '18-include-relative.ini': { is: { processes: 6, master: true, vacuum: true } },
  '19-include-section.ini': {
    is: { httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 8000 }], processes: 12, harakiriMs: 20000, master: true },
  },
  '20-same-file-section.ini': {
    is: { httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 8000 }], processes: 3, master: true },
  },
  '21-environments.ini': {
    is: {
      httpSockets: [
        { kind: 'tcp', host: '127.0.0.1', port: 8001 },
        { kind: 'tcp', host: '127.0.0.1', port: 8002 },
      ],
      processes: 7,
      logto: '/home/me/app.log',
    },
  },
  '22-file-placeholder.ini': { is: { env: { SECRET: 's3cret' } } },
  '23-maths.ini': {
    is: { sockets: [{ kind: 'tcp', host: '0.0.0.0', port: 3031 }], processes: 9, concurrency: 2, procname: 'w44' },
  },
  '24-for.ini': {
    is: {
      moduleName: 'app',
      sockets: [
        { kind: 'tcp', host: '127.0.0.1', port: 3031 },
        { kind: 'tcp', host: '127.0.0.1', port: 3032 },
        { kind: 'tcp', host: '127.0.0.1', port: 3033 },
      ],
    },
  },
  '25-for-times.ini': { is: { env: { NODE1: 'up', NODE2: 'up', NODE3: 'up' } } },
  '26-for-glob.ini': { is: { touchReload: ['parts/common.ini', 'parts/extra.ini'] } },
  '27-if-env.ini': {
    is: { httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 2 }], listenBacklog: 777, processes: 7 },
  },
  '28-if-exists.ini': { is: { chdir: 'parts', touchReload: ['parts/common.ini'], procname: 'none' } },
  '29-if-else.ini': { is: { httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 8000 }], autoreloadMs: 2000 } },
  '30-declare-option.ini': {
    is: { chdir: '/srv/shop', sockets: [{ kind: 'unix', path: '/run/shop.sock' }], processes: 4 },
  },
  '31-set-placeholder.ini': { is: { chdir: '/srv/shop', httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 8000 }] } },
  '32-set.ini': { is: { processes: 4, procname: 'x' } },
  '33-sizes.ini': {
    is: { varsBytesMax: 32768, postBufferingBytes: 1048576, limitPostBytes: 2147483648, logMaxBytes: 52428800 },
  },
  '34-big-buffer.ini': {
    is: {},
    warnings: [
      'Option "buffer-size" at 34-big-buffer.ini:2:15 is lowered from 65536 to 65535, the largest that is possible',
    ],
  },
  '35-octal.ini': {
    is: {
      sockets: [{ kind: 'unix', path: '/run/app.sock' }],
      chmodSocket: 438,
      chownSocket: 'www-data:www-data',
      umask: 18,
    },
  },
  '36-quotes.ini': {
    is: {
      chdir: '/srv/with space',
      env: { GREETING: '"hello ; world"' },
      addHeaders: [['X-Powered', '"a" and "b"']],
      procname: 'web # 1',
      logto: "Bob's app.log",
    },
  },
  '37-log-format.ini': {
    is: {
      requestLog: logs({
        template: parseLogTemplate(
          '%(addr) - %(user) [%(ltime)] "%(method) %(uri) %(proto)" %(status) %(size) "%(referer)" "%(uagent)"',
        ),
        all: false,
        status4xx: true,
        status5xx: true,
        slowMs: 1000,
      }),
      logPlan: {
        targets: [
          { kind: 'stream', file: '/var/log/err.log' },
          { kind: 'stream', file: '/var/log/req.log' },
        ],
        lines: { ...EVERYTHING, targets: [0] },
        requests: { ...EVERYTHING, targets: [1] },
        fallback: undefined,
        dateFormat: '%Y-%m-%d %H:%M:%S',
      },
    },
  },
  '38-recycling.ini': {
    is: {
      maxRequests: 1000,
      maxRequestsDelta: 100,
      maxWorkerLifetimeMs: 3600000,
      reloadOnAsBytes: 536870912,
      reloadOnRssBytes: 268435456,
      evilReloadOnRssBytes: 314572800,
      reloadMercyMs: 8000,
      workerReloadMercyMs: 20000,
    },
  },
  '39-harakiri.ini': {
    is: {
      socketTimeoutMs: 10000,
      httpTimeoutMs: 120000,
      harakiriMs: 30000,
      harakiriVerbose: true,
      httpHarakiriMs: 20000,
    },
  },
  '40-keepalive-off.ini': {
    is: { httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 80 }], httpKeepaliveMs: 0, soKeepalive: true },
  },
  '41-cheaper.ini': {
    is: { processes: 10, cheaper: 2, cheaperInitial: 5, idleMs: 300000 },
    withoutEffect: ['cheaper-algo'],
  },
  '42-docker.ini': {
    is: {
      wsgiFile: '/app/main.py',
      needApp: true,
      httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 8080 }],
      processes: 4,
      concurrency: 2,
      varsBytesMax: 8192,
      master: true,
      uid: 'www-data',
      gid: 'www-data',
    },
    withoutEffect: ['enable-threads', 'single-interpreter', 'thunder-lock', 'no-orphans', 'die-on-term', 'lazy-apps'],
  },
  '43-emperor-vassal.ini': {
    is: {
      moduleName: 'vassal',
      callable: 'app',
      chdir: '/srv/vassal',
      sockets: [{ kind: 'unix', path: '/run/uwsgi/app/43-emperor-vassal/socket' }],
    },
    withoutEffect: ['plugins', 'procname-prefix', 'auto-procname'],
  },
  '44-debian.ini': {
    is: {
      sockets: [{ kind: 'unix', path: '/run/uwsgi/app/web/socket' }],
      chmodSocket: 432,
      processes: 2,
      master: true,
      uid: 'www-data',
      gid: 'www-data',
      pidfile: '/run/uwsgi/app/web/pid',
      logPlan: { ...loggingTo(undefined).logPlan, dateFormat: '' },
    },
    withoutEffect: ['plugins-dir', 'autoload', 'no-orphans'],
  },
  '45-static.ini': {
    is: {
      staticMaps: [
        { name: '/static', value: '/srv/static' },
        { name: '/media', value: '/srv/media' },
      ],
      staticMaps2: [{ name: '/docs', value: '/srv' }],
      checkStatic: ['/srv/public'],
      staticIndex: ['index.html'],
      staticSafe: ['/srv/shared'],
      staticExpires: ['\\.css$ 3600'],
      staticExpiresType: [{ name: 'image/png', value: '86400' }],
      staticExpiresUri: ['^/static/ 600'],
    },
  },
  '46-mounts.ini': {
    is: {
      mounts: [
        { name: '/api', value: 'api:app' },
        { name: '/admin', value: 'admin.py' },
      ],
      manageScriptName: true,
    },
  },
  '47-stats.ini': {
    is: { stats: { kind: 'tcp', host: '127.0.0.1', port: 1717 }, statsHttp: true, statsMinified: true },
  },
  '48-addresses.ini': {
    is: {
      sockets: [
        { kind: 'tcp', host: '0.0.0.0', port: 9999 },
        { kind: 'tcp', host: '0.0.0.0', port: 9998 },
        { kind: 'tcp', host: 'localhost', port: 0 },
        { kind: 'tcp', host: 'fe80::1%eth0', port: 3031 },
        { kind: 'abstract', name: 'abstract-name' },
        { kind: 'unix', path: 'run/app.sock' },
        { kind: 'unix', path: './x:1.sock' },
      ],
    },
  },
  '49-https.ini': {
    is: {
      httpsSockets: [
        {
          address: { kind: 'tcp', host: '0.0.0.0', port: 8443 },
          certificate: '/etc/ssl/a.crt',
          key: '/etc/ssl/a.key',
          ciphers: undefined,
          clientCa: undefined,
          clientMustShow: false,
        },
      ],
    },
  },
  '50-engines.ini': {
    is: {
      appKind: 'fetch',
      listenBacklog: 1024,
      httpQueue: 10,
      httpEngine: 'node',
      uwsgiEngine: 'net',
      concurrency: 32,
    },
  },
  '51-node-app.ini': {
    is: {
      moduleName: 'dist.server',
      callable: 'default',
      chdir: '/srv/node',
      env: { NODE_ENV: 'production' },
      httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 3000 }],
      processes: 2,
    },
  },
  '52-commented-out.ini': { is: { httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 5 }] } },
  '53-typos.ini': {
    is: {},
    warnings: [
      'Unknown option "proceses" at 53-typos.ini:2:12 is taken for a placeholder; did you mean "processes"?',
      'Unknown option "max_requests" at 53-typos.ini:3:16 is taken for a placeholder; did you mean "max-requests"?',
      'Unknown option "modul" at 53-typos.ini:4:9 is taken for a placeholder; did you mean "module"?',
      'Unknown option "chmod-scoket" at 53-typos.ini:5:16 is taken for a placeholder; did you mean "chmod-socket"?',
    ],
  },
  '54-touch.ini': {
    is: {
      touchReload: ['/srv/app/reload', '/srv/app/config'],
      touchChainReload: ['/srv/chain'],
      autoreloadMs: 1000,
      touchLogreopen: ['/srv/reopen'],
    },
  },
  '55-daemon.ini': {
    is: {
      pidfile: '/run/app.pid',
      pidfile2: '/run/second.pid',
      safePidfile: '/run/safe.pid',
      daemonize: '/var/log/app.log',
      daemonize2: '/var/log/second.log',
      logto2: '/var/log/user.log',
      logMaxBytes: 1048576,
      logBackupName: '/var/log/app.old',
    },
  },
  '56-unknown-placeholders.ini': {
    is: { chdir: '/srv/%(nothing)', procname: '$(NO_SUCH_VARIABLE)', logto: 'a%q.log' },
    warnings: [
      '"%q" at 56-unknown-placeholders.ini:4:9 is no magic letter and stays; a percent sign is written %%',
      '"$(NO_SUCH_VARIABLE)" at 56-unknown-placeholders.ini:3:12 stays: the environment has no such variable',
      '"%(nothing)" at 56-unknown-placeholders.ini:2:9 stays: nothing of that name is set',
    ],
  },
  '57-first-placeholder-wins.ini': { is: { chdir: '/a', processes: 2 } },
  '58-placeholder-order.ini': { is: { procname: '7-end' } },
  '59-env-defaults.ini': {
    is: { httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 8000 }], processes: 7, procname: 'empty' },
  },
  '60-values-with-equals.ini': {
    is: {
      env: { DATABASE_URL: 'postgres://u:p@db/x?sslmode=require' },
      addHeaders: [['Strict-Transport-Security', 'max-age=31536000; includeSubDomains']],
    },
  },
  '61-no-newline-at-end.ini': { is: { httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 8000 }] } },
  '62-empty-section.ini': { is: {} },
  '63-wrong-section.ini': {
    is: {},
    warnings: [
      'No section on the command line: "63-wrong-section.ini" has no [uwsgi] but [app]: write 63-wrong-section.ini:app to read that',
    ],
  },
  '64-before-section.ini': {
    is: { httpSockets: [{ kind: 'tcp', host: '0.0.0.0', port: 2 }] },
    warnings: ['Line at 64-before-section.ini:1:1 stands before the first [section] and is not read'],
  },
  '65-accepted-options.ini': {
    is: {},
    withoutEffect: [
      'ignore-sigpipe',
      'ignore-write-errors',
      'disable-write-exception',
      'http-auto-chunked',
      'http-chunked-input',
      'offload-threads',
      'post-buffering-bufsize',
      'max-fd',
      'cpu-affinity',
      'log-master',
    ],
  },
  '66-conditional-include.ini': { is: { processes: 2, master: true, vacuum: true } },
  '67-windows-paths.ini': { is: { procname: 'C:\\apps\\web' } },
};
