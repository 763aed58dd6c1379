// A request's body as the application reads it: out of the slot, or out of the temporary file the front wrote. The file's
// descriptor is the front's and is closed when the request is done: nothing is read after `close`.
import { read, readSync } from 'node:fs';
import type { RequestBody } from '../app/exchange.js';
import type { WorkerSlot } from '../lane/worker-lane.js';

const NOTHING = Buffer.alloc(0);

/** Reads the body of the request in `slot`. */
export class SlotBody implements RequestBody {
  readonly length: number;
  readonly fd: number;
  private readonly slot: WorkerSlot;
  private readonly inline: Buffer | null;
  private position = 0;
  private closed = false;

  constructor(slot: WorkerSlot) {
    this.slot = slot;
    this.length = slot.bodyBytes;
    this.fd = slot.bodyFd;
    this.inline = this.fd >= 0 ? null : slot.request.subarray(slot.varsEnd, slot.varsEnd + this.length);
  }

  lend(): number {
    this.slot.lendBody();
    return this.fd;
  }

  readSync(size: number): Buffer {
    const wanted = this.take(size);
    if (wanted === 0) return NOTHING;
    if (this.inline !== null) return this.copyInline(wanted);
    const buffer = Buffer.allocUnsafe(wanted);
    const count = readSync(this.fd, buffer, 0, wanted, this.position);
    this.position += count;
    return buffer.subarray(0, count);
  }

  read(size: number): Promise<Buffer> {
    const wanted = this.take(size);
    if (wanted === 0) return Promise.resolve(NOTHING);
    if (this.inline !== null) return Promise.resolve(this.copyInline(wanted));
    return new Promise((resolve, reject) => {
      read(this.fd, Buffer.allocUnsafe(wanted), 0, wanted, this.position, (error, count, buffer) => {
        // The descriptor may have been closed, and its number used again, while the read was under way.
        if (this.closed) return resolve(NOTHING);
        if (error !== null) return reject(error);
        this.position += count;
        resolve(buffer.subarray(0, count));
      });
    });
  }

  /** The request is done: whoever goes on reading finds the end. */
  close(): void {
    this.closed = true;
  }

  private take(size: number): number {
    return this.closed ? 0 : Math.max(0, Math.min(size, this.length - this.position));
  }

  private copyInline(count: number): Buffer {
    const bytes = Buffer.from((this.inline as Buffer).subarray(this.position, this.position + count));
    this.position += count;
    return bytes;
  }
}
