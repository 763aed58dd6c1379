// The language around the lines: placeholders, magic letters, blocks, includes, declared options, strict.
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { parseLogTemplate } from '../../dist/base/log-template.js';
import { VERSION } from '../../dist/config/version.js';
import { errorOf, load, loadLines, makeFolder, warningsOf, writeFiles } from './config-fixture.js';

const folder = makeFolder();

/** The value of `x` after everything is filled in. */
function xOf(lines: readonly string[], env: NodeJS.ProcessEnv = {}): unknown {
  return loadLines(lines, folder, env).options.get('x');
}

test('a placeholder is the first value set for its key, whether that is an option or not', () => {
  assert.equal(xOf(['a = 1', 'a = 2', 'x = %(a)']), '1');
  assert.equal(xOf(['x = %(later)%(processes)', 'later = b', 'processes = 4']), 'b4');
  assert.equal(xOf(['path = /a', 'path = %(path)/b', 'x = %(path)']), '/a');
});

test('placeholders inside placeholders are filled in, to any reasonable depth', () => {
  assert.equal(xOf(['a = 1', 'b = %(a)2', 'c = %(b)3', 'x = %(c)4']), '1234');
  const chain = Array.from({ length: 90 }, (_, index) => `k${index} = %(k${index + 1})`);
  assert.equal(xOf([...chain, 'k90 = end', 'x = %(k0)']), 'end');
});

test('a name may hold a placeholder: the inner one is filled in first', () => {
  const lines = [
    'stage = prod',
    'port_prod = 80',
    'x = %(port_%(stage))|%(f(%(stage)))|%(%(port_prod) + 1)|%(a %(stage)',
  ];
  assert.equal(xOf(lines), '80|%(f(prod))|81|%(a prod');
  assert.equal(xOf(['x = $($(A))'], { A: 'B', B: 'c' }), 'c');
});

test('a circle of placeholders is an error that names it, once', () => {
  const error = errorOf(() => loadLines(['a = %(b)', 'b = %(a)'], folder));
  assert.equal(error.code, 'ERR_CONFIG');
  assert.match(error.message, /^Cannot fill in placeholder at app\.ini:2:5: it goes round in a circle: a -> b -> a\n/);
  assert.equal(error.message.match(/Cannot/g)?.length, 1);
});

test('a placeholder that is nothing stays as written, with a warning, except in a log format', () => {
  const configuration = loadLines(['x = %(none) %() %(', 'log-format = %(method) %(uri)'], folder);
  assert.equal(configuration.options.get('x'), '%(none) %() %(');
  assert.equal(configuration.options.get('log-format'), '%(method) %(uri)');
  assert.deepEqual(configuration.requestLog?.template, parseLogTemplate('%(method) %(uri)'));
  assert.deepEqual(warningsOf(configuration), ['"%(none)" at app.ini:2:5 stays: nothing of that name is set']);
});

test('environment, then files, then keys: what an earlier pass brings in is seen by the later ones only', () => {
  writeFiles(folder, { 'inner.txt': '%(k)$(HOME)@(inner.txt)\n\n', 'name.txt': 'inner.txt' });
  const env = { HOME: '/h', FILE: 'name.txt', KEY: '%(k)' };
  assert.equal(xOf(['x = $(KEY)', 'k = v'], env), 'v');
  assert.equal(xOf(['x = @($(FILE))'], env), 'inner.txt');
  assert.equal(xOf(['x = @(inner.txt)', 'k = v'], env), 'v$(HOME)@(inner.txt)\n');
});

test('an environment variable may have a default', () => {
  const env = { SET: 's', EMPTY: '' };
  assert.equal(xOf(['x = $(SET-d)$(SET:-d)$(EMPTY-d)$(EMPTY:-d)$(NONE-e)$(NONE:-f)'], env), 'ssdef');
  assert.equal(xOf(['x = $(NONE-a-b)'], env), 'a-b');
});

test('a variable that is not set stays as written, with a warning', () => {
  const configuration = loadLines(['x = $(NONE)'], folder);
  assert.equal(configuration.options.get('x'), '$(NONE)');
  assert.deepEqual(warningsOf(configuration), ['"$(NONE)" at app.ini:2:5 stays: the environment has no such variable']);
});

