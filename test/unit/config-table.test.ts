// The option table itself, and what is rendered from it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderHelp } from '../../dist/config/help.js';
import { findOption, OPTIONS, optionNames } from '../../dist/config/options.js';
import { renderOptionsDocument } from '../../dist/config/options-doc.js';

/** Section 3 of the specification: every name there is known. */
const SPECIFIED =
  `
  master processes workers threads async module wsgi-file file callable mount manage-script-name need-app chdir chdir2 env home
  virtualenv venv pyhome pythonpath socket uwsgi-socket http http-socket http11-socket https listen chmod-socket chown-socket
  umask uid gid pidfile pidfile2 safe-pidfile daemonize daemonize2 logto logto2 vacuum buffer-size post-buffering limit-post
  socket-timeout http-timeout http-keepalive so-keepalive harakiri harakiri-verbose http-harakiri max-requests
  max-requests-delta min-worker-lifetime max-worker-lifetime reload-on-as reload-on-rss evil-reload-on-as evil-reload-on-rss
  memory-report reload-mercy worker-reload-mercy touch-reload touch-chain-reload touch-logreopen py-autoreload log-format
  disable-logging log-4xx log-5xx log-slow log-x-forwarded-for log-date req-logger logger log-maxsize log-backupname static-map
  static-map2 check-static static-index static-expires static-safe stats stats-http stats-minified cheaper cheaper-initial
  cheaper-step idle die-on-term add-header catch-exceptions ignore-sigpipe ignore-write-errors procname plugin plugins
  enable-threads single-interpreter thunder-lock lazy-apps no-orphans strict for for-glob for-times if-env if-not-env if-opt
  if-not-opt if-exists if-not-exists if-file if-not-file if-dir if-not-dir endif endfor end set-placeholder set-ph
  declare-option ini stop reload pause ping show-config http-engine uwsgi-engine http-queue app-kind`.match(/\S+/g) ??
  [];

test('every option of the specification has a row', () => {
  assert.deepEqual(
    SPECIFIED.filter((name) => findOption(name) === undefined),
    [],
  );
});

test('help texts are one phrase without a period at the end, and letters are used once', () => {
  for (const row of OPTIONS) assert.doesNotMatch(row.help, /\.$|\n/, row.name);
  const letters = OPTIONS.map((row) => row.short).filter((letter) => letter !== undefined);
  assert.equal(new Set(letters).size, letters.length);
});

test('--help shows every option with its unit and default, in lines that fit a terminal', () => {
  const help = renderHelp();
  for (const name of optionNames()) assert.ok(help.includes(name), name);
  assert.match(
    help,
    /-z, --socket-timeout SECONDS {4}how long a peer on a uwsgi socket may stall \(default: 4 seconds\)/,
  );
  assert.match(help, /--http-engine auto\|(epoll\|)?uws\|node/);
  assert.deepEqual(
    help.split('\n').filter((line) => line.length > 118),
    [],
  );
});

test('the options page has a line for every option, with the reason for what is not done', () => {
  const page = renderOptionsDocument();
  for (const row of OPTIONS) {
    assert.ok(page.includes(`\`${row.name}\``), row.name);
    if (row.note !== undefined) assert.ok(page.includes(row.note), row.name);
  }
  const cells = page.split('\n').filter((line) => line.startsWith('| `'));
  for (const line of cells) assert.match(line, /^\|( [^|]*(\\\|[^|]*)* \|){2,4}$/);
});
