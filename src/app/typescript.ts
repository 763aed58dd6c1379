// Imports an application written in TypeScript: Node itself where it strips types, else tsx or esbuild, whichever is
// installed beside the application, in its working directory, or beside us.
import { readFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { errorCode, FastwsgiError } from '../base/errors.js';
import { exportTarget } from './locate.js';

/** What Node's own stripping cannot do and a transpiler can: enums and the like, `./x.js` for x.ts, files in node_modules. */
const BEYOND_STRIPPING = new Set([
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
  'ERR_MODULE_NOT_FOUND',
]);

export function isTypeScript(file: string): boolean {
  return /\.[mc]?ts$/.test(file);
}

/** The module namespace of a `.ts`, `.mts` or `.cts` file. Throws what the import throws, or ERR_APPLICATION_LOAD when nothing here reads TypeScript. */
export async function importTypeScript(file: string, chdir: string): Promise<Readonly<Record<string, unknown>>> {
  const url = pathToFileURL(file).href;
  const folders = [dirname(file), chdir, dirname(fileURLToPath(import.meta.url))];
  // False, undefined before Node 22.10, else how far Node goes: 'strip' or 'transform'.
  if (Reflect.get(process.features, 'typescript')) {
    try {
      return await import(url);
    } catch (error) {
      if (!BEYOND_STRIPPING.has(errorCode(error)) || !(await registerTranspiler(folders))) throw error;
      // Another address: Node 22 remembers an import that failed at a file it imports.
      return await import(`${url}?transpiled`);
    }
  }
  if (await registerTranspiler(folders)) return await import(url);
  throw new FastwsgiError(
    'ERR_APPLICATION_LOAD',
    `Node ${process.versions.node} does not read TypeScript: install tsx or esbuild beside the application (npm install tsx), or use Node 22.18 or later`,
  );
}

let registered = false;

/** Makes this thread's imports read TypeScript. False when neither tsx nor esbuild is there. */
async function registerTranspiler(folders: readonly string[]): Promise<boolean> {
  if (registered) return true;
  const tsx = resolveFrom('tsx/package.json', folders);
  const esbuild = tsx === undefined ? resolveFrom('esbuild', folders) : undefined;
  if (tsx !== undefined) {
    const api: { register(): unknown } = await import(pathToFileURL(tsxApiFile(tsx)).href);
    api.register();
  } else if (esbuild !== undefined) {
    register('./esbuild-hooks.js', import.meta.url, { data: { esbuild: pathToFileURL(esbuild).href } });
  } else {
    return false;
  }
  registered = true;
  return true;
}

/** The ES module behind `tsx/esm/api`. What require() finds under that name looks for its parts in the wrong folder. */
function tsxApiFile(manifestFile: string): string {
  const manifest: { readonly exports: Readonly<Record<string, unknown>> } = JSON.parse(
    readFileSync(manifestFile, 'utf8'),
  );
  const target = exportTarget(manifest.exports['./esm/api']);
  if (target === undefined) throw new FastwsgiError('ERR_APPLICATION_LOAD', `${manifestFile} has no tsx/esm/api`);
  return join(dirname(manifestFile), target);
}

/** The file of `specifier` as seen from the first folder that has it. */
function resolveFrom(specifier: string, folders: readonly string[]): string | undefined {
  for (const folder of folders) {
    try {
      return createRequire(join(folder, 'index.js')).resolve(specifier);
    } catch {
      // Not installed there; the next folder may have it.
    }
  }
  return undefined;
}
