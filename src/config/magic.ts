// Magic letters: `%d`, `%n` and their siblings, replaced in the values of a file as it is loaded.
import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export type MagicTable = ReadonlyMap<string, string>;

/** The letters that are the same for every file. `version` is ours, as uWSGI's %V is its own. */
export function processMagic(cwd: string, version: string): Map<string, string> {
  const uid = String(process.getuid?.() ?? 0);
  const gid = String(process.getgid?.() ?? 0);
  const nowMs = Date.now();
  return new Map([
    ['%', '%'],
    ['v', cwd],
    ['h', os.hostname()],
    ['k', String(os.availableParallelism())],
    ['t', String(Math.floor(nowMs / 1000))],
    ['T', String(nowMs * 1000)],
    ['u', uid],
    ['U', userName() ?? uid],
    ['g', gid],
    ['G', groupName(gid) ?? gid],
    ['V', version],
  ]);
}

/** The letters of one file: `given` as it was named, `section` as it was asked for (empty if it was not). */
export function fileMagic(given: string, absolute: string, section: string): Map<string, string> {
  const base = path.basename(absolute);
  const extension = path.extname(base);
  const directory = path.dirname(absolute);
  return new Map([
    ['o', given],
    ['p', absolute],
    ['s', base],
    ['n', base.slice(0, base.length - extension.length)],
    ['e', extension.slice(1)],
    ['d', directory === '/' ? '/' : `${directory}/`],
    ['c', path.basename(directory)],
    ['x', section],
  ]);
}

/** The absolute path that `%p` shows: a link keeps its own name, the folders before it are resolved, as in uWSGI. */
export function absoluteName(file: string): string {
  return lstatSync(file).isSymbolicLink() ? file : realpathSync(file);
}

/** Replaces the letters of `table`; `%(` and a letter nobody knows stay, and `unknown` is called for the latter. */
export function replaceMagic(text: string, table: MagicTable, unknown: (letter: string) => void): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([%A-Za-z])/g, (written, letter: string) => {
    const value = table.get(letter);
    if (value === undefined) unknown(letter);
    return value ?? written;
  });
}

/** The text as it must be written so that reading it gives it back: `%` doubled, except before a parenthesis. */
export function escapeMagic(text: string): string {
  return text.replace(/%(?!\()/g, '%%');
}

function userName(): string | undefined {
  try {
    return os.userInfo().username;
  } catch {
    return undefined; // a container's user without an entry in /etc/passwd
  }
}

function groupName(gid: string): string | undefined {
  try {
    const lines = readFileSync('/etc/group', 'utf8').split('\n');
    return lines.map((line) => line.split(':')).find((fields) => fields[2] === gid)?.[0];
  } catch {
    return undefined;
  }
}
