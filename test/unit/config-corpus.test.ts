// Files such as people have: each gives the configuration it should, and prints as a file that gives the same again.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { configurationFromObject } from '../../dist/config/from-object.js';
import { showConfig } from '../../dist/config/show.js';
import { CORPUS, EXPECTED, loggingTo } from './config-corpus-expected.js';
import { behaviourOf, load, makeFolder, warningsOf, writeFiles } from './config-fixture.js';

const folder = makeFolder();
const ENVIRONMENT = { HOME: '/home/me', WORKERS: '7', EMPTY: '' };
const DEFAULTS = behaviourOf(configurationFromObject({}, CORPUS, {}));

test('every file of the corpus has its expectation', () => {
  const files = readdirSync(CORPUS).filter((name) => name.endsWith('.ini'));
  assert.deepEqual(files.sort(), Object.keys(EXPECTED).sort());
  assert.ok(files.length >= 60, String(files.length));
});

for (const [file, expected] of Object.entries(EXPECTED)) {
  test(`${file} is read as it is meant`, () => {
    const configuration = load([file], CORPUS, ENVIRONMENT);
    const plan = loggingTo(expected.is.logto ?? expected.is.daemonize);
    assert.deepEqual(behaviourOf(configuration), { ...DEFAULTS, ...plan, ...expected.is });
    assert.deepEqual(warningsOf(configuration), expected.warnings ?? []);
    const withoutEffect = configuration.notices.flatMap(
      ({ text }) => /^Option "(.*?)".* has no effect: /.exec(text)?.[1] ?? [],
    );
    assert.deepEqual(withoutEffect, expected.withoutEffect ?? []);
  });

  test(`${file} prints as a file that is read the same`, () => {
    const configuration = load([file], CORPUS, ENVIRONMENT);
    const shown = showConfig(configuration);
    writeFiles(folder, { 'shown.ini': shown });
    const again = load([join(folder, 'shown.ini')], CORPUS, ENVIRONMENT);
    assert.deepEqual(behaviourOf(again), behaviourOf(configuration));
    assert.equal(showConfig(again), shown);
  });
}
