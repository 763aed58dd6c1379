// The listening sockets that the guard holds while servers come and go. Nothing is accepted here: connections wait in the
// kernel's backlog for the next server.
import net from 'node:net';
import { FastwsgiError } from '../base/errors.js';
import { socketOwner } from '../config/accounts.js';
import type { SocketAddress } from '../config/address.js';
import { applicationFolder } from '../config/application-folder.js';
import type { Configuration } from '../config/configuration.js';
import { addressesOf } from '../config/https-address.js';
import { observerSockets, resolveAddresses } from '../front/resolve.js';
import { type SocketProtocol, takeInherited, type Wanted } from '../system/inherited.js';
import { type Libc, loadLibc } from '../system/libc.js';
import { type BindAddress, listenError, listenOn, removeStaleSocket } from '../system/listen.js';
import { dressSocket, SocketFiles } from '../system/socket-files.js';

/** What Node's own servers and clusters bind with: it neither listens nor accepts. Not in its types. */
interface ServerHandle {
  readonly fd: number;
  getsockname(out: object): number;
  close(): void;
}
type CreateServerHandle = (
  address: string,
  port: number,
  addressType: 4 | 6 | -1,
  fd?: number,
  flags?: number,
) => ServerHandle | number;

/** libuv's UV_TCP_IPV6ONLY. */
const IPV6_ONLY = 1;

interface BoundSocket {
  readonly fd: number;
  close(): void;
}

interface HeldSocket extends Wanted, BoundSocket {
  /** The service manager's. */
  readonly outlivesUs: boolean;
}

/** The sockets of a configuration, in its order. */
export class GuardSockets {
  readonly held: HeldSocket[] = [];
  private readonly files = new SocketFiles();
  private readonly log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.log = log;
  }

  /** Binds all that did not come from systemd. Rejects with a FastwsgiError, and closes what was bound. */
  async bind(configuration: Configuration): Promise<void> {
    const wanted = await wantedSockets(configuration);
    const loaded = loadLibc();
    const libc = 'libc' in loaded ? loaded.libc : undefined;
    const owner = socketOwner(configuration.chownSocket);
    const inherited = takeInherited(wanted, libc, this.log);
    if (configuration.umask !== undefined) process.umask(configuration.umask);
    try {
      for (const { protocol, address } of wanted) {
        const fd = inherited.get(address)?.fd;
        const socket = fd === undefined ? await bindOne(address, configuration, libc) : { fd, close: () => {} };
        this.held.push({ protocol, address, outlivesUs: fd !== undefined, ...socket });
        if (address.kind !== 'unix' || fd !== undefined) continue;
        this.files.note(address.path);
        dressSocket(address.path, configuration.chmodSocket, owner);
      }
    } catch (error) {
      this.close();
      this.files.vacuum(() => {});
      throw error;
    }
  }

  /** Closes them: once the server has closed its own, connections are refused. */
  close(): void {
    for (const { close } of this.held) close();
    this.held.length = 0;
  }

  vacuum(): void {
    this.files.vacuum(this.log);
  }
}

async function wantedSockets(configuration: Configuration): Promise<Wanted[]> {
  const { sockets, httpSockets, httpsSockets, redirectSockets } = configuration;
  // The guard stays where it is; its server will be there.
  const folder = applicationFolder(configuration);
  const wanted: Wanted[] = [];
  const add = async (protocol: SocketProtocol, addresses: readonly SocketAddress[]): Promise<void> => {
    for (const address of await resolveAddresses(addresses, folder)) wanted.push({ protocol, address });
  };
  await add('uwsgi', sockets);
  await add('http', httpSockets);
  await add('https', addressesOf(httpsSockets));
  await add('http', addressesOf(redirectSockets));
  wanted.push(...(await observerSockets(configuration, folder)));
  return wanted;
}

async function bindOne(
  address: BindAddress,
  { listenBacklog, soKeepalive }: Configuration,
  libc: Libc | undefined,
): Promise<BoundSocket> {
  if (address.kind === 'unix') await removeStaleSocket(address.path);
  if (libc === undefined) return bindByNode(address);
  const { fd } = listenOn(libc, address, { backlog: listenBacklog, keepAlive: soKeepalive });
  return { fd, close: () => libc.close(fd) };
}

/** Without the C library: bound and no more, its server will listen. */
function bindByNode(address: BindAddress): BoundSocket {
  const { _createServerHandle: create } = net as unknown as { readonly _createServerHandle?: CreateServerHandle };
  if (create === undefined) throw new FastwsgiError('ERR_ENGINE', 'Cannot use master: this Node needs koffi for it');
  const handle =
    address.kind !== 'tcp'
      ? create(address.kind === 'unix' ? address.path : `\0${address.name}`, -1, -1)
      : address.host.includes(':')
        ? create(address.host, address.port, 6, undefined, IPV6_ONLY)
        : create(address.host, address.port, 4);
  // libuv tells of a port in use only when it is asked about the socket.
  const errno = typeof handle === 'number' ? handle : address.kind === 'tcp' ? handle.getsockname({}) : 0;
  if (typeof handle === 'number' || errno !== 0) throw listenError(address, { errno });
  return { fd: handle.fd, close: () => handle.close() };
}
