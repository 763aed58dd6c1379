// The request variables that a log line wants, found in one pass over the vars block: where their bytes are, no strings.
import { latin1Bytes, readU16le } from '../base/bytes.js';

interface Wanted {
  readonly bytes: Uint8Array;
  readonly index: number;
}

/** Finds a fixed set of variables in one request after the other. */
export class WantedVars {
  /** Variables in the request. */
  count = 0;
  /** How many requests were looked through, this one included: whoever has noted it knows whether the last one was its own. */
  scans = 0;
  private readonly names: string[] = [];
  /** By the length of the name. */
  private readonly wanted: Wanted[][] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  /** The number of a variable that is to be found from now on. */
  want(name: string): number {
    const known = this.names.indexOf(name);
    if (known >= 0) return known;
    const bytes = latin1Bytes(name);
    const index = this.names.push(name) - 1;
    this.starts.push(0);
    this.ends.push(0);
    while (this.wanted.length <= bytes.length) this.wanted.push([]);
    this.wanted[bytes.length]?.push({ bytes, index });
    return index;
  }

  /** Looks through the checked vars block `packet[start, end)`; returns `scans`. Of a name that is there twice the last value counts. */
  scan(packet: Uint8Array, start: number, end: number): number {
    const { starts, ends, wanted } = this;
    for (let i = 0; i < starts.length; i++) {
      starts[i] = 0;
      ends[i] = 0;
    }
    let count = 0;
    let cursor = start;
    while (cursor < end) {
      const keyLength = readU16le(packet, cursor);
      const keyEnd = cursor + 2 + keyLength;
      const valueEnd = keyEnd + 2 + readU16le(packet, keyEnd);
      if (keyLength < wanted.length) {
        const candidates = wanted[keyLength] as Wanted[];
        for (let i = 0; i < candidates.length; i++) {
          const { bytes, index } = candidates[i] as Wanted;
          // From its end: REMOTE_ADDR and REMOTE_PORT, SERVER_NAME and SERVER_PORT begin alike.
          let at = keyLength - 1;
          while (at >= 0 && packet[cursor + 2 + at] === bytes[at]) at--;
          if (at >= 0) continue;
          starts[index] = keyEnd + 2;
          ends[index] = valueEnd;
          break;
        }
      }
      count++;
      cursor = valueEnd;
    }
    this.count = count;
    return ++this.scans;
  }

  /** Where the value begins and ends; the same for one that is empty or not there. */
  start(index: number): number {
    return this.starts[index] as number;
  }

  end(index: number): number {
    return this.ends[index] as number;
  }
}
