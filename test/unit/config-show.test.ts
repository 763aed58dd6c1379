// --show-config: what it prints is the same configuration when it is read again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { showConfig } from '../../dist/config/show.js';
import { behaviourOf, load, loadLines, makeFolder, writeFiles } from './config-fixture.js';

const folder = makeFolder();

test('includes, blocks and placeholders are resolved; order, aliases and placeholders are kept', () => {
  writeFiles(folder, { 'part.ini': '[uwsgi]\nworkers = 3\n' });
  const lines = [
    'base=/srv',
    'ini = part.ini',
    'for = 1 2',
    'socket = :303%(_)',
    'endfor =',
    'chdir = %(base)/app # here',
    'master',
  ];
  assert.equal(
    showConfig(loadLines(lines, folder)),
    '[uwsgi]\nbase = /srv\nworkers = 3\nsocket = :3031\nsocket = :3032\nchdir = /srv/app\nmaster =\n',
  );
});

test('what would be read differently is quoted or escaped', () => {
  writeFiles(folder, { 'raw.txt': '$(HOME) @(raw.txt)' });
  const lines = [
    'procname = "a # b"',
    "chdir = ' x'",
    'logto = %%d',
    'logto2 = "\\n"',
    'env = A=@(raw.txt)',
    'x = "\'y\'"',
  ];
  const configuration = loadLines(lines, folder, { HOME: '/h' });
  const shown = showConfig(configuration);
  assert.equal(
    shown,
    [
      '[uwsgi]',
      'procname = "a # b"',
      'chdir = " x"',
      'logto = %%d',
      'logto2 = "\\n"',
      'env = A=$%(+ +)(HOME) @%(+ +)(raw.txt)',
      'x = "\'y\'"',
      '',
    ].join('\n'),
  );
  writeFiles(folder, { 'again.ini': shown });
  const again = load(['again.ini'], folder, { HOME: '/h' });
  assert.deepEqual(behaviourOf(again), behaviourOf(configuration));
  assert.equal(again.env.A, '$(HOME) @(raw.txt)');
  assert.equal(showConfig(again), shown);
});

test('under strict the printed placeholders and declared options are still allowed', () => {
  const lines = ['strict = true', 'set-ph = a=b c', 'declare-option = at=chdir=$1', 'at = /%(a)'];
  const configuration = loadLines(lines, folder);
  const shown = showConfig(configuration);
  writeFiles(folder, { 'again.ini': shown });
  assert.deepEqual(behaviourOf(load(['again.ini'], folder)), behaviourOf(configuration));
});

test('a configuration without settings is an empty section', () => {
  assert.equal(showConfig(loadLines([], folder)), '[uwsgi]\n');
});
