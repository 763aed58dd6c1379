// Datagrams to a unix socket, such as syslog's: Node has none, the C library has.
import { getSystemErrorName } from 'node:util';
import type { DatagramPort } from '../base/datagram-port.js';
import { loadLibc, SYS } from './libc.js';
import { encodeUnix } from './listen.js';

/** Opens a port to the socket at `path`, which need not be there yet; or says why that cannot be. */
export function openUnixPort(path: string): DatagramPort | { readonly reason: string } {
  const loaded = loadLibc();
  if (!('libc' in loaded)) return { reason: `Node has no unix datagrams (${loaded.reason})` };
  const { libc } = loaded;
  const fd = libc.socket(SYS.AF_UNIX, SYS.SOCK_DGRAM | SYS.SOCK_NONBLOCK | SYS.SOCK_CLOEXEC, 0);
  if (fd < 0) return { reason: `socket(): ${getSystemErrorName(-libc.errno())}` };
  const address = encodeUnix(Buffer.from(path), path);
  return {
    send: (bytes) => {
      const sent = libc.sendto(fd, bytes, bytes.length, SYS.MSG_NOSIGNAL, address, address.length);
      return sent < 0 ? getSystemErrorName(-libc.errno()) : undefined;
    },
    close: () => libc.close(fd),
  };
}
