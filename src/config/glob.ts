// Paths that match a shell pattern, for `for-glob`: `*`, `?` and `[...]` within one folder's name, as glob(7) has them.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { SETTINGS_MAX } from './limits.js';

/** Sorted; a folder ends with a slash; the pattern itself if nothing matches. Relative patterns start in `cwd`. */
export function expandGlob(pattern: string, cwd: string): readonly string[] {
  let found = [pattern.startsWith('/') ? '/' : ''];
  const segments = pattern.split('/').filter((segment) => segment !== '');
  segments.forEach((segment, index) => {
    const foldersOnly = index < segments.length - 1;
    found = found.flatMap((folder) => matchesIn(folder, segment, cwd, foldersOnly));
    if (found.length > SETTINGS_MAX) throw new Error(`more than ${SETTINGS_MAX} paths match "${pattern}"`);
  });
  const paths = found.filter((name) => name !== '').sort();
  return paths.length === 0 ? [pattern] : paths.map((name) => (isFolder(path.resolve(cwd, name)) ? `${name}/` : name));
}

function matchesIn(folder: string, segment: string, cwd: string, foldersOnly: boolean): string[] {
  const join = (name: string) => (folder === '' || folder === '/' ? `${folder}${name}` : `${folder}/${name}`);
  if (!/[*?[]/.test(segment)) {
    return statSync(path.resolve(cwd, join(segment)), { throwIfNoEntry: false }) === undefined ? [] : [join(segment)];
  }
  const tokens = tokenize(segment);
  const hidden = segment.startsWith('.');
  const names = entriesOf(path.resolve(cwd, folder)).filter(
    (name) => hidden === name.startsWith('.') && matches(name, tokens),
  );
  return names.map(join).filter((name) => !foldersOnly || isFolder(path.resolve(cwd, name)));
}

/** `*`, or a test of one character. */
type GlobToken = '*' | ((char: string) => boolean);

function tokenize(segment: string): GlobToken[] {
  return [...segment.matchAll(/\*+|\[[!^]?\]?[^\]]*\]|[\s\S]/g)].map(([part]) => {
    if (part.startsWith('*')) return '*';
    if (part === '?') return () => true;
    if (part.length === 1) return (char: string) => char === part;
    const negated = /^\[[!^]/.test(part);
    const members = new RegExp(`[${part.slice(negated ? 2 : 1, -1).replace(/[\\\]^[]/g, '\\$&')}]`);
    return (char: string) => members.test(char) !== negated;
  });
}

/** Greedy with one step back to the last star: the time is the product of the lengths at worst. */
function matches(name: string, tokens: readonly GlobToken[]): boolean {
  let at = 0;
  let token = 0;
  let star = -1;
  let starAt = 0;
  while (at < name.length) {
    const wanted = tokens[token];
    if (wanted === '*') {
      star = token;
      starAt = at;
      token += 1;
    } else if (wanted?.(name.charAt(at)) === true) {
      at += 1;
      token += 1;
    } else if (star !== -1) {
      starAt += 1;
      at = starAt;
      token = star + 1;
    } else {
      return false;
    }
  }
  return tokens.slice(token).every((rest) => rest === '*');
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // a folder that may not be read matches nothing
  }
}

function isFolder(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
}
