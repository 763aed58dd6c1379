// Telling the service manager what the server does, sd_notify(3): a datagram to the socket in NOTIFY_SOCKET. Node has no unix
// datagrams: the C library sends it, or else systemd's own program.
import { spawn } from 'node:child_process';
import { getSystemErrorName } from 'node:util';
import { errorMessage } from '../base/errors.js';
import { type Libc, loadLibc, SYS } from './libc.js';
import { encodeUnix } from './listen.js';
import { tellParent } from './parent.js';

let underGuard = false;

/** The guard is the process that systemd knows: from now on it does the telling. */
export function notifyByGuard(): void {
  underGuard = true;
}

/**
 * Sends assignments, one a line: `READY=1`, `STOPPING=1`, `RELOADING=1` (with `reloadingState`). Does nothing where nobody
 * asked for it. Resolves with what went wrong, or with undefined.
 */
export async function notify(state: string): Promise<string | undefined> {
  if (underGuard) {
    await tellParent({ notify: state });
    return undefined;
  }
  const where = process.env.NOTIFY_SOCKET;
  if (where === undefined || !/^[@/]./.test(where)) return undefined;
  const loaded = loadLibc();
  return 'libc' in loaded ? sendDatagram(loaded.libc, where, Buffer.from(state)) : runSystemdNotify(state);
}

/** What is sent before a reload: systemd (253 and later) wants the time with it, in microseconds of the monotonic clock. */
export function reloadingState(): string {
  return `RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`;
}

function sendDatagram(libc: Libc, where: string, bytes: Buffer): string | undefined {
  const fd = libc.socket(SYS.AF_UNIX, SYS.SOCK_DGRAM | SYS.SOCK_CLOEXEC, 0);
  if (fd < 0) return `Cannot notify systemd: socket(): ${getSystemErrorName(-libc.errno())}`;
  const path = Buffer.from(where.startsWith('@') ? `\0${where.slice(1)}` : where);
  const address = encodeUnix(path, where);
  const sent = libc.sendto(fd, bytes, bytes.length, SYS.MSG_NOSIGNAL, address, address.length);
  const errno = libc.errno();
  libc.close(fd);
  return sent < 0 ? `Cannot notify systemd at ${where}: ${getSystemErrorName(-errno)}` : undefined;
}

/** A process of its own: the unit has to say NotifyAccess=all. */
function runSystemdNotify(state: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('systemd-notify', state.split('\n'), { stdio: 'ignore' });
    child.once('error', (error) => resolve(`Cannot notify systemd: systemd-notify: ${errorMessage(error)}`));
    child.once('exit', (code) => resolve(code === 0 ? undefined : `systemd-notify ended with status ${code}`));
  });
}
