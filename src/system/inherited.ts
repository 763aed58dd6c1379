// Listening sockets that somebody else has bound and that came with the start of this process: from the guard, or from
// systemd (socket activation, sd_listen_fds(3)). Descriptors from 3 on, and variables that say what they are.
import { FastwsgiError } from '../base/errors.js';
import { type Libc, SYS } from './libc.js';
import { addressText, type BindAddress, encodeAddress, type ListenOptions, setAcceptedOptions } from './listen.js';

/** sd_listen_fds(3): SD_LISTEN_FDS_START. */
export const FIRST_INHERITED_FD = 3;
const GUARD_VARIABLE = 'FASTWSGI_SOCKETS';

export type SocketProtocol = 'uwsgi' | 'http' | 'https';

export interface Wanted {
  readonly protocol: SocketProtocol;
  readonly address: BindAddress;
}

/** A socket that is bound, and may listen already. Who has bound it looks after its file, its mode and its owner. */
export interface InheritedSocket {
  readonly fd: number;
  /** Whether it goes on living after us: then it is closed, and never shut down. */
  readonly outlivesUs: boolean;
}

/** A socket as the guard tells its server of it. */
interface PassedSocket {
  readonly label: string;
  readonly outlivesUs: boolean;
}

/** The guard's part of the environment; the descriptors are passed in the same order. */
export function guardEnvironment(sockets: readonly (Wanted & { readonly outlivesUs: boolean })[]): NodeJS.ProcessEnv {
  const passed = sockets.map((socket): PassedSocket => ({ label: label(socket), outlivesUs: socket.outlivesUs }));
  return { [GUARD_VARIABLE]: JSON.stringify(passed) };
}

/** The sockets that came with the start and were asked for, by what is configured; the variables are taken out of the environment. */
export function takeInherited(
  wanted: readonly Wanted[],
  libc: Libc | undefined,
  log: (line: string) => void,
): ReadonlyMap<BindAddress, InheritedSocket> {
  const { LISTEN_PID, LISTEN_FDS, [GUARD_VARIABLE]: passed } = process.env;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', GUARD_VARIABLE]) delete process.env[name];
  if (passed !== undefined) return fromGuard(JSON.parse(passed) as PassedSocket[], wanted);
  // Variables that were meant for our parent say so.
  const count = LISTEN_PID === String(process.pid) ? Number(LISTEN_FDS) : 0;
  if (!Number.isInteger(count) || count <= 0) return new Map();
  const fds = Array.from({ length: count }, (_, i) => FIRST_INHERITED_FD + i);
  return libc === undefined ? byOrder(fds, wanted) : byName(fds, wanted, libc, log);
}

function label({ protocol, address }: Wanted): string {
  return `${protocol} ${addressText(address)}`;
}

function fromGuard(passed: readonly PassedSocket[], wanted: readonly Wanted[]): Map<BindAddress, InheritedSocket> {
  const left = new Set(passed.keys());
  const taken = new Map<BindAddress, InheritedSocket>();
  for (const one of wanted) {
    const at = [...left].find((i) => passed[i]?.label === label(one));
    if (at === undefined) continue;
    left.delete(at);
    taken.set(one.address, { fd: FIRST_INHERITED_FD + at, outlivesUs: passed[at]?.outlivesUs === true });
  }
  return taken;
}

/** Without the C library nobody tells us their names: they have to be all, in the order of the configuration. */
function byOrder(fds: readonly number[], wanted: readonly Wanted[]): Map<BindAddress, InheritedSocket> {
  if (fds.length !== wanted.length) {
    const counts = `${fds.length} came, ${wanted.length} are configured`;
    throw new FastwsgiError(
      'ERR_LISTEN',
      `Cannot tell which sockets systemd has passed: ${counts}, and koffi is missing`,
    );
  }
  return new Map(wanted.map(({ address }, i) => [address, { fd: fds[i] ?? -1, outlivesUs: true }]));
}

function byName(
  fds: readonly number[],
  wanted: readonly Wanted[],
  libc: Libc,
  log: (line: string) => void,
): Map<BindAddress, InheritedSocket> {
  const taken = new Map<BindAddress, InheritedSocket>();
  for (const fd of fds) {
    const name = socketName(libc, fd);
    const found = wanted.find(({ address }) => !taken.has(address) && isNamed(address, name));
    if (found === undefined)
      log(`The socket that systemd has passed as descriptor ${fd} is not configured: it is not used`);
    else taken.set(found.address, { fd, outlivesUs: true });
  }
  return taken;
}

function socketName(libc: Libc, fd: number): Buffer {
  const bytes = Buffer.alloc(128);
  const size = Buffer.from(Int32Array.of(bytes.length).buffer);
  return libc.getsockname(fd, bytes, size) < 0 ? Buffer.alloc(0) : bytes.subarray(0, size.readInt32LE(0));
}

/** Whether a socket's name, as getsockname(2) tells it, is the address. `[::]` is any address here, as systemd's bare port is. */
function isNamed(address: BindAddress, name: Buffer): boolean {
  if (name.length < 2) return false;
  const own = encodeAddress(address);
  if (address.kind !== 'tcp') return own.equals(name) || own.equals(Buffer.concat([name, Buffer.of(0)]));
  const family = name.readUInt16LE(0);
  if (family !== SYS.AF_INET && family !== SYS.AF_INET6) return false;
  const isAny = family === SYS.AF_INET6 && name.subarray(8, 24).every((byte) => byte === 0);
  if (isAny && (address.host === '0.0.0.0' || address.host === '::')) return name.readUInt16BE(2) === address.port;
  // Flow and scope are no part of the name.
  const size = family === SYS.AF_INET ? 8 : 24;
  return own.subarray(0, size).equals(name.subarray(0, size));
}

/** Makes an inherited socket one for the gateway: it never blocks, it goes to no child, it has our options, and it listens. */
export function adoptForGateway(libc: Libc, address: BindAddress, fd: number, options: ListenOptions): void {
  if (address.kind === 'tcp') setAcceptedOptions(libc, fd, options);
  libc.fcntl(fd, SYS.F_SETFL, libc.fcntl(fd, SYS.F_GETFL, 0) | SYS.O_NONBLOCK);
  libc.fcntl(fd, SYS.F_SETFD, SYS.FD_CLOEXEC);
  libc.listen(fd, options.backlog);
}
