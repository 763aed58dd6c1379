// Methods that node's Buffer has on every version this project supports, and that @types/node does not list: the ones
// behind toString and write, without the look-up of the encoding's name.
declare global {
  interface Buffer {
    latin1Slice(start: number, end: number): string;
    /** Bytes written: as many characters as fit. */
    latin1Write(text: string, offset: number, length?: number): number;
    utf8Write(text: string, offset: number, length?: number): number;
  }
}

export {};
