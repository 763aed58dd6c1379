// The layout of the source tree, as a test: levels, importers of third-party packages, sizes, dead files.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const source = join(root, 'src');
const LEVELS: Readonly<Record<string, number>> = {
  base: 0,
  protocol: 1,
  lane: 1,
  config: 1,
  observe: 1,
  system: 1,
  app: 2,
  front: 2,
  pool: 2,
  stats: 2,
  worker: 3,
  supervise: 3,
};
const DOORS = ['index.ts', 'cli.ts', 'command.ts', 'serve.ts', 'server.ts'];
const LINES_MAX = 400;
/** Files that node's module hooks, or a browser, load by name. */
const LOADED_BY_NAME = ['app/esbuild-hooks.ts', 'app/home-hooks.ts', 'stats/page/page.ts'];

interface SourceFile {
  readonly path: string;
  /** The first folder below src/, or the empty string for a door. */
  readonly folder: string;
  readonly lines: number;
  readonly imports: readonly string[];
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  .map(readSource);

function readSource(path: string): SourceFile {
  const text = readFileSync(join(source, path), 'utf8');
  const imports: string[] = [];
  for (const match of text.matchAll(/(?:from|import\(|require\(|import)\s*'([^']+)'/g))
    imports.push(match[1] as string);
  // A worker thread's file is named by URL.
  for (const match of text.matchAll(/new URL\('(\.[^']+\.js)', import\.meta\.url\)/g)) imports.push(match[1] as string);
  const parts = path.split('/');
  return { path, folder: parts.length > 1 ? (parts[0] as string) : '', lines: text.split('\n').length, imports };
}

function target(file: SourceFile, specifier: string): string {
  return relative(source, resolve(source, dirname(file.path), specifier)).replace(/\.js$/, '.ts');
}

test('every folder of src has its level, and every file outside the folders is a door', () => {
  for (const { path, folder } of files) {
    if (folder === '') assert.ok(DOORS.includes(path), `${path} stands beside the doors`);
    else assert.ok(folder in LEVELS, `${path}: ${folder}/ has no level`);
  }
});

test('a file imports from lower levels and its own folder only', () => {
  for (const file of files) {
    if (file.folder === '') continue;
    for (const specifier of file.imports.filter((name) => name.startsWith('.'))) {
      const other = target(file, specifier).split('/')[0] as string;
      if (other === file.folder) continue;
      const [own, theirs] = [LEVELS[file.folder] as number, LEVELS[other] ?? Number.POSITIVE_INFINITY];
      assert.ok(theirs < own, `${file.path} imports ${specifier}: ${other}/ is not below ${file.folder}/`);
    }
  }
});

test('a third-party package has one importer', () => {
  const importers = new Map<string, string[]>();
  for (const file of files) {
    for (const specifier of new Set(file.imports)) {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
      const name = specifier.startsWith('@')
        ? specifier.split('/').slice(0, 2).join('/')
        : (specifier.split('/')[0] as string);
      importers.set(name, [...(importers.get(name) ?? []), file.path]);
    }
  }
  for (const [name, paths] of importers) assert.equal(paths.length, 1, `${name} is imported by ${paths.join(', ')}`);
});

test('the command line holds signals before it loads anything else', () => {
  const importsOf = (path: string) => files.find((file) => file.path === path)?.imports;
  assert.deepEqual(importsOf('cli.ts'), ['./system/held-signals.js', './command.js']);
  assert.match(readFileSync(join(source, 'cli.ts'), 'utf8'), /^await import\('\.\/command\.js'\);$/m);
  assert.deepEqual(importsOf('system/held-signals.ts'), []);
});

test('only lane/, the counters and the log use Atomics, and the threads that wait on a mode word', () => {
  const allowed = /^(lane\/|observe\/(counters|log|datagram-log|line-writer)\.ts|front\/gateway\/(thread|gateway)\.ts)/;
  for (const { path } of files) {
    if (allowed.test(path)) continue;
    assert.ok(!/\bAtomics\./.test(readFileSync(join(source, path), 'utf8')), `${path} uses Atomics`);
  }
});

test('no file is dead: every one is reached from a door or a thread', () => {
  const reached = new Set<string>(['index.ts', 'cli.ts', ...LOADED_BY_NAME]);
  const queue = [...reached];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const file = files.find((candidate) => candidate.path === path);
    for (const specifier of file?.imports ?? []) {
      if (!specifier.startsWith('.')) continue;
      const next = target(file as SourceFile, specifier);
      if (!reached.has(next)) {
        reached.add(next);
        queue.push(next);
      }
    }
  }
  const dead = files.map((file) => file.path).filter((path) => !reached.has(path));
  assert.deepEqual(dead, []);
});

test('files are short', () => {
  const long = files.filter((file) => file.lines > LINES_MAX).map((file) => `${file.path}: ${file.lines}`);
  assert.deepEqual(long, []);
});
