// logger, req-logger, their kinds and their routes: what is read, and what is refused with the place where it stands.
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LogTarget } from '../../dist/base/log-destination.js';
import { logFilesOf } from '../../dist/config/log-file.js';
import { errorOf, loadLines, makeFolder, warningsOf } from './config-fixture.js';

const folder = makeFolder();

function targetOf(...lines: readonly string[]): LogTarget | undefined {
  return loadLines(lines, folder).logPlan.targets[0];
}

const PLAIN = { kind: 'datagram', prefix: '', bytesMax: 0, splits: false } as const;

test('each kind of logger is read', () => {
  for (const [spec, target] of [
    ['file:/var/log/app.log', { kind: 'stream', file: '/var/log/app.log' }],
    [
      'file:logfile=a=b.log,maxsize=2000,backupname=old.log',
      { kind: 'stream', file: join(folder, 'a=b.log'), maxBytes: 2000, backupName: join(folder, 'old.log') },
    ],
    ['stdio', { kind: 'stream', file: undefined, stream: 1 }],
    ['stdio:', { kind: 'stream', file: undefined, stream: 1 }],
    ['fd:2', { kind: 'stream', file: undefined, stream: 2 }],
    ['socket:/run/log.sock', { ...PLAIN, to: { path: '/run/log.sock' } }],
    ['socket:log.sock,app: ', { ...PLAIN, to: { path: join(folder, 'log.sock') }, prefix: 'app:' }],
    ['socket:192.0.2.1:5050', { ...PLAIN, to: { host: '192.0.2.1', port: 5050 } }],
    ['socket:[2001:db8::1]:5050', { ...PLAIN, to: { host: '2001:db8::1', port: 5050 } }],
    ['syslog', { ...PLAIN, to: { path: '/dev/log' }, prefix: { priority: 30, name: 'uwsgi' } }],
    ['syslog:web', { ...PLAIN, to: { path: '/dev/log' }, prefix: { priority: 30, name: 'web' } }],
    ['syslog:web,local6', { ...PLAIN, to: { path: '/dev/log' }, prefix: { priority: 22 * 8 + 6, name: 'web' } }],
    [
      'rsyslog:192.0.2.1',
      {
        ...PLAIN,
        to: { host: '192.0.2.1', port: 514 },
        prefix: { priority: 29, name: `${hostname()} uwsgi` },
        bytesMax: 1024,
      },
    ],
    [
      'rsyslog:logs.example:5514,web,134',
      { ...PLAIN, to: { host: 'logs.example', port: 5514 }, prefix: { priority: 134, name: 'web' }, bytesMax: 1024 },
    ],
  ] as const) {
    assert.deepEqual(targetOf(`logger = ${spec}`), target, spec);
    assert.deepEqual(targetOf(`logger = name ${spec}`, 'log-route = name x'), target, `named ${spec}`);
  }
  assert.deepEqual(targetOf('logto = app.log', 'logger = stdio'), { kind: 'stream', file: join(folder, 'app.log') });
  assert.deepEqual(targetOf('log-syslog'), targetOf('logger = syslog'));
  assert.deepEqual(targetOf('log-syslog = web,cron'), targetOf('logger = syslog:web,cron'));
  assert.deepEqual(targetOf('log-socket = 127.0.0.1:99'), targetOf('logger = socket:127.0.0.1:99'));
  const large = targetOf('logger = rsyslog:192.0.2.1', 'rsyslog-packet-size = 2000', 'rsyslog-split-messages');
  assert.ok(large?.kind === 'datagram' && large.bytesMax === 2000 && large.splits);
});

