// Module hooks that read TypeScript through esbuild. Node runs this file in its loader thread; typescript.ts registers it.
import { readFile } from 'node:fs/promises';
import type { InitializeHook, LoadHook, ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import { errorCode } from '../base/errors.js';

interface Esbuild {
  transform(source: string, options: Readonly<Record<string, string>>): Promise<{ readonly code: string }>;
}

let esbuild: Esbuild;

/** `data.esbuild`: the address of the esbuild that was found. */
export const initialize: InitializeHook<{ readonly esbuild: string }> = async (data) => {
  const module: Esbuild & { readonly default?: Esbuild } = await import(data.esbuild);
  esbuild = module.default ?? module;
};

/** TypeScript names the file that will be: `./x.js` may be x.ts. So may `./x`. */
export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  try {
    return await nextResolve(specifier, context);
  } catch (error) {
    if (errorCode(error) !== 'ERR_MODULE_NOT_FOUND' || !specifier.startsWith('.')) throw error;
    const typed = /\.[mc]?js$/.test(specifier) ? specifier.replace(/js$/, 'ts') : `${specifier}.ts`;
    return await nextResolve(typed, context);
  }
};

/** Every `.ts` and `.mts` is an ES module; a `.cts` is CommonJS. */
export const load: LoadHook = async (url, context, nextLoad) => {
  const typed = /^file:[^?#]*\.([mc]?)ts(?:[?#]|$)/.exec(url);
  if (typed === null) return await nextLoad(url, context);
  const isCommonJs = typed[1] === 'c';
  const file = fileURLToPath(url);
  const { code } = await esbuild.transform(await readFile(file, 'utf8'), {
    loader: 'ts',
    format: isCommonJs ? 'cjs' : 'esm',
    target: `node${process.versions.node}`,
    sourcefile: file,
    sourcemap: 'inline',
  });
  return { format: isCommonJs ? 'commonjs' : 'module', source: code, shortCircuit: true };
};
