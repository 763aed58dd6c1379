// Opens configuration files: their names (`file.ini:section`), their size and their encoding.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { errorMessage } from '../base/errors.js';
import { CONFIG_FILE_BYTES_MAX } from './limits.js';

/** A file as an `ini =` names it. */
export interface FileSpec {
  /** Empty for `:section`, the same file. */
  readonly file: string;
  /** Undefined if none was asked for. */
  readonly section: string | undefined;
}

/** Splits `file.ini:section` at its last colon. A colon before a slash belongs to the path. */
export function parseFileSpec(text: string): FileSpec {
  const colon = text.lastIndexOf(':');
  if (colon === -1 || text.includes('/', colon)) return { file: text, section: undefined };
  const section = text.slice(colon + 1);
  return { file: text.slice(0, colon), section: section === '' ? undefined : section };
}

export interface FileName {
  /** The name an error shows. */
  readonly shown: string;
  readonly absolute: string;
}

/** Where a file is: beside the one that includes it, else in the current directory. */
export function resolveFile(file: string, including: FileName | undefined, cwd: string): FileName {
  const fromCwd = { shown: file, absolute: path.resolve(cwd, file) };
  if (including === undefined || path.isAbsolute(file)) return fromCwd;
  const absolute = path.resolve(path.dirname(including.absolute), file);
  return isReadable(absolute) ? { shown: path.join(path.dirname(including.shown), file), absolute } : fromCwd;
}

/** The bytes of a file. Throws an Error whose message says what is wrong with it. */
export function readBytes(file: string): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    const stat = fstatSync(descriptor);
    if (stat.isDirectory()) throw new Error('it is a directory');
    const chunks: Buffer[] = [];
    let total = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(65_536);
      const count = readSync(descriptor, chunk);
      if (count === 0) return Buffer.concat(chunks);
      total += count;
      if (total > CONFIG_FILE_BYTES_MAX) throw new Error(`it has more than ${CONFIG_FILE_BYTES_MAX} bytes`);
      chunks.push(chunk.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Text of a file's bytes: UTF-8 with or without a byte order mark, or UTF-16 with one. Wrong bytes become U+FFFD. */
export function decodeText(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder('utf-8').decode(bytes);
}

/** Why a file cannot be read, in the system's words without code and path. */
export function readFailure(error: unknown): string {
  return errorMessage(error).replace(/^E[A-Z]+: (.*?), \w+.*$/s, '$1');
}

function isReadable(file: string): boolean {
  try {
    closeSync(openSync(file, 'r'));
    return true;
  } catch {
    return false;
  }
}
