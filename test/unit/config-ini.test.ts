// The lines of an INI file: sections, comments, quotes, colons, encodings.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readIni } from '../../dist/config/ini-reader.js';
import { cutComment, quote, unquote } from '../../dist/config/ini-value.js';
import { Report } from '../../dist/config/setting.js';
import { errorOf, load, loadLines, makeFolder, warningsOf, writeFiles } from './config-fixture.js';

const folder = makeFolder();

function entriesOf(text: string, section = 'uwsgi') {
  const report = new Report();
  const { entries } = readIni(text, 'app.ini', section, report);
  report.throwIfFailed();
  return entries.map((entry) => [entry.key, entry.value]);
}

const COMMENTS = [
  ['master = true # yes', 'master = true'],
  ['master = true ; yes', 'master = true'],
  ['master = true\t# yes', 'master = true'],
  ['socket = /tmp/a#b.sock', 'socket = /tmp/a#b.sock'],
  ['a = x;y', 'a = x;y'],
  ['a = #x', 'a ='],
  ['a =#x', 'a =#x'],
  ['a = "x # y" # z', 'a = "x # y"'],
  ["a = 'x ; y' ; z", "a = 'x ; y'"],
  ['a = say "x # y" now # z', 'a = say "x # y" now'],
  ["a = Bob's # it's his", "a = Bob's"],
  ['a = "open # never closed', 'a = "open'],
  ['a = "x \\" # y" # z', 'a = "x \\" # y"'],
  ['master # bare = not', 'master'],
] as const;

for (const [line, kept] of COMMENTS) {
  test(`of the line ${JSON.stringify(line)} this is kept: ${JSON.stringify(kept)}`, () => {
    assert.equal(cutComment(line), kept);
  });
}

const QUOTED = [
  ['"x"', 'x'],
  ["'x'", 'x'],
  ['"a \\"b\\" \\u00e9"', 'a "b" é'],
  ["'a \\n'", 'a \\n'],
  ['"C:\\apps"', 'C:\\apps'],
  ["'true'", 'true'],
  ['"1"', '1'],
  ['"a" and "b"', '"a" and "b"'],
  ['"', '"'],
  ['""', ''],
  ['"x', '"x'],
  ['x"', 'x"'],
] as const;

for (const [text, value] of QUOTED) {
  test(`the value ${text} is read as ${JSON.stringify(value)}`, () => {
    assert.equal(unquote(text), value);
  });
}

test('a value is quoted only where reading it would change it', () => {
  assert.equal(quote('a#b "c" d'), 'a#b "c" d');
  assert.equal(quote('a # b'), '"a # b"');
  assert.equal(quote(' a'), '" a"');
  assert.equal(quote('"a"'), '"\\"a\\""');
  assert.equal(quote('a\nb'), '"a\\nb"');
});

test('keeps the order and the repetition of keys, and trims both sides', () => {
  assert.deepEqual(entriesOf('[uwsgi]\n b = 2 \na=1\n\tb\t=\t3\nc\nd =\n'), [
    ['b', '2'],
    ['a', '1'],
    ['b', '3'],
    ['c', ''],
    ['d', ''],
  ]);
});

test('values run from the first equals sign', () => {
  assert.deepEqual(entriesOf('[uwsgi]\nenv = A=b=c\n'), [['env', 'A=b=c']]);
});

test('reads the section that was asked for, in all its pieces', () => {
  const text = '[uwsgi]\na=1\n[other] ; comment\na=2\n[ uwsgi ]\nb=3\n';
  assert.deepEqual(entriesOf(text), [
    ['a', '1'],
    ['b', '3'],
  ]);
  assert.deepEqual(entriesOf(text, 'other'), [['a', '2']]);
});

for (const [name, newline] of [
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
] as const) {
  test(`reads ${name} line ends, and counts lines by them`, () => {
    const report = new Report();
    const { entries } = readIni(['[uwsgi]', '', 'a = 1', ''].join(newline), 'app.ini', 'uwsgi', report);
    assert.deepEqual(
      entries.map((entry) => [entry.value, entry.place.line, entry.place.column]),
      [['1', 3, 5]],
    );
  });
}

test('a known option may be written with a colon, with a warning; another name may not', () => {
  const configuration = loadLines(['socket:9999', 'processes: 3', 'env: A=b', 'colour: = red', 'x = a:b'], folder);
  assert.deepEqual(configuration.sockets, [{ kind: 'tcp', host: '0.0.0.0', port: 9999 }]);
  assert.equal(configuration.processes, 3);
  assert.deepEqual(configuration.env, { A: 'b' });
  assert.equal(configuration.options.get('colour:'), 'red');
  assert.deepEqual(warningsOf(configuration), [
    '"socket:" at app.ini:2:8 is read as "socket = :9999"',
    '"processes:" at app.ini:3:12 is read as "processes = 3"',
    '"env:" at app.ini:4:6 is read as "env = A=b"',
  ]);
});

test('a byte order mark, UTF-16 and characters beyond ASCII are read', () => {
  writeFiles(folder, {
    'bom.ini': '\ufeff[uwsgi]\nprocname = é',
    'le.ini': Buffer.from('\ufeff[uwsgi]\nprocname = é', 'utf16le'),
    'be.ini': Buffer.from('\ufeff[uwsgi]\nprocname = é', 'utf16le').swap16(),
  });
  for (const name of ['bom.ini', 'le.ini', 'be.ini']) assert.equal(load([name], folder).procname, 'é');
});

test('bytes that are no text are an error at their line and column, in a comment they are nobody’s business', () => {
  writeFiles(folder, {
    'nul.ini': '[uwsgi]\nprocname = a\0b\n',
    'latin.ini': Buffer.from('[uwsgi]\n# caf\u00e9\nprocname = caf\u00e9\n', 'latin1'),
  });
  assert.match(errorOf(() => load(['nul.ini'], folder)).message, /^Cannot read line at nul\.ini:2:13: a NUL byte/);
  assert.match(errorOf(() => load(['latin.ini'], folder)).message, /^Cannot read line at latin\.ini:3:15: not UTF-8/);
});

test('what cannot be a line is an error with its place', () => {
  assert.match(errorOf(() => entriesOf('[uwsgi\n')).message, /^Cannot parse section at app\.ini:1:1: .*\[name\]/);
  assert.match(errorOf(() => entriesOf('[uwsgi]\n = 3\n')).message, /^Cannot parse line at app\.ini:2:2: a name/);
});

test('a line before the first section is not read, with a warning', () => {
  writeFiles(folder, { 'early.ini': 'http = :1\n[uwsgi]\nprocesses = 2\n' });
  const configuration = load(['early.ini'], folder);
  assert.deepEqual(configuration.httpSockets, []);
  assert.deepEqual(warningsOf(configuration), [
    'Line at early.ini:1:1 stands before the first [section] and is not read',
  ]);
});

test('a file without the section is read as an empty one, with a warning', () => {
  writeFiles(folder, { 'app2.ini': '[uwsgi]\nprocesses = 2\n' });
  const configuration = load(['app2.ini:other'], folder);
  assert.equal(configuration.processes, 1);
  assert.deepEqual(warningsOf(configuration), [
    'No section on the command line: "app2.ini" has no [other] but [uwsgi]: write app2.ini:uwsgi to read that',
  ]);
  writeFiles(folder, { 'none.ini': 'processes = 2\n' });
  assert.equal(
    warningsOf(load(['none.ini'], folder)).at(-1),
    'No section on the command line: "none.ini" has no [uwsgi] nor any other section: write [uwsgi] above its first line',
  );
});
