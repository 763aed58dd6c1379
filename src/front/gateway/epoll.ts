// An epoll set over libc: descriptors in, ready events out, no garbage per event. Gateway thread only.

import { assert } from '../../base/assert.js';
import { EPOLL_DATA_OFFSET, EPOLL_EVENT_BYTES, type Libc, SYS } from '../../system/libc.js';

const EVENTS_MAX = 256;

/** One epoll set. Events are identified by their descriptor. */
export class Epoll {
  private readonly libc: Libc;
  private readonly epoll: number;
  private readonly events = Buffer.alloc(EPOLL_EVENT_BYTES * EVENTS_MAX);
  private readonly argument = Buffer.alloc(EPOLL_EVENT_BYTES);

  constructor(libc: Libc) {
    this.libc = libc;
    this.epoll = libc.epoll_create1(SYS.EPOLL_CLOEXEC);
    assert(this.epoll >= 0, 'epoll_create1 succeeds');
  }

  add(fd: number, mask: number): void {
    this.control(SYS.EPOLL_CTL_ADD, fd, mask);
  }

  modify(fd: number, mask: number): void {
    this.control(SYS.EPOLL_CTL_MOD, fd, mask);
  }

  remove(fd: number): void {
    this.libc.epoll_ctl(this.epoll, SYS.EPOLL_CTL_DEL, fd, null);
  }

  /** Waits up to `timeoutMs`; the number of events, 0 also when a signal interrupted the wait. */
  wait(timeoutMs: number): number {
    const count = this.libc.epoll_wait(this.epoll, this.events, EVENTS_MAX, timeoutMs);
    return Math.max(count, 0);
  }

  eventMask(index: number): number {
    return this.events.readUInt32LE(index * EPOLL_EVENT_BYTES);
  }

  eventFd(index: number): number {
    return this.events.readInt32LE(index * EPOLL_EVENT_BYTES + EPOLL_DATA_OFFSET);
  }

  close(): void {
    this.libc.close(this.epoll);
  }

  private control(operation: number, fd: number, mask: number): void {
    this.argument.writeUInt32LE(mask >>> 0, 0);
    this.argument.writeInt32LE(fd, EPOLL_DATA_OFFSET);
    const result = this.libc.epoll_ctl(this.epoll, operation, fd, this.argument);
    assert(result === 0, `epoll_ctl ${operation} of descriptor ${fd}: errno ${result === 0 ? 0 : this.libc.errno()}`);
  }
}
