// The vars block of a checked packet as a request in the manner of node:http: the request line, the addresses, and the
// headers both as a dictionary and as a list.
import { readU16le } from '../base/bytes.js';
import { targetBelow } from './request-target.js';
import { firstKey, keyAt, VAR, type VarKey, type VarKind } from './var-keys.js';

/** What one packet says. Nothing in it points into the packet. Of a var that is there twice the last value wins. */
export class RequestVars {
  method = 'GET';
  /** REQUEST_URI below the mount point, or what path and query say where the peer in front does not send it. */
  url = '';
  /** The same with the mount point. */
  originalUrl = '';
  /** `HTTP/1.1`. */
  protocol = 'HTTP/1.1';
  remoteAddress = '';
  remotePort = '';
  serverAddress = '';
  serverPort = '';
  /** The client's connection is encrypted, as far as the peer in front tells. */
  encrypted = false;
  /** What stood behind a body in chunks, as lines (see trailers.ts). */
  trailers = '';
  /** By names in lower case. */
  readonly headers: Record<string, string> = {};
  /** Name, value, name, value…; the case of the names is rebuilt. */
  readonly rawHeaders: string[] = [];
  private path = '';
  private query = '';

  /** Reads the vars in `packet[start, end)`. */
  constructor(packet: Buffer, start: number, end: number, mountPoint = '') {
    // One string for the whole block, and slices of it: a call into C++ for each value costs three times as much.
    const block = packet.latin1Slice(start, end);
    let previous = firstKey;
    let cursor = start;
    while (cursor < end) {
      const keyLength = readU16le(packet, cursor);
      cursor += 2;
      const key = keyAt(packet, cursor, keyLength, previous);
      previous = key;
      cursor += keyLength;
      const valueLength = readU16le(packet, cursor);
      cursor += 2;
      if (key.kind !== VAR.OTHER) {
        const value = block.substring(cursor - start, cursor - start + valueLength);
        if (key.kind === VAR.HEADER) this.addHeader(key, value);
        else this.set(key.kind, value);
      }
      cursor += valueLength;
    }
    this.originalUrl = targetBelow('', this.url, this.path, this.query);
    this.url = mountPoint === '' ? this.originalUrl : targetBelow(mountPoint, this.url, this.path, this.query);
  }

  private addHeader(key: VarKey, value: string): void {
    const { headers, rawHeaders } = this;
    const { header, rawHeader } = key;
    // nginx says CONTENT_TYPE and CONTENT_LENGTH of requests without a body, too.
    if (value === '' && !key.name.startsWith('HTTP_')) return;
    // A name such as `constructor` is inherited, and no string.
    if (typeof headers[header] !== 'string') rawHeaders.push(rawHeader, value);
    else for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i] === rawHeader) rawHeaders[i + 1] = value;
    headers[header] = value;
  }

  private set(kind: VarKind, value: string): void {
    switch (kind) {
      case VAR.METHOD:
        this.method = value;
        return;
      case VAR.URI:
        this.url = value;
        return;
      case VAR.PATH:
        this.path = value;
        return;
      case VAR.QUERY:
        this.query = value;
        return;
      case VAR.PROTOCOL:
        this.protocol = value;
        return;
      case VAR.REMOTE_ADDR:
        this.remoteAddress = value;
        return;
      case VAR.REMOTE_PORT:
        this.remotePort = value;
        return;
      case VAR.SERVER_ADDR:
        this.serverAddress = value;
        return;
      case VAR.SERVER_PORT:
        this.serverPort = value;
        return;
      case VAR.HTTPS:
        this.encrypted ||= value === '1' || value.toLowerCase() === 'on';
        return;
      case VAR.SCHEME:
        this.encrypted ||= value === 'https';
        return;
      case VAR.TRAILERS:
        this.trailers = value;
        return;
      case VAR.HEADER:
      case VAR.OTHER:
        return;
      default:
        kind satisfies never;
    }
  }
}
