// Blocks of the configuration language: for which values the lines of a `for` or `if` are read.
import { statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { decodeText } from './config-file.js';
import { expandGlob } from './glob.js';
import { SETTINGS_MAX } from './limits.js';
import type { OperatorFiles } from './operator-files.js';
import type { LogicName } from './options-language.js';

export type BlockName = Exclude<LogicName, 'else' | 'endif' | 'endfor' | 'end'>;

/** What a block may look at. */
export interface LogicView {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly files: OperatorFiles;
  /** The first value of a key that was read so far. */
  lookup(key: string): string | undefined;
}

/**
 * The values of `%(_)` for which the lines of a block are read: none skips them. Throws an Error that says what is wrong
 * with the argument.
 */
export function blockValues(name: BlockName, argument: string, view: LogicView): readonly string[] {
  const file = path.resolve(view.cwd, argument);
  switch (name) {
    case 'for':
      return argument.split(' ').filter((word) => word !== '');
    case 'for-glob':
      return expandGlob(argument, view.cwd);
    case 'for-times':
      return times(argument);
    case 'for-readline':
      return decodeText(view.files.read(file))
        .replace(/\n$/, '')
        .split(/\r\n|\n/);
    case 'if-env':
      return when(
        holds(argument, (key) => view.env[key]),
        view.env[nameOf(argument)] ?? '',
      );
    case 'if-not-env':
      return when(!holds(argument, (key) => view.env[key]), '');
    case 'if-opt':
      return when(holds(argument, view.lookup), view.lookup(nameOf(argument)) ?? '');
    case 'if-not-opt':
      return when(!holds(argument, view.lookup), '');
    case 'if-exists':
      return when(exists(file), argument);
    case 'if-not-exists':
      return when(!exists(file), argument);
    case 'if-file':
      return when(statOf(file)?.isFile() === true, argument);
    case 'if-not-file':
      return when(statOf(file)?.isFile() !== true, argument);
    case 'if-dir':
      return when(statOf(file)?.isDirectory() === true, argument);
    case 'if-not-dir':
      return when(statOf(file)?.isDirectory() !== true, argument);
    case 'if-hostname':
      return when(os.hostname() === argument, argument);
    case 'if-not-hostname':
      return when(os.hostname() !== argument, argument);
    default:
      return name satisfies never;
  }
}

function when(condition: boolean, value: string): readonly string[] {
  return condition ? [value] : [];
}

function times(argument: string): readonly string[] {
  if (!/^\d+$/.test(argument)) throw new Error(`a whole number is wanted, got "${argument}"`);
  const count = Number(argument);
  if (count > SETTINGS_MAX) throw new Error(`at most ${SETTINGS_MAX} times, got ${argument}`);
  return Array.from({ length: count }, (_, index) => String(index + 1));
}

/** Whether `NAME` is set, or is set to `VALUE` in `NAME=VALUE`. */
function holds(argument: string, lookup: (key: string) => string | undefined): boolean {
  const value = lookup(nameOf(argument));
  const equals = argument.indexOf('=');
  return value !== undefined && (equals === -1 || value === argument.slice(equals + 1));
}

function nameOf(argument: string): string {
  return argument.split('=', 1)[0] ?? '';
}

function exists(file: string): boolean {
  return statOf(file) !== undefined;
}

function statOf(file: string) {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined; // a path through a file, or one that may not be searched: it is not there for us
  }
}
