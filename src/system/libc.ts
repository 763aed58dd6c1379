// The system calls of the gateway and of direct replies, called in libc through koffi. The only importer of koffi.
// All calls are non-blocking or wait in epoll; each returns -1 and leaves errno on failure, as in C.
import { createRequire } from 'node:module';
import { constants } from 'node:os';

type Bytes = Uint8Array;

/** The calls, by their names in C. Sizes in bytes. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Bytes, addressBytes: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: Bytes | null, addressBytes: Bytes | null, flags: number): number;
  getsockname(fd: number, address: Bytes, addressBytes: Bytes): number;
  setsockopt(fd: number, level: number, name: number, value: Bytes, valueBytes: number): number;
  recv(fd: number, buffer: Bytes, size: number, flags: number): number;
  send(fd: number, buffer: Bytes, size: number, flags: number): number;
  shutdown(fd: number, how: number): number;
  close(fd: number): number;
  read(fd: number, buffer: Bytes, size: number): number;
  write(fd: number, buffer: Bytes, size: number): number;
  /** `offset`: 64 bits, moved on by the call. */
  sendfile(toFd: number, fromFd: number, offset: Bytes, size: number): number;
  eventfd(initial: number, flags: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: Bytes | null): number;
  epoll_wait(epoll: number, events: Bytes, eventsMax: number, timeoutMs: number): number;
  sched_yield(): number;
  /** Ends the process at once: nothing is flushed, no thread is waited for. */
  _exit(status: number): void;
  sendto(fd: number, buffer: Bytes, size: number, flags: number, address: Bytes, addressBytes: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  prctl(option: number, argument: number): number;
  mkfifo(path: string, mode: number): number;
  sendmsg(fd: number, message: Bytes, flags: number): number;
  socketpair(domain: number, type: number, protocol: number, fds: Bytes): number;
  /** Where the bytes are in memory. Only of a buffer that does not move: see send-descriptors.ts. */
  addressOf(bytes: Bytes): bigint;
  /** errno of the last failed call on this thread. */
  errno(): number;
}

/** Numbers from Linux' headers; they are the same on x86-64 and arm64 (asm-generic). */
export const SYS = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_STREAM: 1,
  SOCK_DGRAM: 2,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_KEEPALIVE: 9,
  SO_LINGER: 13,
  IPPROTO_TCP: 6,
  TCP_NODELAY: 1,
  TCP_DEFER_ACCEPT: 9,
  IPPROTO_IPV6: 41,
  IPV6_V6ONLY: 26,
  MSG_DONTWAIT: 0x40,
  MSG_NOSIGNAL: 0x4000,
  MSG_MORE: 0x8000,
  SHUT_WR: 1,
  SHUT_RDWR: 2,
  F_SETFD: 2,
  F_DUPFD_CLOEXEC: 1030,
  FD_CLOEXEC: 1,
  F_GETFL: 3,
  F_SETFL: 4,
  O_NONBLOCK: 0o4000,
  PR_SET_PDEATHSIG: 1,
  EFD_NONBLOCK: 0o4000,
  EFD_CLOEXEC: 0o2000000,
  EPOLL_CLOEXEC: 0o2000000,
  EPOLL_CTL_ADD: 1,
  EPOLL_CTL_DEL: 2,
  EPOLL_CTL_MOD: 3,
  EPOLLIN: 1,
  EPOLLOUT: 4,
  EPOLLERR: 8,
  EPOLLHUP: 0x10,
  EPOLLRDHUP: 0x2000,
  EPOLLET: 0x80000000,
} as const;

export const ERRNO = constants.errno;

/** Bytes of a struct epoll_event: packed on x86-64, padded elsewhere. Events first, then the 64-bit user data. */
export const EPOLL_EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
export const EPOLL_DATA_OFFSET = process.arch === 'x64' ? 4 : 8;

/** Whether native parts may be used at all: `FASTWSGI_NATIVE=0` forbids them. */
export function nativeAllowed(): boolean {
  return process.env.FASTWSGI_NATIVE !== '0';
}

let loaded: { libc: Libc } | { reason: string } | undefined;

/** Loads libc once per thread; where that cannot be, says why. */
export function loadLibc(): { libc: Libc } | { reason: string } {
  loaded ??= tryLoad();
  return loaded;
}

function tryLoad(): { libc: Libc } | { reason: string } {
  if (!nativeAllowed()) return { reason: 'FASTWSGI_NATIVE=0' };
  if (process.platform !== 'linux') return { reason: `epoll is Linux only, this is ${process.platform}` };
  try {
    return { libc: bindLibc() };
  } catch (error) {
    return { reason: `koffi does not load: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}` };
  }
}

function bindLibc(): Libc {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  // No file name: the C library this process runs on, be it glibc or musl.
  const library = koffi.load(null);
  const declare = (signature: string) => library.func(signature);
  return {
    socket: declare('int socket(int, int, int)'),
    bind: declare('int bind(int, const void *, unsigned int)'),
    listen: declare('int listen(int, int)'),
    accept4: declare('int accept4(int, void *, void *, int)'),
    getsockname: declare('int getsockname(int, void *, void *)'),
    setsockopt: declare('int setsockopt(int, int, int, const void *, unsigned int)'),
    recv: declare('intptr_t recv(int, void *, size_t, int)'),
    send: declare('intptr_t send(int, const void *, size_t, int)'),
    shutdown: declare('int shutdown(int, int)'),
    close: declare('int close(int)'),
    read: declare('intptr_t read(int, void *, size_t)'),
    write: declare('intptr_t write(int, const void *, size_t)'),
    sendfile: declare('intptr_t sendfile(int, int, void *, size_t)'),
    eventfd: declare('int eventfd(unsigned int, int)'),
    epoll_create1: declare('int epoll_create1(int)'),
    epoll_ctl: declare('int epoll_ctl(int, int, int, const void *)'),
    epoll_wait: declare('int epoll_wait(int, void *, int, int)'),
    sched_yield: declare('int sched_yield()'),
    _exit: declare('void _exit(int)'),
    sendto: declare('intptr_t sendto(int, const void *, size_t, int, const void *, unsigned int)'),
    fcntl: declare('int fcntl(int, int, int)'),
    prctl: declare('int prctl(int, unsigned long)'),
    mkfifo: declare('int mkfifo(const char *, unsigned int)'),
    sendmsg: declare('intptr_t sendmsg(int, const void *, int)'),
    socketpair: declare('int socketpair(int, int, int, void *)'),
    addressOf: (bytes) => koffi.address(bytes),
    errno: () => koffi.errno(),
  } as Libc;
}
