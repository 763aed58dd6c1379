// The command line: options in every spelling, files where they stand, commands, the environment.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine } from '../../dist/config/command-line.js';
import { errorOf, load, makeFolder, warningsOf, writeFiles } from './config-fixture.js';

const folder = makeFolder();
writeFiles(folder, {
  'app.ini': '[uwsgi]\nprocesses = 2\nhttp = :8000\n[other]\nprocesses = 3\n',
  'strict.ini': '[uwsgi]\nstrict = true\n',
});

const parse = (argv: readonly string[]) => parseCommandLine(argv, {}, folder);

const SPELLINGS = [
  ['--processes', '4'],
  ['--processes=4'],
  ['--workers=4'],
  ['-p', '4'],
  ['-p4'],
  ['-Mp4'],
  ['-M', '-p', '4'],
  ['app.ini', '--processes', '4'],
  ['--set', 'processes=4'],
];

for (const argv of SPELLINGS) {
  test(`${argv.join(' ')} sets processes to 4`, () => {
    assert.equal(load(argv, folder).processes, 4);
  });
}

for (const argv of [
  ['app.ini'],
  ['-c', 'app.ini'],
  ['--ini', 'app.ini'],
  ['--ini=app.ini'],
  ['-capp.ini'],
  ['--config', 'app.ini'],
]) {
  test(`${argv.join(' ')} reads the file`, () => {
    const command = parse(argv);
    assert.equal(command.kind, 'serve');
    assert.equal(load(argv, folder).processes, 2);
  });
}

test('a section of a file may be named', () => {
  assert.equal(load(['app.ini:other'], folder).processes, 3);
});

test('what comes later wins, and a file counts where it stands', () => {
  assert.equal(load(['--processes', '9', 'app.ini'], folder).processes, 2);
  assert.equal(load(['app.ini', '--processes', '9'], folder).processes, 9);
  assert.equal(load(['app.ini', 'app.ini:other'], folder).processes, 3);
  const { httpSockets } = load(['--http', ':1', 'app.ini', '--http=:2'], folder);
  assert.deepEqual(
    httpSockets.map((address) => address.kind === 'tcp' && address.port),
    [1, 8000, 2],
  );
});

test('flags stand bare or with =, and take no word after them', () => {
  const configuration = load(['--master', '--vacuum=false', '--need-app', 'app.ini'], folder);
  assert.deepEqual([configuration.master, configuration.vacuum, configuration.needApp], [true, false, true]);
  assert.equal(configuration.options.get('master'), 'true');
});

test('values may be negative numbers, empty or begin with a dash after =', () => {
  assert.match(errorOf(() => parse(['--harakiri', '-1'])).message, /value must be >= 0, got -1/);
  assert.equal(load(['--procname=-x'], folder).procname, '-x');
  assert.match(errorOf(() => parse(['--chdir='])).message, /"chdir" on the command line: a value is wanted/);
});

test('magic letters are not replaced on the command line, placeholders are', () => {
  assert.equal(load(['--procname', '%n-%(processes)', '-p', '3'], folder).procname, '%n-3');
});

test('UWSGI_* variables come first, and those uWSGI keeps for itself are no options', () => {
  const env = {
    UWSGI_PROCESSES: '7',
    UWSGI_MAX_REQUESTS: '100',
    UWSGI_RELOADS: '1',
    UWSGI_EMPEROR_FD: '5',
    UWSGI_VERSION: '2.0',
  };
  const configuration = load(['-M'], folder, env);
  assert.equal(configuration.processes, 7);
  assert.equal(configuration.maxRequests, 100);
  assert.deepEqual([...configuration.options.keys()], ['processes', 'max-requests', 'master']);
  assert.equal(load(['app.ini'], folder, env).processes, 2);
  assert.match(
    errorOf(() => load(['-M'], folder, { UWSGI_PROCESSES: 'x' })).message,
    /"processes" in the environment variable UWSGI_PROCESSES: a whole/,
  );
});

test('blocks work on the command line as in a file', () => {
  assert.equal(load(['--if-env=A', '--processes=5', '--endif', '--vacuum'], folder, { A: '1' }).processes, 5);
  assert.equal(load(['--if-env=A', '--processes=5', '--endif', '--vacuum'], folder).processes, 1);
});

