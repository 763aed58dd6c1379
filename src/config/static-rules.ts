// The options of static files whose values are more than a text: `REGEX SECONDS`, `TYPE=SECONDS`, regular expressions.
import { errorMessage } from '../base/errors.js';
import { parseAssignment } from './declared.js';
import type { Report, Setting } from './setting.js';

/** Of `static-expires` and its siblings: what a file, path or type has to be like, and the seconds it may be kept. */
export interface ExpiresRule {
  /** A regular expression; of the options by type, a media type. */
  readonly pattern: string;
  readonly seconds: number;
}

/** Reads `REGEX SECONDS`. Throws an Error that says what was wanted. */
export function parseExpires(text: string): ExpiresRule {
  const [, pattern = '', seconds = ''] = /^(.*\S)\s+(\S+)$/.exec(text) ?? [];
  if (pattern === '') throw new Error(`REGEX SECONDS is wanted, got "${text}"`);
  checkRegExp(pattern);
  return { pattern, seconds: parseSeconds(seconds) };
}

/** Throws an Error unless the text is a regular expression. */
export function checkRegExp(text: string): void {
  try {
    new RegExp(text);
  } catch {
    throw new Error(`a regular expression is wanted, got "${text}"`);
  }
}

/** Throws an Error unless the text is a whole number of seconds. */
export function parseSeconds(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`a whole number of seconds is wanted, got "${text}"`);
  return Number(text);
}

/** Reports each setting of static files whose value cannot be used. */
export function checkStaticRules(settings: readonly Setting[], report: Report): void {
  for (const { key, value, place } of settings) {
    try {
      checkRule(key, value);
    } catch (error) {
      report.badOption(place, key, errorMessage(error));
    }
  }
}

function checkRule(key: string, value: string): void {
  if (/^static-expires(-uri|-path-info)?(-mtime)?$/.test(key)) parseExpires(value);
  else if (/^static-expires-type(-mtime)?$/.test(key)) parseSeconds(parseAssignment(value)?.value ?? '');
  else if (key === 'static-gzip') checkRegExp(value);
  else if (/^static-(map2?|fallback)$/.test(key)) checkPrefix(value);
}

/** PATH_INFO begins with a slash: a prefix that does not would be none of any path. */
function checkPrefix(value: string): void {
  if (!value.startsWith('/')) throw new Error(`/PREFIX=PATH is wanted, got "${value}"`);
}
