// Option `home` for applications of Node: a folder whose node_modules is searched where the usual ones have nothing, by
// import and require() alike.
import Module, { createRequire, register } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { errorCode } from '../base/errors.js';

/** As node has it since 22.15: hooks that run in this thread, for import and require() alike. */
interface HooksContext {
  readonly parentURL?: string | undefined;
  readonly conditions?: readonly string[] | undefined;
}
type NextResolve = (specifier: string, context: HooksContext) => unknown;
interface WithRegisterHooks {
  registerHooks?(hooks: { resolve(specifier: string, context: HooksContext, next: NextResolve): unknown }): unknown;
}

/** What require() goes through; older versions have no other way in. */
interface WithResolveFilename {
  _resolveFilename(request: string, parent: unknown, isMain: boolean, options?: object): string;
}

const searched = new Set<string>();

/** From here on this thread finds packages in `home/node_modules`, too. `home` is absolute. */
export function searchHome(home: string): void {
  if (searched.has(home)) return;
  searched.add(home);
  const parentURL = pathToFileURL(join(home, 'index.js')).href;
  const { registerHooks } = Module as WithRegisterHooks;
  if (registerHooks === undefined) {
    register('./home-hooks.js', import.meta.url, { data: { parentURL } });
    searchHomeOfRequire(home);
    return;
  }
  // require() looks beside the module that asked, whatever parentURL says; what asks for us asks these hooks again.
  const require = createRequire(parentURL);
  let searching = false;
  const requireFromHome = (specifier: string) => {
    searching = true;
    try {
      return { url: pathToFileURL(require.resolve(specifier)).href, shortCircuit: true };
    } finally {
      searching = false;
    }
  };
  registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (searching || !isMissingPackage(specifier, error)) throw error;
        if (context.conditions?.includes('require')) return orThrow(error, () => requireFromHome(specifier));
        return orThrow(error, () => next(specifier, { ...context, parentURL }));
      }
    },
  });
}

function searchHomeOfRequire(home: string): void {
  const loader = Module as unknown as WithResolveFilename;
  const resolve = loader._resolveFilename;
  loader._resolveFilename = function (request, parent, isMain, options) {
    try {
      return resolve.call(this, request, parent, isMain, options);
    } catch (error) {
      if (!isMissingPackage(request, error) || (options !== undefined && 'paths' in options)) throw error;
      return orThrow(error, () => resolve.call(this, request, parent, isMain, { paths: [home] }));
    }
  };
}

/** Whether a package was looked for, and not found. */
export function isMissingPackage(specifier: string, error: unknown): boolean {
  const isPackage = !/^(?:\.{0,2}\/|\.{1,2}$|#|[a-z][a-z+.-]+:)/i.test(specifier);
  return isPackage && ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(errorCode(error));
}

/** The first error names the file that wanted the package. */
function orThrow<T>(error: unknown, attempt: () => T): T {
  try {
    return attempt();
  } catch {
    throw error;
  }
}