test('a declared option may be used on the command line', () => {
  assert.equal(load(['--declare-option', 'at=chdir=/srv/$1', '--at', 'shop'], folder).chdir, '/srv/shop');
});

test('commands are recognised wherever they stand, and need no valid configuration', () => {
  assert.deepEqual(parse([]), { kind: 'help' });
  assert.deepEqual(parse(['none.ini', '--help']), { kind: 'help' });
  assert.deepEqual(parse(['-h']), { kind: 'help' });
  assert.deepEqual(parse(['--version']), { kind: 'version' });
  assert.deepEqual(parse(['--ping', ':3031']), { kind: 'ping', address: { kind: 'tcp', host: '0.0.0.0', port: 3031 } });
  assert.deepEqual(parse(['--stop', 'a.pid']), { kind: 'signal', action: 'stop', pidfile: 'a.pid' });
  assert.deepEqual(parse(['--reload=a.pid']), { kind: 'signal', action: 'reload', pidfile: 'a.pid' });
  assert.deepEqual(parse(['--resume', 'a.pid']), { kind: 'signal', action: 'pause', pidfile: 'a.pid' });
  assert.equal(parse(['app.ini', '--show-config']).kind, 'show-config');
  assert.equal(parse(['--check', 'app.ini']).kind, 'check');
});

const WRONG = [
  [
    ['--proceses', '2'],
    /^Unknown option "proceses" on the command line: no option has this name; did you mean "processes"\?$/,
  ],
  [['--bogus'], /^Unknown option "bogus" on the command line/],
  [['-Z'], /^Unknown option "-Z" on the command line: see --help$/],
  [
    ['harakiri'],
    /^Unknown argument "harakiri" on the command line: an option begins with two dashes; did you mean "--harakiri"\?$/,
  ],
  [['processes=2'], /did you mean "--processes"\?$/],
  [
    ['--master', 'false'],
    /^Unknown argument "false" on the command line: the value of a flag is written --master=false$/,
  ],
  [
    ['app.yml'],
    /^Unknown argument "app\.yml" .*: a file that ends with \.ini is wanted; one of another name is written --ini FILE$/,
  ],
  [['--set', 'harakiri=x'], /^Cannot parse option "harakiri" of --set on the command line: a whole number of seconds/],
  [['--processes'], /^Cannot parse option "--processes" on the command line: a value is wanted after it$/],
  [['--ping', 'x:y'], /a port is wanted/],
  [['--stop'], /a value is wanted after it/],
  [['none.ini'], /^Cannot read configuration file "none\.ini" on the command line: no such file or directory$/],
  [['--ini', ':other'], /a file is wanted, got ":other"/],
] as const;

for (const [argv, message] of WRONG) {
  test(`${argv.join(' ')} is an error`, () => {
    assert.match(errorOf(() => parse(argv)).message, message);
  });
}

test('all errors of the command line and its files are told at once', () => {
  const { message } = errorOf(() => parse(['--processes=x', '-Z', '--listen=y', 'none.ini']));
  assert.equal(message.split('\n').length, 4);
});

test('without arguments an option of the environment is enough to serve', () => {
  const command = parseCommandLine([], { UWSGI_HTTP: ':8000', HOME: '/' }, folder);
  assert.ok(command.kind === 'serve');
  assert.equal(command.configuration.httpSockets.length, 1);
  assert.deepEqual(parseCommandLine([], { UWSGI_VERSION: '2.0', UWSGI_STAGE: 'x' }, folder), { kind: 'help' });
});

test('--set and -S set an option or a placeholder', () => {
  const configuration = load(['--set', 'dir=srv', '-S', 'processes=3', '-Schdir=/%(dir)'], folder);
  assert.equal(configuration.chdir, '/srv');
  assert.equal(configuration.processes, 3);
  assert.deepEqual(warningsOf(configuration), []);
});

test('strict in a file holds for the command line, and set-placeholder is not touched by it', () => {
  assert.deepEqual(warningsOf(load(['strict.ini', '--set-ph', 'a=b'], folder)), []);
  assert.match(errorOf(() => parse(['strict.ini', '--set', 'a=b'])).message, /Unknown option "a"/);
});
