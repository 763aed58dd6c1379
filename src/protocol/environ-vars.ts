// The vars block of a checked packet as strings: all of them into a dictionary, one of them, or each in turn. The block
// has been walked by PacketParser, so lengths are right; latin-1, so that every byte is one character (PEP 3333).
import { equalsBytes, latin1Bytes, readU16le } from '../base/bytes.js';

/** A packet lists nearly the same keys as the one before it, in the same order: so each known key remembers its successor. */
class KnownKey {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Whether other keys may point here. Keys that only point to each other are garbage when their packet is read. */
  readonly remembered: boolean;
  next: KnownKey | null = null;

  constructor(name: string, remembered: boolean) {
    this.name = name;
    this.bytes = latin1Bytes(name);
    this.remembered = remembered;
  }
}

/** Keys remembered at a time; one more and all are forgotten, so that clients who make names up cannot fill the memory. */
const KNOWN_KEYS_MAX = 1024;
/** Longer keys are not remembered. */
const KNOWN_KEY_BYTES_MAX = 128;

const knownKeys = new Map<string, KnownKey>();
const firstKey = new KnownKey('', true);

/**
 * Writes the vars in `packet[start, end)` into `target` as own properties. Of a key that is there twice the last value
 * wins, as in uWSGI. The values share one string of the block's length.
 */
export function readVars(packet: Buffer, start: number, end: number, target: Record<string, unknown>): void {
  // One string for the whole block, and slices of it: a call into C++ for each key and value costs three times as much.
  const block = packet.latin1Slice(start, end);
  let previous = firstKey;
  let cursor = start;
  while (cursor < end) {
    const keyLength = readU16le(packet, cursor);
    cursor += 2;
    let key = previous.next;
    if (key === null || !equalsBytes(packet, cursor, keyLength, key.bytes)) {
      key = lookUp(packet, cursor, keyLength);
      if (key.remembered) previous.next = key;
    }
    previous = key;
    cursor += keyLength;
    const valueLength = readU16le(packet, cursor);
    cursor += 2;
    const value = block.substring(cursor - start, cursor - start + valueLength);
    if (key.name === '__proto__') defineOwn(target, value);
    else target[key.name] = value;
    cursor += valueLength;
  }
}

/** The value of the last var called `key` (latin-1), or undefined: only that one string is made. */
export function findVar(packet: Buffer, start: number, end: number, key: string): string | undefined {
  let from = -1;
  let to = -1;
  let cursor = start;
  while (cursor < end) {
    const keyEnd = cursor + 2 + readU16le(packet, cursor);
    const varEnd = keyEnd + 2 + readU16le(packet, keyEnd);
    if (keyEnd - cursor - 2 === key.length && standsAt(packet, cursor + 2, key)) {
      from = keyEnd + 2;
      to = varEnd;
    }
    cursor = varEnd;
  }
  return from < 0 ? undefined : packet.latin1Slice(from, to);
}

/** Calls `fn` for each var, in the order of the packet, duplicates included. */
export function forEachVar(packet: Buffer, start: number, end: number, fn: (key: string, value: string) => void): void {
  let cursor = start;
  while (cursor < end) {
    const keyEnd = cursor + 2 + readU16le(packet, cursor);
    const varEnd = keyEnd + 2 + readU16le(packet, keyEnd);
    fn(packet.latin1Slice(cursor + 2, keyEnd), packet.latin1Slice(keyEnd + 2, varEnd));
    cursor = varEnd;
  }
}

/** Whether the characters of `text` are the bytes at `offset`. */
function standsAt(packet: Buffer, offset: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (packet[offset + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

function lookUp(packet: Buffer, offset: number, length: number): KnownKey {
  const name = packet.latin1Slice(offset, offset + length);
  let key = knownKeys.get(name);
  if (key === undefined) {
    key = new KnownKey(name, length <= KNOWN_KEY_BYTES_MAX);
    if (!key.remembered) return key;
    if (knownKeys.size === KNOWN_KEYS_MAX) {
      knownKeys.clear();
      firstKey.next = null;
    }
    knownKeys.set(name, key);
  }
  return key;
}

/** On a target with the usual prototype, an assignment to `__proto__` would not make a property. */
function defineOwn(target: Record<string, unknown>, value: string): void {
  Object.defineProperty(target, '__proto__', {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}
