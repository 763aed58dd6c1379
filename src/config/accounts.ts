// Users and groups, whether they exist, and what this process may do: numeric ids always exist, names are looked up in the
// system's databases.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { FastwsgiError } from '../base/errors.js';
import type { ProcessConfiguration } from './configuration.js';

/** The id of a user, by name or as a number; undefined if there is none. */
export function userId(name: string): number | undefined {
  return /^\d+$/.test(name) ? Number(name) : idOf('passwd', name);
}

/** The id of a group, by name or as a number; undefined if there is none. */
export function groupId(name: string): number | undefined {
  return /^\d+$/.test(name) ? Number(name) : idOf('group', name);
}

/** Whom `uid` and `gid` ask for. Undefined: as it is. */
export interface Account {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** The user's name, if he has one. */
  readonly user: string | undefined;
}

/**
 * Whom to become; undefined when nobody is asked for. A user without `gid` brings his own group along (uWSGI would stay in the
 * group of root). Throws a FastwsgiError (ERR_CONFIG) for who does not exist, and for what only root may become.
 */
export function accountOf({
  uid: userName,
  gid: groupName,
}: Pick<ProcessConfiguration, 'uid' | 'gid'>): Account | undefined {
  if (userName === undefined && groupName === undefined) return undefined;
  const entry = userAccount(userName);
  const uid = userName === undefined ? undefined : (userId(userName) ?? missing('uid', 'user', userName));
  const gid = groupName === undefined ? entry?.gid : (groupId(groupName) ?? missing('gid', 'group', groupName));
  if (process.getuid === undefined) {
    throw new FastwsgiError('ERR_CONFIG', `Cannot use uid and gid on ${process.platform}`, { option: 'uid' });
  }
  if (process.geteuid?.() !== 0) {
    if (uid !== undefined && uid !== process.getuid()) throw notRoot('setuid', 'uid');
    if (groupName !== undefined && gid !== process.getgid?.()) throw notRoot('setgid', 'gid');
  } else if (uid !== undefined && gid === undefined) {
    throw new FastwsgiError('ERR_CONFIG', `Cannot use uid ${userName}: no user has this id, so set gid too`, {
      option: 'uid',
    });
  }
  return { uid, gid, user: entry?.name };
}

/** A user in the system's database, by name or id, and the group he has of his own. */
export function userAccount(user: string | undefined): { name: string; gid: number } | undefined {
  const [name, , , gid] = (user === undefined ? undefined : entryOf('passwd', user)) ?? [];
  return name === undefined ? undefined : { name, gid: Number(gid) };
}

/** Who is to own the unix sockets, of `user[:group]`. Throws a FastwsgiError (ERR_CONFIG) for who does not exist. */
export function socketOwner(chownSocket: string | undefined): { uid: number; gid: number | undefined } | undefined {
  if (chownSocket === undefined) return undefined;
  const [user = '', group] = chownSocket.split(':');
  const uid = userId(user) ?? missing('chown-socket', 'user', user);
  return { uid, gid: group === undefined ? undefined : (groupId(group) ?? missing('chown-socket', 'group', group)) };
}

function missing(option: string, kind: 'user' | 'group', name: string): never {
  throw new FastwsgiError('ERR_CONFIG', `Cannot use ${option} ${name}: there is no ${kind} "${name}"`, { option });
}

function notRoot(call: string, option: string): FastwsgiError {
  return new FastwsgiError('ERR_CONFIG', `cannot ${call}() as non-root user`, { option });
}

/** Whether this process may listen on a TCP port: on Linux the low ones take root or CAP_NET_BIND_SERVICE, ip(7). */
export function mayListenOn(port: number): boolean {
  if (port === 0 || port >= numberIn('/proc/sys/net/ipv4/ip_unprivileged_port_start', /^(\d+)/, 10)) return true;
  return (numberIn('/proc/self/status', /^CapEff:\s*[0-9a-f]*([0-9a-f]{8})$/m, 16) & CAP_NET_BIND_SERVICE) !== 0;
}

/** capabilities(7): number 10. */
const CAP_NET_BIND_SERVICE = 1 << 10;

/** A number in a file of /proc; 0 where there is none. */
function numberIn(file: string, pattern: RegExp, radix: 10 | 16): number {
  try {
    return Number.parseInt(pattern.exec(readFileSync(file, 'utf8'))?.[1] ?? '0', radix);
  } catch {
    return 0; // not Linux
  }
}

function idOf(database: 'passwd' | 'group', name: string): number | undefined {
  const id = entryOf(database, name)?.[2];
  return id === undefined ? undefined : Number(id);
}

/** getent(1) asks what the system asks: the files, and a directory service if there is one. Where it is missing: the files. */
function entryOf(database: 'passwd' | 'group', key: string): readonly string[] | undefined {
  if (key === '') return undefined;
  const { status, stdout, error } = spawnSync('getent', [database, '--', key], { encoding: 'utf8' });
  if (error === undefined) return status === 0 ? stdout.trimEnd().split(':') : undefined;
  const column = /^\d+$/.test(key) ? 2 : 0;
  return entriesOf(database).find((entry) => entry[column] === key);
}

function entriesOf(database: 'passwd' | 'group'): readonly (readonly string[])[] {
  try {
    return readFileSync(`/etc/${database}`, 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
}