test('what is no logger is an error with its place', () => {
  for (const [line, why] of [
    [
      'logger = redislog',
      'there is no redislog logger here: one of file, stdio, fd, socket, syslog, rsyslog is wanted',
    ],
    ['req-logger = /var/log/app.log', '"/var/log/app.log" names no kind of logger: one of file'],
    ['logger = file', 'file:PATH is wanted'],
    ['logger = file:maxsize=5', 'file:PATH is wanted'],
    ['logger = file:logfile=a,maxsize=5k', 'maxsize is a number of bytes, got "5k"'],
    ['logger = fd:7', 'fd:1 (standard output) or fd:2 (standard error) is wanted'],
    ['logger = socket:', 'socket:PATH or socket:HOST:PORT is wanted'],
    ['logger = socket:host:99999', 'socket:PATH or socket:HOST:PORT is wanted, got "host:99999"'],
    ['logger = syslog:web,nowhere', 'there is no facility "nowhere"'],
    ['logger = rsyslog:host,web,192', 'a syslog priority from 0 to 191 is wanted, got "192"'],
    ['log-route = nobody x', 'no logger has the name "nobody"'],
    ['log-req-route = x', 'NAME REGEXP is wanted'],
    ['log-drain = (', 'Invalid regular expression'],
    ['log-format = {"a": %(uri) %(user)}', 'it begins and ends like a JSON object and is none'],
  ] as const) {
    const { message } = errorOf(() => loadLines([line], folder));
    assert.ok(message.startsWith(`Cannot parse option "${line.split(' ')[0]}" at app.ini:2:`), message);
    assert.ok(message.includes(why), message);
  }
});

test('without req-logger requests go where everything goes; with one, there and nowhere else', () => {
  const one = loadLines(['logger = file:a', 'logger = file:b', 'logger = file:a'], folder).logPlan;
  assert.deepEqual(
    one.targets.map((target) => target.kind === 'stream' && target.file),
    [join(folder, 'a'), join(folder, 'b')],
  );
  assert.deepEqual([one.lines.targets, one.requests.targets, one.fallback], [[0, 1], [0, 1], undefined]);
  const two = loadLines(['logto = c', 'req-logger = file:r'], folder).logPlan;
  assert.deepEqual(
    two.targets.map((target) => target.kind === 'stream' && target.file),
    [join(folder, 'c'), join(folder, 'r')],
  );
  assert.deepEqual([two.lines.targets, two.requests.targets, two.fallback], [[0], [1], 0]);
});

test('a named logger gets what its route sends it; the unnamed ones get the rest', () => {
  const { logPlan } = loadLines(
    [
      'logger = errors file:e',
      'log-req-route = errors 50[0-9]$',
      'log-route = errors ^DAMN',
      'log-drain = /health',
      'log-filter = .',
    ],
    folder,
  );
  const route = (pattern: RegExp) => ({ pattern, target: 0 });
  assert.deepEqual(logPlan.lines, { drains: [/\/health/], filters: [/./], routes: [route(/^DAMN/)], targets: [1] });
  assert.deepEqual(logPlan.requests, { drains: [], filters: [], routes: [route(/50[0-9]$/)], targets: [1] });
});

test('files and sockets of loggers are in chdir, those of logto where the command was called', () => {
  const lines = [
    'chdir = app',
    'logto = x',
    'logger = file:x',
    'logger = stdio',
    'logger = socket:s',
    'log-socket = t',
  ];
  const { targets } = loadLines([...lines, 'req-logger = file:logfile=../r,maxsize=1,backupname=b'], folder).logPlan;
  assert.deepEqual(targets, [
    { kind: 'stream', file: join(folder, 'app/x') },
    { kind: 'stream', file: join(folder, 'x') },
    { ...PLAIN, to: { path: join(folder, 'app/s') } },
    { ...PLAIN, to: { path: join(folder, 'app/t') } },
    // Where app is a link, this is beside its target, as for the system.
    { kind: 'stream', file: `${folder}/app/../r`, maxBytes: 1, backupName: join(folder, 'app/b') },
  ]);
});

test('the files of loggers are known', () => {
  const configuration = loadLines(['req-logger = file:r.log', 'logger = file:/a.log'], folder);
  assert.deepEqual(logFilesOf(configuration), ['/a.log', join(folder, 'r.log')]);
});

test('a variable of log-format that means nothing is warned about', () => {
  assert.deepEqual(warningsOf(loadLines(['log-format = %(uri) %(metric.x)'], folder)), [
    'Option "log-format" at app.ini:2:14: %(metric.x) is no variable here and always empty',
  ]);
  const mine = 'log-format = %(uri) %(mine)';
  assert.deepEqual(warningsOf(loadLines([mine], folder)), [
    'Option "log-format" at app.ini:2:14: %(mine) is empty unless uwsgi.set_logvar() sets it, in Python',
  ]);
  assert.deepEqual(warningsOf(loadLines([mine, 'app-kind = python'], folder)), []);
});
