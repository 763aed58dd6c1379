// Reading numbers and names out of bytes where they lie: no copy, no string, no allocation.

/** The unsigned 16-bit little-endian number at `offset`. */
export function readU16le(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
}

/** Writes `value` (0 to 65535) as an unsigned 16-bit little-endian number at `offset`. */
export function writeU16le(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value & 0xff;
  bytes[offset + 1] = value >>> 8;
}

/** Whether the `length` bytes at `offset` are exactly those of `wanted`. */
export function equalsBytes(bytes: Uint8Array, offset: number, length: number, wanted: Uint8Array): boolean {
  if (length !== wanted.length) return false;
  for (let i = 0; i < length; i++) {
    if (bytes[offset + i] !== wanted[i]) return false;
  }
  return true;
}

/** The bytes of a text whose characters are all below 256. */
export function latin1Bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}
