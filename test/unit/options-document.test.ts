// docs/options.md is generated from the option table, and current.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { APPLICATION_KINDS } from '../../dist/app/exchange.js';
import { findOption } from '../../dist/config/options.js';
import { renderOptionsDocument } from '../../dist/config/options-doc.js';

test('docs/options.md is what `npm run docs` would write', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/options.md'), 'utf8');
  assert.equal(page, renderOptionsDocument());
});

test('app-kind names the kinds of application there are', () => {
  const row = findOption('app-kind');
  assert.ok(row !== undefined && 'choices' in row);
  assert.deepEqual([...row.choices].sort(), [...APPLICATION_KINDS].sort());
});
