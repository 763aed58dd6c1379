// Option `home` for import on versions of Node without registerHooks. Node runs this file in its loader thread; home.ts
// registers it.
import type { InitializeHook, ResolveHook } from 'node:module';
import { isMissingPackage } from './home.js';

let parentURL: string;

/** `data.parentURL`: a file in the folder whose node_modules is searched. */
export const initialize: InitializeHook<{ readonly parentURL: string }> = (data) => {
  parentURL = data.parentURL;
};

/** The usual search first. */
export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  try {
    return await nextResolve(specifier, context);
  } catch (error) {
    if (!isMissingPackage(specifier, error)) throw error;
    try {
      return await nextResolve(specifier, { ...context, parentURL });
    } catch {
      // The first error names the file that wanted the package.
      throw error;
    }
  }
};
