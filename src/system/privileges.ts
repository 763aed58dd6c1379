// Becoming a plain user, for good. Done on the main thread: the C library's setuid() and its like reach every thread of the
// process, those that Node has started for itself included, which is looked at afterwards.
import { readdirSync, readFileSync } from 'node:fs';
import { FastwsgiError, systemErrorText } from '../base/errors.js';

declare global {
  namespace NodeJS {
    interface Process {
      /** Missing in the types of Node 20: process.initgroups(user, extraGroup). */
      initgroups?(user: string | number, extraGroup: string | number): void;
    }
  }
}

/** Whom to become. Undefined: as it is. */
export interface Identity {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** The user's name, for its supplementary groups. */
  readonly user: string | undefined;
}

/**
 * Sets the supplementary groups, the group and the user, in this order: after the last step none of them may be set any more.
 * Does nothing for what this process is already. Throws a FastwsgiError (ERR_CONFIG) if that fails for any thread.
 */
export function becomeUser({ uid, gid, user }: Identity): void {
  if (process.geteuid?.() !== 0) return;
  try {
    if (user !== undefined && gid !== undefined) process.initgroups?.(user, gid);
    else if (gid !== undefined) process.setgroups?.([gid]);
    if (gid !== undefined) process.setgid?.(gid);
    if (uid !== undefined) process.setuid?.(uid);
  } catch (cause) {
    throw new FastwsgiError('ERR_CONFIG', `Cannot become uid ${uid}, gid ${gid}: ${systemErrorText(cause)}`, { cause });
  }
  const rest = uid === undefined || uid === 0 ? [] : threadsOfRoot();
  if (rest.length > 0) {
    throw new FastwsgiError('ERR_CONFIG', `Cannot drop privileges: the threads ${rest.join(', ')} are still root's`);
  }
}

/** The threads of this process with any user id of root. proc(5): real, effective, saved and file system id. Linux. */
function threadsOfRoot(): readonly string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/task').filter((thread) => {
    try {
      return /^Uid:.*\s0(\s|$)/m.test(readFileSync(`/proc/self/task/${thread}/status`, 'utf8'));
    } catch {
      // It has ended since.
      return false;
    }
  });
}
