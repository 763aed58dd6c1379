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
const WORD_BYTES = 4;
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

/** A line that is written from left to right. */
export class LineBuffer {
  bytes: Buffer;
  length = 0;
  /** Of the same bytes. */
  private view: DataView;

  constructor(bytesAtFirst = BYTES_AT_FIRST) {
    this.bytes = Buffer.allocUnsafeSlow(bytesAtFirst);
    this.view = viewOf(this.bytes);
  }

  /** Begins the next line. */
  clear(): void {
    this.length = 0;
  }

  /** Bytes as they are. Most are short: a call into C++ costs more than the loop. */
  fixed({ words, length }: FixedBytes): void {
    const count = words.length;
    this.reserve(count * WORD_BYTES);
    const { view } = this;
    let at = this.length;
    this.length = at + length;
    for (let i = 0; i < count; i++) {
      view.setInt32(at, words[i] as number, true);
      at += WORD_BYTES;
    }
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
