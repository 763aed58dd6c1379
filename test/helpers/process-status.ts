// What the kernel says about another process: open descriptors and resident memory. Linux.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What each open descriptor of a process is: `socket:[123]`, `anon_inode:[eventpoll]`, a path. */
export function openDescriptors(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(`${folder}/${fd}`)];
    } catch {
      // Closed since it was listed.
      return [];
    }
  });
}

/** How many descriptors a process has open while it does nothing: the fewest seen in 300 ms. */
export async function idleDescriptors(pid: number): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 15; i++) {
    await sleep(20);
    fewest = Math.min(fewest, openDescriptors(pid).length);
  }
  return fewest;
}

/** Waits until a process has at most `count` descriptors open. Throws with what is open when that takes longer than 5 s. */
export async function descriptorsBackTo(pid: number, count: number, waitMs = 5000): Promise<void> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const open = openDescriptors(pid);
    if (open.length <= count) return;
    if (performance.now() > deadline) {
      throw new Error(`${open.length} descriptors are open, expected ${count}:\n${open.sort().join('\n')}`);
    }
    await sleep(20);
  }
}

/** Resident memory in bytes, anonymous pages only: files that are mapped do not count. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN);
  return (kilobytes('RssAnon') + kilobytes('RssShmem')) * 1024;
}

/** Samples the resident memory of a process until it is stopped. */
export class MemoryWatch {
  readonly startBytes: number;
  peakBytes: number;
  private readonly timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.startBytes = residentBytes(pid);
    this.peakBytes = this.startBytes;
    this.timer = setInterval(() => {
      this.peakBytes = Math.max(this.peakBytes, residentBytes(pid));
    }, 20);
  }

  /** The most it grew above the start, in bytes. */
  stop(): number {
    clearInterval(this.timer);
    return this.peakBytes - this.startBytes;
  }
}