test('a file that cannot be read is an error', () => {
  const error = errorOf(() => loadLines(['x = @(no.txt)'], folder));
  assert.equal(error.code, 'ERR_FILE');
  assert.match(error.message, /^Cannot read "@\(no\.txt\)" at app\.ini:2:5: no such file or directory\n/);
  assert.match(errorOf(() => loadLines(['x = @(exec://date)'], folder)).message, /only a local file can be read/);
});

const MATHS = [
  ['%(3 + 4 * 2)', '14'],
  ['%(a + 3)', '13'],
  ['%(a - 30)', '-20'],
  ['%(7 / 2)', '3'],
  ['%(a b + 2)', '1022'],
  ['%(a ++)', '11'],
  ['%(a --)', '9'],
  ['%(none a)', '10'],
  ['%(9223372036854775807 + 1)', '-9223372036854775808'],
] as const;

for (const [text, value] of MATHS) {
  test(`${text} is ${value}`, () => {
    assert.equal(xOf(['a = 10', 'b = 20', `x = ${text}`]), value);
  });
}

test('maths on what is no number is an error, not a guess', () => {
  const message = (line: string) => errorOf(() => loadLines(['a = 1k', line], folder)).message;
  assert.match(message('x = %(a + 1)'), /Cannot compute "%\(a \+ 1\)" at app\.ini:3:5: a whole number .* got "1k"/);
  assert.match(message('x = %(none + 1)'), /got ""/);
  assert.match(message('x = %(1 / 0)'), /division by zero/);
});

test('magic letters are those of the file at hand', () => {
  writeFiles(folder, { 'deep/down/my.app.ini': '[uwsgi]\n[web]\nx = %o|%p|%s|%n|%e|%d|%c|%x\n' });
  const file = path.join(folder, 'deep/down/my.app.ini');
  assert.equal(
    load(['deep/down/my.app.ini:web'], folder).options.get('x'),
    `deep/down/my.app.ini|${file}|my.app.ini|my.app|ini|${path.dirname(file)}/|down|web`,
  );
});

test('a linked file keeps its own name', () => {
  writeFiles(folder, { 'real.ini': '[uwsgi]\nx = %n\n' });
  symlinkSync('real.ini', path.join(folder, 'link.ini'));
  assert.equal(load(['link.ini'], folder).options.get('x'), 'link');
});

test('magic letters of the process', () => {
  const [cwd, host, cpus, user, version, percent] = String(xOf(['x = %v|%h|%k|%u|%V|%%'])).split('|');
  assert.deepEqual(
    [cwd, host, cpus, user, version, percent],
    [folder, os.hostname(), String(os.availableParallelism()), String(process.getuid?.()), VERSION, '%'],
  );
  const [seconds, micros] = String(xOf(['x = %t|%T']))
    .split('|')
    .map(Number);
  const now = Date.now() / 1000;
  assert.ok(seconds !== undefined && micros !== undefined && Math.abs(seconds - now) < 100, String(seconds));
  assert.ok(Math.abs(micros / 1_000_000 - now) < 100, String(micros));
});

test('a letter that is no magic stays, with a warning; what is no letter stays silently', () => {
  const configuration = loadLines(['x = 50%q 100% 5%5'], folder);
  assert.equal(configuration.options.get('x'), '50%q 100% 5%5');
  assert.deepEqual(warningsOf(configuration), [
    '"%q" at app.ini:2:5 is no magic letter and stays; a percent sign is written %%',
  ]);
});

test('for repeats its lines for each word, number, line and path', () => {
  writeFiles(folder, { 'lines.txt': 'a b\n\nc\n', 'g/1.txt': '', 'g/2.txt': '', 'g/.3.txt': '', 'g/sub/x': '' });
  assert.deepEqual(xOf(['for = a  b', 'x = <%(_)%(_)>', 'endfor =']), ['<aa>', '<bb>']);
  assert.deepEqual(xOf(['for-times = 2', 'x = %(_)', 'end-for']), ['1', '2']);
  assert.deepEqual(xOf(['for-readline = lines.txt', 'x = [%(_)]', 'end']), ['[a b]', '[]', '[c]']);
  assert.deepEqual(xOf(['for-glob = g/*', 'x = %(_)', 'end']), ['g/1.txt', 'g/2.txt', 'g/sub/']);
  assert.deepEqual(xOf(['for-glob = g/[!1].???', 'x = %(_)', 'end']), 'g/2.txt');
  assert.deepEqual(xOf(['for-glob = nothing/*.x', 'x = %(_)', 'end']), 'nothing/*.x');
  assert.equal(xOf(['for = ', 'x = never', 'end', 'y = 1']), undefined);
});

