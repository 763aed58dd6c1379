// What an operator sees of a wrong file: every error at once, each with its place, its line and a caret.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorOf, load, loadLines, makeFolder, warningsOf, writeFiles } from './config-fixture.js';

const folder = makeFolder();

test('warnings are told with the errors: one may be why of the other', () => {
  const { message } = errorOf(() => loadLines(['sice = 4k', 'buffer-size = %(size)', 'proceses = 4'], folder));
  assert.deepEqual(
    message.split('\n').filter((line) => !line.startsWith(' ')),
    [
      'Cannot parse option "buffer-size" at app.ini:3:15: a whole number of bytes, with k, m or g for 1024s of them is wanted, got "%(size)"',
      'Warning: "%(size)" at app.ini:3:15 stays: nothing of that name is set',
      'Warning: Unknown option "proceses" at app.ini:4:12 is taken for a placeholder; did you mean "processes"?',
    ],
  );
});

const NEAR = [
  ['procesess', 'processes'],
  ['harakri', 'harakiri'],
  ['harakirii', 'harakiri'],
  ['hraakiri', 'harakiri'],
  ['Chdir', 'chdir'],
  ['buffer_size', 'buffer-size'],
  ['xmodule', 'module'],
] as const;

for (const [written, meant] of NEAR) {
  test(`"${written}" is asked whether "${meant}" was meant`, () => {
    assert.match(warningsOf(loadLines([`${written} = 1`], folder)).join(), new RegExp(`did you mean "${meant}"\\?$`));
  });
}

test('two edits away is another word', () => {
  for (const word of ['harxkirx', 'modle_', 'proesse', 'ahrakirx']) {
    assert.deepEqual(warningsOf(loadLines([`${word} = 1`], folder)), []);
  }
});

test('an error names option, file, line and column, and shows the line with a caret', () => {
  const error = errorOf(() => loadLines(['master = true', '  harakiri =  -1 # soon'], folder));
  assert.equal(
    error.message,
    [
      'Cannot parse option "harakiri" at app.ini:3:15: value must be >= 0, got -1',
      '      harakiri =  -1 # soon',
      '                  ^',
    ].join('\n'),
  );
  assert.equal(error.code, 'ERR_OPTION');
  assert.equal(error.option, 'harakiri');
  assert.deepEqual([error.place?.file, error.place?.line, error.place?.column], ['app.ini', 3, 15]);
  assert.equal(error.exitStatus, 1);
});

test('all errors of a file are told at once, in the order of its lines', () => {
  const { message } = errorOf(() =>
    loadLines(['a = %(b)', 'listen = x', 'b = %(a)', 'ini = none.ini', 'processes = 0', ' = 1', 'mule = 1'], folder),
  );
  assert.deepEqual(message.match(/(?<=app\.ini:)\d+/g), ['2', '3', '5', '6', '7', '8']);
});

test('errors of an included file name that file, after those of the files that failed before', () => {
  writeFiles(folder, { 'inc/part.ini': '[uwsgi]\nlisten = x\n' });
  const { message } = errorOf(() => loadLines(['processes = x', 'ini = inc/part.ini'], folder));
  assert.match(message, /app\.ini:2:13: .*\n.*\n.*\nCannot parse option "listen" at inc\/part\.ini:2:10: /);
});

test('of very many errors the first are shown and the rest counted', () => {
  const { message } = errorOf(() =>
    loadLines(
      Array.from({ length: 50 }, () => 'listen = x'),
      folder,
    ),
  );
  assert.equal(message.match(/Cannot parse/g)?.length, 20);
  assert.match(message, /\nand 30 more$/);
});

test('a long line is cut around the caret, and control characters do not reach the terminal', () => {
  const long = `listen = \u001b[31m${'y'.repeat(500)}`;
  const [first = '', line = '', caret = ''] = errorOf(() => loadLines([long], folder)).message.split('\n');
  assert.ok(line.length < 140, String(line.length));
  assert.equal(line[caret.indexOf('^')], ' ');
  assert.equal(line[caret.indexOf('^') + 1], '[');
  assert.ok(!(first + line).includes('\u001b'));
});

test('a value that a placeholder made is reported where it is used', () => {
  const { message } = errorOf(() => loadLines(['n = many', 'processes = %(n)'], folder));
  assert.match(message, /at app\.ini:3:13: a whole number of workers is wanted, got "many"/);
});

test('errors of an environment or a command line have no line', () => {
  const error = errorOf(() => load(['--listen=x'], folder));
  assert.equal(
    error.message,
    'Cannot parse option "listen" on the command line: a whole number of connections is wanted, got "x"',
  );
  assert.equal(error.place?.line, 0);
});

test('an included file is named from the directory at hand, and an include of nothing is an error', () => {
  writeFiles(folder, {
    'inc/one.ini': '[uwsgi]\nini = deep/two.ini\n',
    'inc/deep/two.ini': '[uwsgi]\nini = ../three.ini\nlisten = x\n',
    'inc/three.ini': '[uwsgi]\nprocesses = x\nprocname = %o\nini =\n',
  });
  const { message } = errorOf(() => loadLines(['ini = inc/one.ini'], folder));
  assert.match(message, /"processes" at inc\/three\.ini:2:13: /);
  assert.match(message, /"ini" at inc\/three\.ini:4:6: a file is wanted, got ""/);
  assert.match(message, /"listen" at inc\/deep\/two\.ini:3:10: /);
});

test('%o is the name as it was given, whatever errors show', () => {
  writeFiles(folder, { 'inc/a.ini': '[uwsgi]\nini = sub/b.ini\n', 'inc/sub/b.ini': '[uwsgi]\nprocname = %o\n' });
  assert.equal(load(['inc/a.ini'], folder).procname, 'sub/b.ini');
});

const SAID: readonly (readonly [string, string])[] = [
  ['need-app = flase', 'Option "need-app" at app.ini:2:12 is true: "flase" is neither true nor false'],
  ['vacuum = no; really', 'Option "vacuum" at app.ini:2:10 is true: "no; really" is neither true nor false'],
  ['processes 4', 'Line "processes 4" at app.ini:2:1 is no option and sets nothing; did you mean "processes = 4"?'],
  ['bind = :8000', 'Unknown option "bind" at app.ini:2:8 is taken for a placeholder, which nothing uses'],
  ['worker_class = a', 'Unknown option "worker_class" at app.ini:2:16 is taken for a placeholder, which nothing uses'],
];

for (const [line, text] of SAID) {
  test(`"${line}" is not passed over in silence`, () => {
    assert.deepEqual(
      loadLines([line], folder).notices.map((notice) => notice.text),
      [text],
    );
  });
}

test('a key that a placeholder, sum or condition asks for is nothing to talk about', () => {
  const lines = [
    'stage = prod',
    'port_prod = 80',
    'port_test = 8000',
    'n = 2',
    'list = a b',
    'flag = 1',
    'http = :%(port_%(stage))',
    'processes = %(n + 1)',
    'for = %(list)',
    'env = X_%(_)=1',
    'endfor',
    'if-opt = flag',
    'vacuum = true',
    'endif',
  ];
  assert.deepEqual(loadLines(lines, folder).notices, []);
});

test('what module says is not said again: the other options are not used', () => {
  const lines = ['module = pkg.web:app', 'file = web.js', 'callable = other'];
  assert.deepEqual(
    loadLines(lines, folder).notices.map((notice) => notice.text),
    [
      'Option "file" at app.ini:3:8 is not used: module = pkg.web:app says it',
      'Option "callable" at app.ini:4:12 is not used: module = pkg.web:app says it',
    ],
  );
});
