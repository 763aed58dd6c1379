// Printed and read again, any configuration is the same one.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { FastwsgiError } from '../../dist/base/errors.js';
import { formatSocketAddress, parseSocketAddress, type SocketAddress } from '../../dist/config/address.js';
import { parseCommandLine } from '../../dist/config/command-line.js';
import type { Configuration } from '../../dist/config/configuration.js';
import { showConfig } from '../../dist/config/show.js';

const folder = mkdtempSync(path.join(tmpdir(), 'config-property-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ENVIRONMENT = { HOME: '/h', MARK: '%(a)', DOLLAR: '$(HOME)' };

function read(text: string): Configuration {
  writeFileSync(path.join(folder, 'app.ini'), text);
  const command = parseCommandLine(['app.ini'], ENVIRONMENT, folder);
  assert.ok(command.kind === 'serve');
  return command.configuration;
}

/** Pieces that mean something to some part of the language, among ordinary text. */
const piece = fc.oneof(
  fc.constantFrom(
    '%',
    '%%',
    '%(a)',
    '%(b)',
    '%(none)',
    '%(a b)',
    '%n',
    '%q',
    '$(HOME)',
    '$(NONE)',
    '$(MARK)',
    '$(DOLLAR)',
  ),
  fc.constantFrom(
    '"',
    "'",
    ' ',
    '\t',
    '#',
    ' # ',
    ';',
    ' ; ',
    '=',
    ':',
    '\\',
    '\\n',
    '\\"',
    '$',
    '@',
    '(',
    ')',
    '%(_ _)',
    '\u00e9',
  ),
  fc.string({ maxLength: 4 }).map((text) => text.replace(/[\r\n\0]|@\(/g, '')),
);
const value = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('').replaceAll('@(', '@'));
const key = fc.constantFrom('a', 'b', 'c', 'procname', 'chdir', 'add-header', 'logto', 'pythonpath');
const line = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(key, value).map(([name, text]) => `${name} = ${text}`) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('p', 'q'), value).map(([name, text]) => `set-ph = ${name}=${text}`),
  },
  { weight: 1, arbitrary: fc.tuple(key, value).map(([name, text]) => `set = ${name}=${text}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'declare-option = at=chdir=$1;add-header=$1 %(a)',
      'at = %(b)',
      'processes = 3',
      'master',
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('for = 1 2', 'if-opt = a', 'if-not-opt = a', 'endif =', 'else =') },
);

test('what --show-config prints is read as the same configuration and printed the same again', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      let configuration: Configuration;
      try {
        configuration = read(['[uwsgi]', ...lines, ''].join('\n'));
      } catch (error) {
        assert.ok(error instanceof FastwsgiError, String(error));
        return;
      }
      const shown = showConfig(configuration);
      const again = read(shown);
      const { settings, notices, options, ...behaviour } = configuration;
      const { settings: settingsAgain, notices: noticesAgain, options: optionsAgain, ...behaviourAgain } = again;
      assert.deepEqual(behaviourAgain, behaviour);
      assert.equal(showConfig(again), shown);
    }),
    { numRuns: 2000 },
  );
});

const address: fc.Arbitrary<SocketAddress> = fc.oneof(
  fc
    .tuple(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), fc.integer({ min: 0, max: 65535 }))
    .map(([host, port]) => ({ kind: 'tcp', host, port }) as const),
  fc.stringMatching(/^\/[a-z0-9._:@[\]-]{1,100}$/).map((path) => ({ kind: 'unix', path }) as const),
  fc.stringMatching(/^[a-z0-9._:@/-]{1,100}$/).map((name) => ({ kind: 'abstract', name }) as const),
);

test('a printed address is read as the same address', () => {
  fc.assert(fc.property(address, (each) => assert.deepEqual(parseSocketAddress(formatSocketAddress(each)), each)));
});
