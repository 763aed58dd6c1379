// The application's file as the main module of its thread, as `node FILE` has it: by `process.argv[1]`, and for CommonJS by
// `require.main`, which applications compare with themselves before they listen, or ask for the folder they are in.
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Before the file is imported. */
export function becomeMain(file: string): void {
  const path = realpathSync(file);
  const { cache } = createRequire(path);
  process.argv[1] = file;
  // Each module reads it when it is compiled, and by then this one is in the cache: but for an ES module, which is nobody's main.
  Object.defineProperty(process, 'mainModule', { configurable: true, enumerable: true, get: () => cache[path] });
}
