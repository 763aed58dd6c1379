// What a worker has to know of each request before its application runs, and what its log line will want: found in one pass.
import { WantedVars } from '../observe/wanted-vars.js';

const HEAD = 'HEAD';
const USUAL_PROTOCOL = 'HTTP/1.1';

/** Looks through one request after the other. One serves a thread: what it says is of the last request. */
export class RequestLine {
  /** Whoever wants other variables of the requests says so here. */
  readonly wanted = new WantedVars();
  private readonly method = this.wanted.want('REQUEST_METHOD');
  private readonly version = this.wanted.want('SERVER_PROTOCOL');
  private packet: Buffer = Buffer.alloc(0);

  /** Takes the next request, its checked vars block `packet[start, end)`; returns what `WantedVars.scan` does. */
  read(packet: Buffer, start: number, end: number): number {
    this.packet = packet;
    return this.wanted.scan(packet, start, end);
  }

  get isHead(): boolean {
    return this.is(this.method, HEAD);
  }

  /** As the packet has it; HTTP/1.1 where it says nothing. */
  get protocol(): string {
    const { packet, version, wanted } = this;
    if (this.is(version, USUAL_PROTOCOL)) return USUAL_PROTOCOL;
    return packet.latin1Slice(wanted.start(version), wanted.end(version)) || USUAL_PROTOCOL;
  }

  private is(index: number, text: string): boolean {
    const { packet, wanted } = this;
    const start = wanted.start(index);
    if (wanted.end(index) - start !== text.length) return false;
    for (let i = 0; i < text.length; i++) if (packet[start + i] !== text.charCodeAt(i)) return false;
    return true;
  }
}
