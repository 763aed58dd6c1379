// What an application may return, told apart and checked.
import { describe } from '../values.js';
import type { Chunk } from './types.js';

/** Chunks of an array that together are longer than this are written one by one: joining them would cost a second copy. */
const JOINED_CHARS_MAX = 32_768;

export function isChunk(value: unknown): value is Chunk {
  return typeof value === 'string' || value instanceof Uint8Array;
}

/** `value` as a chunk. Throws a TypeError on anything but bytes and strings. */
export function toChunk(value: unknown): Chunk {
  if (isChunk(value)) return value;
  throw new TypeError(`The application gave ${describe(value)} as a chunk of its response, expected bytes or a string`);
}

/** The chunks as one, or null when they are too long for it. Throws a TypeError as `toChunk` does. */
export function joinChunks(values: readonly unknown[]): Chunk | null {
  let chars = 0;
  let bytes = false;
  for (const value of values) {
    const chunk = toChunk(value);
    if (typeof chunk !== 'string') bytes = true;
    chars += chunk.length;
  }
  if (chars > JOINED_CHARS_MAX) return null;
  const chunks = values as readonly Chunk[];
  if (!bytes) return chunks.join('');
  return Buffer.concat(chunks.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk)));
}
