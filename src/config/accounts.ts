// Whether users and groups exist, and what this process may do: numeric ids always exist, names are looked up in the system's
// databases.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The id of a user, by name or as a number; undefined if there is none. */
export function userId(name: string): number | undefined {
  return /^\d+$/.test(name) ? Number(name) : idOf('passwd', name);
}

/** The id of a group, by name or as a number; undefined if there is none. */
export function groupId(name: string): number | undefined {
  return /^\d+$/.test(name) ? Number(name) : idOf('group', name);
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

/** getent(1) asks what the system asks: the files, and a directory service if there is one. */
function idOf(database: 'passwd' | 'group', name: string): number | undefined {
  const { status, stdout } = spawnSync('getent', [database, '--', name], { encoding: 'utf8' });
  const id = stdout?.split(':')[2];
  return status === 0 && id !== undefined ? Number(id) : undefined;
}
