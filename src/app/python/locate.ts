// Finds out whether an application is a Python one, and which interpreter runs it.
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { errorMessage, FastwsgiError } from '../../base/errors.js';
import { type ApplicationSpec, moduleExists } from '../locate.js';

const SYSTEM_INTERPRETER = 'python3';

/**
 * Whether the application is Python's: `app-kind` says it, or its file. Of a module of that name in both languages, the other one
 * is taken.
 */
export function isPython({ module, file, kind, chdir, home, python }: ApplicationSpec): boolean {
  if (kind !== undefined) return kind === 'python';
  if (module === undefined) return /\.(py|wsgi)$/.test(file ?? '');
  return (
    findsPythonModule(module, [chdir, ...(python?.pythonPath ?? []), ...sitePackages(home)]) &&
    !moduleExists(module, chdir)
  );
}

/** Whether `module` (`pkg.mod`, or with `:callable`) is a Python module below one of `folders`: a .py file, or a package. */
function findsPythonModule(module: string, folders: readonly string[]): boolean {
  const [name = ''] = module.split(':');
  return folders.some((folder) => {
    const base = resolve(folder, ...name.split('.'));
    return [`${base}.py`, join(base, '__init__.py')].some(isFile);
  });
}

/** `home`'s interpreter, else the system's. Throws ERR_APPLICATION_LOAD when `home` has none. */
export function interpreterOf(home: string | undefined): string {
  if (home === undefined) return SYSTEM_INTERPRETER;
  const found = ['python', SYSTEM_INTERPRETER].map((name) => join(home, 'bin', name)).find(isFile);
  if (found !== undefined) return found;
  throw new FastwsgiError(
    'ERR_APPLICATION_LOAD',
    `Cannot load the application: there is neither bin/python nor bin/python3 in ${home}`,
    { option: 'home' },
  );
}

function sitePackages(home: string | undefined): readonly string[] {
  const lib = home === undefined ? undefined : join(home, 'lib');
  if (lib === undefined || statSync(lib, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(lib).map((python) => join(lib, python, 'site-packages'));
}

/** Throws ERR_APPLICATION_LOAD where that cannot be found out: a folder on the way is not ours to search. */
function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch (error) {
    throw new FastwsgiError('ERR_APPLICATION_LOAD', `Cannot load the application: ${errorMessage(error)}`);
  }
}
