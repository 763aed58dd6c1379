// The vars block of a checked packet as strings: all of them into a dictionary, one of them, or each in turn. The block
// has been walked by PacketParser, so lengths are right; latin-1, so that every byte is one character (PEP 3333).
import { readU16le } from '../base/bytes.js';
import { firstKey, keyAt } from './var-keys.js';

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
    const key = keyAt(packet, cursor, keyLength, previous);
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

/** On a target with the usual prototype, an assignment to `__proto__` would not make a property. */
function defineOwn(target: Record<string, unknown>, value: string): void {
  Object.defineProperty(target, '__proto__', {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}
