// A chunked request body (RFC 9112 section 7.1), byte by byte where lines are, in runs where data is. Strict: sizes are hex
// digits, lines end with CRLF, a chunk ends where its size says. Extensions are looked at and thrown away.
import { isTokenByte } from './cgi-names.js';
import { TRAILER_BYTES_MAX } from './trailers.js';

const CR = 13;
const LF = 10;
const SEMICOLON = 59;
const COLON = 58;

const STATE = {
  SIZE: 0,
  EXTENSION: 1,
  SIZE_LF: 2,
  DATA: 3,
  DATA_CR: 4,
  DATA_LF: 5,
  TRAILER_START: 6,
  TRAILER_NAME: 7,
  TRAILER: 8,
  TRAILER_LF: 9,
  END_LF: 10,
  DONE: 11,
  FAULT: 12,
} as const;
type State = (typeof STATE)[keyof typeof STATE];

/** Hex digits of a size at most: 2^52 is more than any disk. */
const SIZE_DIGITS_MAX = 13;
/** Bytes of one size line's extension. */
const EXTENSION_BYTES_MAX = 1024;

/** Decodes one body at a time. */
export class ChunkedDecoder {
  /** Where the data of the last `next` lies in the buffer it was given. */
  dataStart = 0;
  dataEnd = 0;
  /** The trailers as they came, each line with its CR LF: well-formed, and no more than that. */
  trailers = '';
  private state: State = STATE.SIZE;
  private size = 0;
  private digits = 0;
  private extra = 0;

  reset(): void {
    this.state = STATE.SIZE;
    this.size = 0;
    this.digits = 0;
    this.extra = 0;
    this.trailers = '';
  }

  /** The last chunk and the trailers have come. */
  get isDone(): boolean {
    return this.state === STATE.DONE;
  }

  get isFaulty(): boolean {
    return this.state === STATE.FAULT;
  }

  /**
   * Reads `buffer[at, end)` up to the end of the next run of data, of the body, or of the bytes. The offset after what was
   * read; the run is `dataStart` to `dataEnd`, empty when there was none.
   */
  next(buffer: Uint8Array, at: number, end: number): number {
    this.dataStart = 0;
    this.dataEnd = 0;
    let position = at;
    while (position < end && this.state < STATE.DONE) {
      if (this.state === STATE.DATA) {
        const count = Math.min(this.size, end - position);
        this.dataStart = position;
        this.dataEnd = position + count;
        this.size -= count;
        if (this.size === 0) this.state = STATE.DATA_CR;
        return position + count;
      }
      this.step(buffer[position] as number);
      position++;
    }
    return position;
  }

  private step(byte: number): void {
    switch (this.state) {
      case STATE.SIZE:
        return this.onSize(byte);
      case STATE.EXTENSION:
        return this.onExtension(byte);
      case STATE.SIZE_LF:
        this.state = byte !== LF ? STATE.FAULT : this.size === 0 ? STATE.TRAILER_START : STATE.DATA;
        this.extra = 0;
        return;
      case STATE.DATA_CR:
        return this.expect(byte, CR, STATE.DATA_LF);
      case STATE.DATA_LF:
        this.digits = 0;
        this.size = 0;
        return this.expect(byte, LF, STATE.SIZE);
      case STATE.TRAILER_START:
        this.state = byte === CR ? STATE.END_LF : isTokenByte(byte) ? STATE.TRAILER_NAME : STATE.FAULT;
        if (byte !== CR) this.keepTrailer(byte);
        return;
      case STATE.TRAILER_NAME:
        this.state = byte === COLON ? STATE.TRAILER : isTokenByte(byte) ? STATE.TRAILER_NAME : STATE.FAULT;
        return this.keepTrailer(byte);
      case STATE.TRAILER:
        this.state = byte === CR ? STATE.TRAILER_LF : isControl(byte) ? STATE.FAULT : STATE.TRAILER;
        return this.keepTrailer(byte);
      case STATE.TRAILER_LF:
        this.expect(byte, LF, STATE.TRAILER_START);
        return this.keepTrailer(byte);
      case STATE.END_LF:
        return this.expect(byte, LF, STATE.DONE);
      default:
        this.state = STATE.FAULT;
    }
  }

  private expect(byte: number, wanted: number, next: State): void {
    this.state = byte === wanted ? next : STATE.FAULT;
  }

  private onSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0 && this.digits < SIZE_DIGITS_MAX) {
      this.size = this.size * 16 + digit;
      this.digits++;
    } else if (this.digits === 0 || digit >= 0) this.state = STATE.FAULT;
    else if (byte === CR) this.state = STATE.SIZE_LF;
    else if (byte === SEMICOLON) this.state = STATE.EXTENSION;
    else this.state = STATE.FAULT;
  }

  private onExtension(byte: number): void {
    if (byte === CR) this.state = STATE.SIZE_LF;
    else if (isControl(byte) || ++this.extra > EXTENSION_BYTES_MAX) this.state = STATE.FAULT;
  }

  private keepTrailer(byte: number): void {
    this.trailers += String.fromCharCode(byte);
    if (this.trailers.length > TRAILER_BYTES_MAX) this.state = STATE.FAULT;
  }
}

/** Any control character but tab. */
function isControl(byte: number): boolean {
  return (byte < 32 && byte !== 9) || byte === 127;
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
