// Reads one value of an option by its row's kind. What cannot be read is an Error that says what was wanted.
import { parseAssignment } from './declared.js';
import { parseAddress, parseHttpsAddress, parseRedirectAddress } from './https-address.js';
import type { NumberRow, OptionRow } from './option-row.js';
import type { OptionValue } from './options.js';

type ModeRow = Extract<OptionRow, { readonly kind: 'mode' }>;

const UNITS = { count: '', size: 'bytes', megabytes: 'megabytes', seconds: 'seconds', milliseconds: 'milliseconds' };
const SIZE_FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };
const FALSE_WORDS = new Set(['false', 'off', 'no', '0']);
const TRUE_WORDS = new Set(['true', 'on', 'yes']);

/** The value of `text`; the empty text is that of a bare name. `adjusted` is told when a value had to be changed. */
export function parseValue(row: OptionRow, text: string, adjusted: (how: string) => void): OptionValue {
  switch (row.kind) {
    case 'flag':
      if (!isFlagWord(text) && text !== '') adjusted(`is true: "${text}" is neither true nor false`);
      return parseFlag(text);
    case 'count':
    case 'size':
    case 'megabytes':
    case 'seconds':
    case 'milliseconds':
      return parseNumber(row, text, adjusted);
    case 'mode':
      return parseMode(row, text);
    case 'text':
      if (row.bare !== undefined && (text === '' || (row.trueIsBare && text.toLowerCase() === 'true'))) return row.bare;
      if (text === '') throw new Error('a value is wanted');
      return text;
    case 'choice':
      if (!row.choices.includes(text)) throw new Error(`one of ${row.choices.join(', ')} is wanted, got "${text}"`);
      return text;
    case 'address':
      return parseAddress(text);
    case 'https-address':
      return parseHttpsAddress(text);
    case 'redirect-address':
      return parseRedirectAddress(text);
    case 'assignment':
      return parsePair(text);
    default:
      return row satisfies never;
  }
}

/** Whether the text says true or false in so many words. */
export function isFlagWord(text: string): boolean {
  const word = text.toLowerCase();
  return FALSE_WORDS.has(word) || TRUE_WORDS.has(word) || word === '1';
}

/** Anything but false, off, no and 0 is true, in any case. */
export function parseFlag(text: string): boolean {
  return !FALSE_WORDS.has(text.toLowerCase());
}

/** The unit of a number, in words; empty for the kinds that have none. */
export function unitOf(row: OptionRow): string {
  return 'unit' in row && row.unit !== undefined
    ? row.unit
    : row.kind in UNITS
      ? UNITS[row.kind as keyof typeof UNITS]
      : '';
}

function parseNumber(row: NumberRow, text: string, adjusted: (how: string) => void): number {
  const value = readNumber(row, text);
  if (row.min !== undefined && value < row.min) throw new Error(`value must be >= ${row.min}, got ${text}`);
  if (row.max !== undefined && value > row.max) throw new Error(`value must be <= ${row.max}, got ${text}`);
  if (!Number.isSafeInteger(value)) throw new Error(`value is too large, got ${text}`);
  if (row.clampMax === undefined || value <= row.clampMax) return value;
  adjusted(`is lowered from ${text} to ${row.clampMax}, the largest that is possible`);
  return row.clampMax;
}

/** A guess would be worse than an error: uWSGI reads `true` as 0 and `64k` as 64. */
function readNumber(row: NumberRow, text: string): number {
  if (row.bare !== undefined && (text === '' || TRUE_WORDS.has(text.toLowerCase()))) return row.bare;
  if (row.bare !== undefined && FALSE_WORDS.has(text.toLowerCase())) return 0;
  const [, digits = '', suffix = ''] = /^([+-]?\d+)\s*([kmg]?)b?$/i.exec(text) ?? [];
  const factor = row.kind === 'size' ? SIZE_FACTORS[suffix.toLowerCase()] : undefined;
  const plain = /^[+-]?\d+$/.test(text);
  if (digits === '' || (!plain && factor === undefined)) {
    const unit = unitOf(row);
    const suffixes = row.kind === 'size' ? ', with k, m or g for 1024s of them' : '';
    const cores = row.unit === 'workers' && text.toLowerCase() === 'auto' ? '; %k is the number of CPUs' : '';
    throw new Error(`a whole number${unit === '' ? '' : ` of ${unit}`}${suffixes} is wanted, got "${text}"${cores}`);
  }
  return Number(digits) * (factor ?? 1);
}

function parseMode(row: ModeRow, text: string): number {
  if (row.bare !== undefined && (text === '' || TRUE_WORDS.has(text.toLowerCase()))) return row.bare;
  const [fewest, most] = row.digits;
  if (!/^[0-7]+$/.test(text) || text.length < fewest || text.length > most) {
    const digits = fewest === most ? `${fewest} octal digits are` : `${fewest} to ${most} octal digits are`;
    throw new Error(`${digits} wanted, such as 664, got "${text}"`);
  }
  return Number.parseInt(text, 8);
}

function parsePair(text: string): OptionValue {
  const assignment = parseAssignment(text);
  if (assignment === undefined) throw new Error(`NAME=VALUE is wanted, got "${text}"`);
  return assignment;
}