const CONDITIONS = [
  ['if-env = SET', 's'],
  ['if-env = SET=s', 's'],
  ['if-env = SET=other', undefined],
  ['if-env = NONE', undefined],
  ['ifenv = EMPTY', ''],
  ['if-not-env = NONE', ''],
  ['if-not-env = SET=other', ''],
  ['if-not-env = SET', undefined],
  ['if-opt = a', '1'],
  ['if-opt = a=1', '1'],
  ['if-opt = a=2', undefined],
  ['if-not-opt = a', undefined],
  ['if-not-opt = a=2', ''],
  ['if-not-opt = none', ''],
  ['if-exists = here', 'here'],
  ['if-exists = there', undefined],
  ['if-exists = %(a)', undefined],
  ['if-not-exists = there', 'there'],
  ['if-file = here', undefined],
  ['if-file = here/file', 'here/file'],
  ['if-not-file = here', 'here'],
  ['if-dir = here', 'here'],
  ['if-directory = %(place)', 'here'],
  ['if-not-dir = here', undefined],
  ['if-not-hostname = no-such-host', 'no-such-host'],
  ['if-hostname = no-such-host', undefined],
] as const;

for (const [condition, value] of CONDITIONS) {
  test(`after "${condition}" the lines are ${value === undefined ? 'skipped' : `read with %(_) = "${value}"`}`, () => {
    writeFiles(folder, { 'here/file': '' });
    const lines = ['a = 1', 'place = here', condition, 'x = <%(_)>', 'endif ='];
    assert.equal(xOf(lines, { SET: 's', EMPTY: '' }), value === undefined ? undefined : `<${value}>`);
  });
}

test('a condition is looked at once, where it begins', () => {
  const lines = ['if-not-opt = x', 'x = 1', 'y = 2', 'endif'];
  assert.equal(loadLines(lines, folder).options.get('y'), '2');
});

test('else turns an if round', () => {
  const lines = (name: string) => [`if-env = ${name}`, 'x = yes', 'else', 'x = no', 'endif'];
  assert.equal(xOf(lines('SET'), { SET: '1' }), 'yes');
  assert.equal(xOf(lines('NONE')), 'no');
});

test('blocks that are nested, never ended or never begun are errors', () => {
  const message = (lines: readonly string[]) => errorOf(() => loadLines(lines, folder)).message;
  assert.match(
    message(['for = a', 'if-env = A', 'x = 1', 'endif', 'endfor']),
    /"if-env" at app\.ini:3:10: blocks are not nested; "for" at app\.ini:2:7 is open/,
  );
  assert.match(message(['for = a']), /"for" at app\.ini:2:7: it is never ended/);
  assert.match(message(['endif']), /"endif" at app\.ini:2:1: no if or for is open here/);
  assert.match(message(['else']), /"else" at app\.ini:2:1: no if is open here/);
  assert.match(message(['for-times = many', 'end']), /a whole number is wanted, got "many"/);
  assert.match(message(['for-readline = none.txt', 'end']), /no such file or directory/);
});

test('a file includes others where the line stands: beside itself first, then in the current directory', () => {
  writeFiles(folder, {
    'conf/main.ini': '[uwsgi]\nx = 1\nini = part.ini\ninclude = shared.ini\nx = 5\n',
    'conf/part.ini': '[uwsgi]\nx = 2\nini = :more\n[more]\nx = 3\n',
    'part.ini': '[uwsgi]\nx = wrong\n',
    'shared.ini': '[uwsgi]\nx = 4\n',
  });
  assert.deepEqual(load(['conf/main.ini'], folder).options.get('x'), ['1', '2', '3', '4', '5']);
});

test('placeholders that are set so far are filled in for an include', () => {
  writeFiles(folder, { 'env/test.ini': '[uwsgi]\nx = found\n' });
  assert.equal(xOf(['dir = env', 'ini = %(dir)/$(STAGE).ini'], { STAGE: 'test' }), 'found');
});

test('a file that includes itself, however far round, is an error', () => {
  writeFiles(folder, { 'one.ini': '[uwsgi]\nini = two.ini\n', 'two.ini': '[uwsgi]\nini = ./one.ini\n' });
  assert.match(
    errorOf(() => load(['one.ini'], folder)).message,
    /"one\.ini" at two\.ini:2:7: \[uwsgi\] includes itself/,
  );
  assert.match(errorOf(() => loadLines(['ini = :uwsgi'], folder)).message, /\[uwsgi\] includes itself/);
});

