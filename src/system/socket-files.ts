// The files of the unix sockets a server has bound, and what `vacuum` does with them at the end.
import { chmodSync, lchownSync, lstatSync, unlinkSync } from 'node:fs';
import { errorCode, FastwsgiError, systemErrorText } from '../base/errors.js';

/** Remembers which file each path was, so that only our own are removed. */
export class SocketFiles {
  private readonly identities = new Map<string, string>();

  /** A socket was bound at `path`. */
  note(path: string): void {
    this.identities.set(path, fileIdentity(path));
  }

  /** Removes them, unless somebody has put a file of his own in their place meanwhile. */
  vacuum(log: (line: string) => void): void {
    for (const [path, identity] of this.identities) {
      if (fileIdentity(path) !== identity) continue;
      try {
        unlinkSync(path);
        log(`VACUUM: unix socket ${path} removed.`);
      } catch (error) {
        log(`VACUUM: cannot remove ${path}: ${errorCode(error)}`);
      }
    }
  }
}

/** Tells a file from another one of its name; the empty string when there is none. */
function fileIdentity(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.dev}:${stat.ino}`;
}

/** Who owns a unix socket. */
export interface SocketOwner {
  readonly uid: number;
  /** Undefined: the group it has. */
  readonly gid: number | undefined;
}

/** Sets what `chmod-socket` and `chown-socket` ask for. Throws a FastwsgiError (ERR_FILE). */
export function dressSocket(path: string, mode: number | undefined, owner: SocketOwner | undefined): void {
  try {
    if (mode !== undefined) chmodSync(path, mode);
    if (owner !== undefined) lchownSync(path, owner.uid, owner.gid ?? lstatSync(path).gid);
  } catch (cause) {
    const what = owner === undefined ? 'permissions' : 'permissions and owner';
    throw new FastwsgiError('ERR_FILE', `Cannot set the ${what} of ${path}: ${systemErrorText(cause)}`, { cause });
  }
}
