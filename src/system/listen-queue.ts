// How many connections wait in the kernel for somebody to accept them, for every listening socket of this machine: asked by
// netlink (sock_diag(7)), or read from /proc/net/tcp where there is no C library to ask with. Nothing of it waits.
import { closeSync, openSync, readSync } from 'node:fs';
import { type Libc, SYS } from './libc.js';

export interface ListenQueue {
  readonly queue: number;
  /** The backlog the kernel keeps at most; 0: it does not tell. */
  readonly queueMax: number;
}

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST_DUMP = 0x301;
const NLMSG_HEADER_BYTES = 16;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** States as a set of bits. */
const LISTEN = 1 << 10;
const UDIAG_SHOW_NAME = 1;
const UDIAG_SHOW_RQLEN = 0x10;
const UNIX_DIAG_NAME = 0;
const UNIX_DIAG_RQLEN = 4;
/** Listening sockets come first in /proc/net/tcp: what follows them need not be read. */
const PROC_BYTES = 65_536;
const PROC_LISTEN = '0A';

const scratch = Buffer.alloc(65_536);

/** By address, as `addressText` has it. Empty where the kernel does not tell. */
export function listenQueues(libc: Libc | undefined): ReadonlyMap<string, ListenQueue> {
  const queues = new Map<string, ListenQueue>();
  if (libc === undefined) {
    readProc('/proc/net/tcp', queues);
    readProc('/proc/net/tcp6', queues);
    return queues;
  }
  const fd = libc.socket(AF_NETLINK, SOCK_RAW | SYS.SOCK_CLOEXEC | SYS.SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
  if (fd < 0) return queues;
  for (const family of [SYS.AF_INET, SYS.AF_INET6]) dump(libc, fd, inetRequest(family), (m) => noteInet(m, queues));
  dump(libc, fd, unixRequest(), (message) => noteUnix(message, queues));
  libc.close(fd);
  return queues;
}

/** struct inet_diag_req_v2. */
function inetRequest(family: number): Buffer {
  const request = Buffer.alloc(56);
  request[0] = family;
  request[1] = SYS.IPPROTO_TCP;
  request.writeUInt32LE(LISTEN, 4);
  return request;
}

/** struct unix_diag_req. */
function unixRequest(): Buffer {
  const request = Buffer.alloc(24);
  request[0] = SYS.AF_UNIX;
  request.writeUInt32LE(LISTEN, 4);
  request.writeUInt32LE(UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN, 12);
  return request;
}

/** Sends a request and visits what comes back, message by message. The kernel answers while it is asked. */
function dump(libc: Libc, fd: number, request: Buffer, visit: (message: Buffer) => void): void {
  const header = Buffer.alloc(NLMSG_HEADER_BYTES);
  header.writeUInt32LE(NLMSG_HEADER_BYTES + request.length, 0);
  header.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  header.writeUInt16LE(NLM_F_REQUEST_DUMP, 6);
  const kernel = Buffer.alloc(12);
  kernel.writeUInt16LE(AF_NETLINK, 0);
  const message = Buffer.concat([header, request]);
  if (libc.sendto(fd, message, message.length, 0, kernel, kernel.length) < 0) return;
  for (;;) {
    const bytes = libc.recv(fd, scratch, scratch.length, SYS.MSG_DONTWAIT);
    if (bytes <= 0 || !visitAll(scratch.subarray(0, bytes), visit)) return;
  }
}

/** Whether there is more to come. */
function visitAll(bytes: Buffer, visit: (message: Buffer) => void): boolean {
  for (let at = 0; at + NLMSG_HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    const type = bytes.readUInt16LE(at + 4);
    if (type === NLMSG_DONE || type === NLMSG_ERROR || length < NLMSG_HEADER_BYTES) return false;
    visit(bytes.subarray(at + NLMSG_HEADER_BYTES, at + length));
    at += align(length);
  }
  return true;
}

/** struct inet_diag_msg: of a listening socket, the receive queue is the backlog and the send queue its bound. */
function noteInet(message: Buffer, queues: Map<string, ListenQueue>): void {
  const isV4 = message[0] === SYS.AF_INET;
  const port = message.readUInt16BE(4);
  const host = isV4 ? [...message.subarray(8, 12)].join('.') : `[${compressV6(message.subarray(8, 24))}]`;
  add(queues, `${host}:${port}`, message.readUInt32LE(56), message.readUInt32LE(60));
}

/** struct unix_diag_msg and its attributes. */
function noteUnix(message: Buffer, queues: Map<string, ListenQueue>): void {
  let name = '';
  let queue = 0;
  let queueMax = 0;
  for (let at = 16; at + 4 <= message.length; ) {
    const length = message.readUInt16LE(at);
    if (length < 4) return;
    const type = message.readUInt16LE(at + 2);
    const value = message.subarray(at + 4, at + length);
    if (type === UNIX_DIAG_NAME) name = unixName(value);
    if (type === UNIX_DIAG_RQLEN) {
      queue = value.readUInt32LE(0);
      queueMax = value.readUInt32LE(4);
    }
    at += align(length);
  }
  if (name !== '') add(queues, name, queue, queueMax);
}

function unixName(bytes: Buffer): string {
  if (bytes[0] === 0) return `@${bytes.subarray(1).toString()}`;
  return bytes.toString().replace(/\0+$/, '');
}

/** Several sockets may listen on one address. */
function add(queues: Map<string, ListenQueue>, name: string, queue: number, queueMax: number): void {
  const other = queues.get(name);
  queues.set(name, { queue: queue + (other?.queue ?? 0), queueMax: queueMax + (other?.queueMax ?? 0) });
}

function align(length: number): number {
  return (length + 3) & ~3;
}

function compressV6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  // The URL parser does the canonical part.
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

function readProc(path: string, queues: Map<string, ListenQueue>): void {
  let text: string;
  try {
    const fd = openSync(path, 'r');
    text = scratch.toString('latin1', 0, readSync(fd, scratch, 0, PROC_BYTES, null));
    closeSync(fd);
  } catch {
    return;
  }
  for (const line of text.split('\n')) {
    // sl, local address, remote address, state, send queue:receive queue
    const [, , host = '', port = '', state, queue = ''] =
      /^\s*(\d+): ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) [0-9A-F]+:([0-9A-F]+)/.exec(line) ?? [];
    if (state === PROC_LISTEN)
      add(queues, `${procHost(host)}:${Number.parseInt(port, 16)}`, Number.parseInt(queue, 16), 0);
  }
}

/** Words of the machine's byte order: little-endian wherever Node runs. */
function procHost(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  bytes.swap32();
  return bytes.length === 4 ? [...bytes].join('.') : `[${compressV6(bytes)}]`;
}
