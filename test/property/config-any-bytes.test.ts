// Whatever a file holds, reading it gives a configuration or errors with places; it never crashes and never hangs.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { FastwsgiError } from '../../dist/base/errors.js';
import { parseCommandLine } from '../../dist/config/command-line.js';
import { optionNames } from '../../dist/config/options.js';
import { showConfig } from '../../dist/config/show.js';

const folder = mkdtempSync(path.join(tmpdir(), 'config-bytes-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Reads the bytes; throws whatever is no operator's error, or one without a place. */
function survives(bytes: Buffer | string): void {
  writeFileSync(path.join(folder, 'app.ini'), bytes);
  try {
    const command = parseCommandLine(['app.ini'], { HOME: '/h' }, folder);
    assert.ok(command.kind === 'serve');
    assert.ok(showConfig(command.configuration).startsWith('[uwsgi]\n'));
  } catch (error) {
    assert.ok(error instanceof FastwsgiError, error instanceof Error ? (error.stack ?? '') : String(error));
    assert.ok(error.place !== undefined && error.place.file !== '', error.message);
  }
}

const name = fc.constantFrom(...optionNames());
const value = fc.oneof(
  fc.constantFrom(
    '',
    'true',
    '-1',
    '0',
    '1',
    '64k',
    ':1',
    '/a',
    'a=b',
    '%(x)',
    '$(HOME)',
    '@(app.ini)',
    'app.ini',
    ':uwsgi',
  ),
  fc.constantFrom(
    'x',
    'a b c',
    '%(x + 1)',
    '%(_)',
    '"a',
    "'",
    '[',
    'x=y=$1;z=$2',
    '*',
    '/etc/*',
    '[a-',
    '\ud800',
    'é',
    '#',
    '1e9',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const line = fc.oneof(
  fc.tuple(name, fc.constantFrom('=', ' = ', ':', ''), value).map((parts) => parts.join('')),
  fc.tuple(fc.constantFrom('x', 'y', '_', '__proto__', 'constructor'), value).map(([key, text]) => `${key} = ${text}`),
  fc.constantFrom('[uwsgi]', '[', ']', '[]', '[[x]]', '; x', '=', ':', '\ufeff', '\0'),
);

test('any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => survives(Buffer.from(bytes))),
    { numRuns: 1000 },
  );
});

test('any bytes after a section header', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) =>
    survives(Buffer.concat([Buffer.from('[uwsgi]\n'), Buffer.from(bytes)])),
  );
  fc.assert(property, { numRuns: 1000 });
});

test('any options with any values, in any encoding and with any line ends', () => {
  const property = fc.property(
    fc.array(line, { maxLength: 15 }),
    fc.constantFrom('\n', '\r\n', '\r', '\n\n'),
    fc.constantFrom('utf8', 'utf16le', 'latin1'),
    (lines, newline, encoding) => {
      const text = ['[uwsgi]', ...lines].join(newline);
      survives(Buffer.from(encoding === 'utf16le' ? `\ufeff${text}` : text, encoding));
    },
  );
  fc.assert(property, { numRuns: 3000 });
});

const MEGABYTE = 1_000_000;
const MONSTERS: Readonly<Record<string, string>> = {
  'one line of a million characters': `x = ${'a'.repeat(MEGABYTE)}`,
  'a million opening brackets': '['.repeat(MEGABYTE),
  'a million opening parentheses': `x = ${'%('.repeat(MEGABYTE / 2)}`,
  'parentheses nested half a million deep': `x = %(${'('.repeat(MEGABYTE / 2)}${')'.repeat(MEGABYTE / 2)})`,
  'placeholders nested a quarter of a million deep': `x = ${'%('.repeat(MEGABYTE / 4)}${')'.repeat(MEGABYTE / 4)}`,
  'a million quotes': `x = ${'"'.repeat(MEGABYTE)}`,
  'a million escaped quotes': `x = ${' "\\'.repeat(MEGABYTE / 3)}`,
  'a million apostrophes before comments': `x = ${" '#".repeat(MEGABYTE / 3)}`,
  'a million comment signs': `x =${' #'.repeat(MEGABYTE / 2)}`,
  'a million percent signs': `x = ${'%'.repeat(MEGABYTE)}`,
  'a hundred thousand empty sections': '[uwsgi]\n'.repeat(100_000),
  'a hundred thousand loops': 'for = a\nendfor =\n'.repeat(50_000),
  'a hundred thousand wrong lines': 'listen = x\n'.repeat(100_000),
  'a hundred thousand unknown names': Array.from(
    { length: 100_000 },
    (_, index) => `key${index} = %(key${index + 1})`,
  ).join('\n'),
  'a chain of ten thousand placeholders': Array.from(
    { length: 10_000 },
    (_, index) => `k${index} = %(k${index + 1})`,
  ).join('\n'),
  'a file that includes itself many times': 'ini = app.ini\n'.repeat(1000),
  'a value of a hundred thousand words': `for = ${'a '.repeat(100_000)}\nx = %(_)\nendfor`,
  'a million spaces before nothing': `x = a${' '.repeat(MEGABYTE)}b`,
};

for (const [title, text] of Object.entries(MONSTERS)) {
  test(title, () => survives(`[uwsgi]\n${text}\n`));
}
