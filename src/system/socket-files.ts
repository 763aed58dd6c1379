// The files of the unix sockets a server has bound, and what `vacuum` does with them at the end.
import { lstatSync, unlinkSync } from 'node:fs';
import { errorCode } from '../base/errors.js';

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
