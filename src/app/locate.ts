// Finds the file of an application: from a module name (`pkg.mod:callable`), or from a path.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { errorMessage, FastwsgiError } from '../base/errors.js';
import type { PythonInit } from '../lane/worker-init.js';

/** What a module's name may end with, in the order in which they are tried. */
const EXTENSIONS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'] as const;

/** What to load: options `module`, or `wsgi-file`/`file`; `callable`, `app-kind`, `chdir`. */
export interface ApplicationSpec {
  /** `pkg.mod:callable`. */
  readonly module?: string | undefined;
  /** A path, taken when there is no `module`. */
  readonly file?: string | undefined;
  /** Name of the export. One that is named in `module` goes first. `name()` is a factory: what it returns is the application. */
  readonly callable?: string | undefined;
  readonly kind?: string | undefined;
  /** Absolute. */
  readonly chdir: string;
  /** A folder whose node_modules is searched, too, or a virtual environment of Python's. Absolute. */
  readonly home?: string | undefined;
  readonly python?: PythonInit | undefined;
}

/** A file, and the export that was asked for; undefined when none was, and the default applies. */
export interface Located {
  readonly file: string;
  readonly exportName: string | undefined;
}

/**
 * The file of `module`, an option's value such as `pkg.mod:callable`: dots are folders under `chdir`, and the last name is a
 * file or a package's folder. Throws ERR_APPLICATION_LOAD that lists what was tried.
 */
export function locateModule(module: string, chdir: string): Located {
  const colon = module.indexOf(':');
  const name = colon < 0 ? module : module.slice(0, colon);
  const exportName = colon < 0 ? undefined : module.slice(colon + 1);
  const parts = name.split('.');
  if (exportName === '' || parts.includes('') || /[/\\\0]/.test(name)) {
    throw loadError('module', `"${module}" is no name like pkg.mod:callable; for a path use wsgi-file`);
  }
  const base = resolve(chdir, ...parts);
  const tried = EXTENSIONS.map((extension) => base + extension);
  const file = tried.find(isFile) ?? packageFile(base, tried);
  if (file !== undefined) return { file, exportName };
  const hint = existsSync(resolve(chdir, name)) ? `; there is a file ${name}: use wsgi-file = ${name}` : '';
  throw loadError('module', `found no file for module "${name}"; tried ${tried.join(', ')}${hint}`);
}

/** Whether `locateModule` would find a file. */
export function moduleExists(module: string, chdir: string): boolean {
  try {
    return isFile(locateModule(module, chdir).file);
  } catch {
    return false;
  }
}

/** The file at `path` (options `wsgi-file`, `file`), taken from `chdir`. Throws ERR_APPLICATION_LOAD where there is none. */
export function locateFile(path: string, chdir: string): Located {
  const file = resolve(chdir, path);
  if (!isFile(file)) throw loadError('wsgi-file', `there is no file ${file}`);
  return { file, exportName: undefined };
}

/** The entry of a package's folder: `exports`, then `main` of its package.json, then its index. Adds to `tried`. */
function packageFile(folder: string, tried: string[]): string | undefined {
  const manifestFile = join(folder, 'package.json');
  tried.push(manifestFile);
  const entry = isFile(manifestFile) ? manifestEntry(manifestFile) : undefined;
  const candidates = EXTENSIONS.map((extension) => join(folder, `index${extension}`));
  if (entry !== undefined) {
    const base = resolve(folder, entry);
    candidates.unshift(base, ...EXTENSIONS.map((extension) => base + extension), join(base, 'index.js'));
  }
  tried.push(...candidates);
  return candidates.find(isFile);
}

function manifestEntry(file: string): string | undefined {
  let manifest: unknown;
  try {
    manifest = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new FastwsgiError('ERR_APPLICATION_LOAD', `Cannot read ${file}: ${errorMessage(error)}`, { cause: error });
  }
  if (!isRecord(manifest)) return undefined;
  const { exports, main } = manifest;
  const root = isRecord(exports) && '.' in exports ? exports['.'] : exports;
  return exportTarget(root) ?? (typeof main === 'string' ? main : undefined);
}

/** Node's conditional exports, for `import`: the first condition that applies, or the first of a list. */
export function exportTarget(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  if (Array.isArray(target)) return exportTarget(target[0]);
  if (!isRecord(target)) return undefined;
  for (const condition in target) {
    if (!['import', 'node', 'module-sync', 'default', 'require'].includes(condition)) continue;
    const found = exportTarget(target[condition]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function loadError(option: string, reason: string): FastwsgiError {
  return new FastwsgiError('ERR_APPLICATION_LOAD', `Cannot load the application: ${reason}`, { option });
}
