// The `mount` option: which application serves which prefix.
import type { Assignment } from './options.js';

/** An application and its place; what names it is a module (`pkg.mod:callable`) or a file. */
export interface Mount {
  /** `/prefix`, without a slash at its end; empty for the root. */
  readonly mountPoint: string;
  readonly module: string | undefined;
  readonly file: string | undefined;
  /** The export; one that is named in `module` goes first. */
  readonly callable: string | undefined;
}

/** A path, as uWSGI tells it: by its ending. */
const FILE = /^(.+\.(?:[mc]?[jt]s|py|wsgi))(?::(.*))?$/;

/** One for each prefix: the first, as in uWSGI. `defaultCallable`: option `callable`. */
export function mountsOf(assignments: readonly Assignment[], defaultCallable: string | undefined): readonly Mount[] {
  const mounts = new Map<string, Mount>();
  for (const { name, value } of assignments) {
    const mountPoint = name.replace(/\/+$/, '');
    const [, file, callable = defaultCallable] = FILE.exec(value) ?? [];
    const module = file === undefined ? value : undefined;
    const mount = { mountPoint, module, file, callable: file === undefined ? defaultCallable : callable };
    if (!mounts.has(mountPoint)) mounts.set(mountPoint, mount);
  }
  return [...mounts.values()];
}
