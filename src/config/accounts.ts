// Whether users and groups exist: numeric ids always do, names are looked up in the system's databases.
import { spawnSync } from 'node:child_process';

/** Whether `name` is a user's name or a numeric id. */
export function userExists(name: string): boolean {
  return /^\d+$/.test(name) || isListed('passwd', name);
}

/** Whether `name` is a group's name or a numeric id. */
export function groupExists(name: string): boolean {
  return /^\d+$/.test(name) || isListed('group', name);
}

/** getent(1) asks what the system asks: the files, and a directory service if there is one. */
function isListed(database: 'passwd' | 'group', name: string): boolean {
  return spawnSync('getent', [database, '--', name], { stdio: 'ignore' }).status === 0;
}
