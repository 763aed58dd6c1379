// One log line in the making, as bytes: what is known is copied, what a client has sent is copied while it is harmless and
// taken apart when it is not. No string is made of a harmless value. Invariant: `bytes[0, length)` is valid UTF-8.
import { isUtf8 } from 'node:buffer';
import type { ValueForm } from '../base/log-template.js';
import { jsonInside, printable } from '../base/log-text.js';

/** Grows by what a line needs, and stays. */
const BYTES_AT_FIRST = 4096;
/** The most that a byte becomes: a control character of a JSON string, `\u001b`. */
const BYTES_PER_BYTE = 6;
const DIGITS_MAX = 24;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;

/** Bytes that stand for themselves outside of quotes, and between them. */
const SAFE = safeBytes();
const SAFE_QUOTED = safeBytes(QUOTE, BACKSLASH);

/** A line that is written from left to right. */
export class LineBuffer {
  bytes: Buffer = Buffer.allocUnsafeSlow(BYTES_AT_FIRST);
  length = 0;

  /** Begins the next line. */
  clear(): void {
    this.length = 0;
  }

  /** Bytes as they are. */
  raw(source: Uint8Array): void {
    this.reserve(source.length);
    const { bytes } = this;
    let at = this.length;
    // Most are short: a call into C++ costs more than the loop.
    for (let i = 0; i < source.length; i++) bytes[at++] = source[i] as number;
    this.length = at;
  }

  /** A text that holds nothing a client has sent, or that was made harmless. */
  text(text: string): void {
    this.reserve(text.length * 3);
    this.length += this.bytes.utf8Write(text, this.length);
  }

  /** A whole number >= 0. */
  number(value: number): void {
    this.reserve(DIGITS_MAX);
    if (value >= 1e9) {
      this.text(String(value));
      return;
    }
    const { bytes } = this;
    let rest = value | 0;
    let digits = 1;
    for (let bound = 10; rest >= bound; bound *= 10) digits++;
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const tenth = (rest / 10) | 0;
      bytes[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    this.length += digits;
  }

  /** What a client has sent: `source[from, to)`, in a form. */
  value(source: Uint8Array, from: number, to: number, form: ValueForm): void {
    this.reserve((to - from) * BYTES_PER_BYTE + 2);
    const { bytes, length } = this;
    const safe = form === 'plain' ? SAFE : SAFE_QUOTED;
    let at = length;
    if (form === 'json') bytes[at++] = QUOTE;
    for (let i = from; i < to; i++) {
      const byte = source[i] as number;
      if (safe[byte] === 0) return this.unsafe(Buffer.from(source.subarray(from, to)), form);
      bytes[at++] = byte;
    }
    if (form === 'json') bytes[at++] = QUOTE;
    this.length = at;
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

  private reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(needed * 2);
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}

function safeBytes(...unsafe: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x20 && byte < 0x7f && !unsafe.includes(byte) ? 1 : 0));
}

function hexEscape(c: string): string {
  return `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
