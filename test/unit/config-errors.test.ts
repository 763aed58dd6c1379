// What an operator sees of a wrong file: every error at once, each with its place, its line and a caret.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorOf, load, loadLines, makeFolder, writeFiles } from './config-fixture.js';

const folder = makeFolder();

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
