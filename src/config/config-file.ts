// Configuration files: their names (`file.ini:section`) and their encoding.
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { errorMessage } from '../base/errors.js';

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

/** Where a file is: beside the one that includes it, else in the current directory. As in uWSGI, `-` is standard input. */
export function resolveFile(file: string, including: FileName | undefined, cwd: string): FileName {
  if (file === '-') return { shown: 'standard input', absolute: '/dev/stdin' };
  const fromCwd = { shown: file, absolute: path.resolve(cwd, file) };
  if (including === undefined || path.isAbsolute(file)) return fromCwd;
  const absolute = path.resolve(path.dirname(including.absolute), file);
  return isReadable(absolute) ? { shown: path.join(path.dirname(including.shown), file), absolute } : fromCwd;
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
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