test('an include that cannot be read is an error with the place of the include', () => {
  const error = errorOf(() => loadLines(['ini = none.ini'], folder));
  assert.equal(error.code, 'ERR_FILE');
  assert.deepEqual(error.place?.line, 2);
  assert.match(errorOf(() => loadLines(['ini = http://localhost/x.ini'], folder)).message, /only a local file/);
  assert.match(errorOf(() => loadLines(['ini = /'], folder)).message, /it is a directory/);
});

test('declared options stand for others, their words filled in', () => {
  const lines = [
    'declare-option = site=socket=%(run)/$1.sock;chdir=/srv/$1;processes=$2',
    'run = /run',
    'site = shop 4',
  ];
  const configuration = loadLines(lines, folder);
  assert.deepEqual(configuration.sockets, [{ kind: 'unix', path: '/run/shop.sock' }]);
  assert.equal(configuration.chdir, '/srv/shop');
  assert.equal(configuration.processes, 4);
});

test('a declared option without its words, going round in circles or named as an option is an error', () => {
  const message = (lines: readonly string[]) => errorOf(() => loadLines(lines, folder)).message;
  assert.match(
    message(['declare-option = two=chdir=$1/$2', 'two = a']),
    /"two" at app\.ini:3:7: 2 words are wanted, got 1/,
  );
  assert.match(message(['declare-option = me=me=$1', 'me = a']), /go round in a circle/);
  assert.match(message(['declare-option = chdir=chdir2=$1']), /"chdir" is an option already/);
  assert.match(message(['declare-option = broken']), /NAME=VALUE is wanted/);
  assert.match(message(['declare-option = odd=chdir', 'odd = a']), /OPTION=VALUE is wanted/);
});

test('under strict unknown names are errors, wherever strict stands; declared and set ones are not', () => {
  const lines = ['set-ph = root=/srv', 'declare-option = at=chdir=$1', 'at = %(root)', 'strict'];
  assert.equal(loadLines(lines, folder).chdir, '/srv');
  const error = errorOf(() => loadLines(['base = /srv', 'strict = true', 'proceses = 2'], folder));
  assert.equal(error.code, 'ERR_OPTION');
  assert.match(error.message, /^Unknown option "base" at app\.ini:2:8: no option has this name\n/);
  assert.match(
    error.message,
    /Unknown option "proceses" at app\.ini:4:12: no option has this name; did you mean "processes"\?\n/,
  );
});

test('a name one edit away from an option is asked about, unless some placeholder uses it', () => {
  const warnings = (lines: readonly string[]) => warningsOf(loadLines(lines, folder));
  for (const name of ['proceses', 'processess', 'procesess', 'orocesses', 'pcorsses', 'max_requests', 'Processes']) {
    const expected = name === 'pcorsses' ? 0 : 1;
    assert.equal(warnings([`${name} = 2`]).length, expected, name);
  }
  assert.deepEqual(warnings(['modul = a', 'x = %(modul)']), []);
  assert.deepEqual(warnings(['project = a', 'base = b']), []);
});

test('a bare word that is no option is warned about', () => {
  assert.deepEqual(warningsOf(loadLines(['hello world'], folder)), [
    'Line "hello world" at app.ini:2:1 is no option and sets nothing',
  ]);
});

test('loops and includes without end are errors, and quickly', () => {
  const twice = (name: string) => `[uwsgi]\nini = ${name}\nini = ${name}\n`;
  const files = Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [`bomb${index}.ini`, twice(`bomb${index + 1}.ini`)]),
  );
  writeFiles(folder, { ...files, 'bomb20.ini': '[uwsgi]\nx = 1\n' });
  assert.match(errorOf(() => load(['bomb0.ini'], folder)).message, /more than 1000 files are included/);
  assert.match(
    errorOf(() => loadLines(['for-times = 200000', 'x = 1', 'y = 2', 'end'], folder)).message,
    /^Too many settings at app\.ini:\d+:\d+: .*\n.*\n *\^$/,
  );
  assert.match(errorOf(() => loadLines(['for-times = 999999999', 'end'], folder)).message, /at most 200000 times/);
  const laughs = Array.from({ length: 60 }, (_, index) => `k${index} = ${`%(k${index + 1})`.repeat(10)}`);
  assert.match(
    errorOf(() => loadLines([...laughs, 'k60 = ha'], folder)).message,
    /all of them together become too long/,
  );
});
