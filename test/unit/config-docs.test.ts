// docs/configuration.md shows what the commands print: each is run on the file above it, and what is pasted must be its output.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeFolder, writeFiles } from './config-fixture.js';

const folder = makeFolder();
const root = path.join(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'docs/configuration.md'), 'utf8');
writeFiles(folder, { 'shop/web.js': '' });

interface Example {
  readonly command: string;
  readonly output: string;
}

/** The commands of the page that end by themselves; the file that each names is written from the block before. */
function examplesOf(): Example[] {
  const examples: Example[] = [];
  let file = '';
  for (const [, kind, text = ''] of page.matchAll(/^```(ini|console)\n(.*?)^```$/gms)) {
    if (kind === 'ini') {
      file = text;
      continue;
    }
    for (const part of text.split(/^\$ /m).slice(1)) {
      const [command = '', ...output] = part.split('\n');
      const [name] = /\w+\.ini/.exec(command) ?? [];
      if (name !== undefined) writeFiles(folder, { [name]: file });
      if (command.includes('--')) examples.push({ command, output: output.join('\n') });
    }
  }
  return examples;
}

const EXAMPLES = examplesOf();

test('the page has examples', () => {
  assert.ok(EXAMPLES.length >= 8, String(EXAMPLES.length));
});

for (const { command, output } of EXAMPLES) {
  test(`docs/configuration.md: ${command}`, () => {
    const [environment = '', words = ''] = command.split('fastwsgi-ts ');
    const env = Object.fromEntries(environment.split(' ').flatMap((each) => (each === '' ? [] : [each.split('=')])));
    const args = [path.join(root, 'dist/cli.js'), ...words.split(' ')];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env });
    assert.equal(stderr + stdout, output);
  });
}
