// The process's current directory, which all its threads share, and the one that the application is loaded from.
import { resolve } from 'node:path';
import { FastwsgiError, systemErrorText } from '../base/errors.js';

/** Throws a FastwsgiError (ERR_FILE) that names the directory. */
function changeDirectory(directory: string): void {
  try {
    process.chdir(directory);
  } catch (cause) {
    throw new FastwsgiError('ERR_FILE', `Cannot change to the directory ${directory}: ${systemErrorText(cause)}`, {
      cause,
    });
  }
}

/** `chdir` starts from `cwd`, `chdir2` from there. */
export interface DirectoryOptions {
  readonly cwd: string;
  readonly chdir: string | undefined;
  readonly chdir2: string | undefined;
}

/** `chdir` and `chdir2` of one server. What fails throws a FastwsgiError (ERR_FILE). */
export class WorkingDirectory {
  /** Where the application is looked for: the current directory after `chdir`, before `chdir2`. */
  application = '';
  private current = '';
  private earlier = { application: '', current: '' };
  private readonly chdir: string | undefined;
  private readonly chdir2: string | undefined;

  /** Without `chdir` the process stays where it is. */
  constructor({ cwd, chdir, chdir2 }: DirectoryOptions) {
    this.chdir = chdir === undefined ? undefined : resolve(cwd, chdir);
    this.chdir2 = chdir2;
  }

  /** Before the application is loaded. */
  enter(): void {
    if (this.chdir !== undefined) changeDirectory(this.chdir);
    this.application = process.cwd();
    this.current = this.application;
  }

  /** When it has been loaded. */
  settle(): void {
    if (this.chdir2 !== undefined) changeDirectory(resolve(this.application, this.chdir2));
    this.current = process.cwd();
  }

  /** Before a reload: `chdir` may be a link, to another release than before, or a directory that was made anew. */
  renew(): void {
    this.earlier = { application: this.application, current: this.current };
    if (this.chdir === undefined) return;
    this.enter();
    this.settle();
  }

  /** The reload has failed: what is running goes on where it was, if that is still there. */
  restore(): void {
    Object.assign(this, this.earlier);
    try {
      if (this.chdir !== undefined) process.chdir(this.current);
    } catch {
      // It is not.
    }
  }
}
