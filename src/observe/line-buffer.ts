// One log line in the making, as bytes: what is known is copied, what a client has sent is copied while it is harmless and
// taken apart when it is not. No string is made of a harmless value. Invariant: `bytes[0, length)` is valid UTF-8.
import { isUtf8 } from 'node:buffer';
import type { ValueForm } from '../base/log-template.js';
import { jsonInside, printable } from '../base/log-text.js';

/** Grows by what a line needs, and stays. */
const BYTES_AT_FIRST = 4096;
/** The most that a byte becomes: a control character of a JSON string, `\u001b`. */
const BYTES_PER_BYTE = 6;
/** The most that a number takes. */
export const DIGITS_MAX = 24;
export const WORD_BYTES = 4;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;

/** Bytes that stand for themselves outside of quotes, and between them. */
const SAFE = safeBytes();
const SAFE_QUOTED = safeBytes(QUOTE, BACKSLASH);

/** Bytes that many lines have: in words, which are written at once where a byte would be. */
export class FixedBytes {
  /** The last one is filled up with zeros. */
  readonly words: Int32Array;
  readonly length: number;

  constructor(bytes: Uint8Array) {
    const padded = new Uint8Array(Math.ceil(bytes.length / WORD_BYTES) * WORD_BYTES);
    padded.set(bytes);
    const view = new DataView(padded.buffer);
    this.words = Int32Array.from({ length: padded.length / WORD_BYTES }, (_, i) => view.getInt32(i * WORD_BYTES, true));
    this.length = bytes.length;
  }
}

/** Bytes that are touched when it is written. */
export function roomOf({ words }: FixedBytes): number {
  return words.length * WORD_BYTES;
}

/** Writes a whole number >= 0 at `at`, where there is room for DIGITS_MAX; returns where it ends. */
export function writeNumber(bytes: Buffer, at: number, value: number): number {
  if (value >= 1e9) return at + bytes.latin1Write(String(value), at);
  let rest = value | 0;
  let digits = 1;
  for (let bound = 10; rest >= bound; bound *= 10) digits++;
  for (let digit = at + digits - 1; digit >= at; digit--) {
    const tenth = (rest / 10) | 0;
    bytes[digit] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return at + digits;
}

/**
 * Writes `source[from, to)` in a form at `at`, where there is room for it and two quotes; returns where it ends, or -1 when
 * there is a byte that does not stand for itself.
 */
export function writeSafe(
  bytes: Buffer,
  at: number,
  source: Uint8Array,
  from: number,
  to: number,
  form: ValueForm,
): number {
  const safe = form === 'plain' ? SAFE : SAFE_QUOTED;
  if (form === 'json') bytes[at++] = QUOTE;
  for (let i = from; i < to; i++) {
    const byte = source[i] as number;
    if (safe[byte] === 0) return -1;
    bytes[at++] = byte;
  }
  if (form === 'json') bytes[at++] = QUOTE;
  return at;
}

/** A line that is written from left to right. */
export class LineBuffer {
  bytes: Buffer;
  length = 0;
  /** Of the same bytes. */
  view: DataView;

  constructor(bytesAtFirst = BYTES_AT_FIRST) {
    this.bytes = Buffer.allocUnsafeSlow(bytesAtFirst);
    this.view = viewOf(this.bytes);
  }

  /** Begins the next line. */
  clear(): void {
    this.length = 0;
  }

  /** Bytes as they are. Most are short: a call into C++ costs more than the loop. */
  fixed(fixed: FixedBytes): void {
    this.reserve(roomOf(fixed));
    const { view, length } = this;
    const { words } = fixed;
    for (let i = 0; i < words.length; i++) view.setInt32(length + i * WORD_BYTES, words[i] as number, true);
    this.length = length + fixed.length;
  }

  /** One byte as it is. */
  byte(byte: number): void {
    this.reserve(1);
    this.bytes[this.length++] = byte;
  }

  /** A text that holds nothing a client has sent, or that was made harmless. */
  text(text: string): void {
    this.reserve(text.length * 3);
    this.length += this.bytes.utf8Write(text, this.length);
  }

  /** What a client has sent: `source[from, to)`, in a form. */
  value(source: Uint8Array, from: number, to: number, form: ValueForm): void {
    this.reserve((to - from) * BYTES_PER_BYTE + 2);
    const end = writeSafe(this.bytes, this.length, source, from, to, form);
    if (end >= 0) this.length = end;
    else this.unsafe(Buffer.from(source.subarray(from, to)), form);
  }

  /** A text in a form. */
  valueText(text: string, form: ValueForm): void {
    const bytes = Buffer.from(text);
    this.value(bytes, 0, bytes.length, form);
  }

  private unsafe(value: Buffer, form: ValueForm): void {
    const isText = isUtf8(value);
    if (form === 'json' || form === 'string') {
      // Latin-1 is what the application sees of it, too.
      const inside = jsonInside(isText ? value.toString('utf8') : value.toString('latin1'));
      return this.text(form === 'json' ? `"${inside}"` : inside);
    }
    const text = isText ? value.toString('utf8') : value.toString('latin1');
    const quoted = form === 'quoted' ? text.replace(/["\\]/g, hexEscape) : text;
    this.text(isText ? printable(quoted) : quoted.replace(/[^\x20-\x7e]/g, hexEscape));
  }

  /** Makes room for so many bytes: `bytes` and `view` may be others then. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(needed * 2);
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
    this.view = viewOf(larger);
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

function safeBytes(...unsafe: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x20 && byte < 0x7f && !unsafe.includes(byte) ? 1 : 0));
}

function hexEscape(c: string): string {
  return `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
