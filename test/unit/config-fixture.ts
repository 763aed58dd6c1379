// What the configuration tests share: files in a folder of their own, and the errors and warnings of reading them.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { FastwsgiError } from '../../dist/base/errors.js';
import { parseCommandLine } from '../../dist/config/command-line.js';
import type { Configuration } from '../../dist/config/configuration.js';

/** A folder that is removed when the test file is done. */
export function makeFolder(): string {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'config-test-')));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes files, named relative to `folder`. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

/** The configuration of these arguments. */
export function load(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Configuration {
  const command = parseCommandLine(argv, env, cwd);
  assert.ok('configuration' in command, `a ${command.kind} command has no configuration`);
  return command.configuration;
}

/** The configuration of the lines of a `[uwsgi]` section in `app.ini`. */
export function loadLines(lines: readonly string[], folder: string, env: NodeJS.ProcessEnv = {}): Configuration {
  writeFiles(folder, { 'app.ini': ['[uwsgi]', ...lines, ''].join('\n') });
  return load(['app.ini'], folder, env);
}

/** The error that `action` throws. */
export function errorOf(action: () => unknown): FastwsgiError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof FastwsgiError, String(error));
    return error;
  }
  assert.fail('nothing was thrown');
}

export function warningsOf(configuration: Configuration): readonly string[] {
  return configuration.notices.filter((notice) => notice.level === 'warning').map((notice) => notice.text);
}

/** Everything but what says where it came from: two configurations that behave the same are equal. */
export function behaviourOf(configuration: Configuration): Partial<Configuration> {
  const { settings, notices, options, ...behaviour } = configuration;
  return behaviour;
}
