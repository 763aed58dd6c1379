// 'Did you mean': option names one edit away.
import { findOption, optionNames } from './options.js';

/** Names shorter than this are near to too many words to be meant. */
const SUGGESTION_CHARS_MIN = 4;

/** The option that `name` is one edit away from: a letter more, less, other or swapped, or `_` for `-`. */
export function suggestOption(name: string): string | undefined {
  const wanted = name.toLowerCase().replaceAll('_', '-');
  if (wanted.length < SUGGESTION_CHARS_MIN) return undefined;
  if (findOption(wanted) !== undefined) return wanted;
  for (let length = wanted.length - 1; length <= wanted.length + 1; length += 1) {
    const near = NAMES_BY_LENGTH.get(length)?.find((known) => isOneEdit(wanted, known));
    if (near !== undefined) return near;
  }
  return undefined;
}

/** A file may have thousands of keys that are no options: only names of about the same length are looked at. */
const NAMES_BY_LENGTH = namesByLength();

function namesByLength(): ReadonlyMap<number, readonly string[]> {
  const byLength = new Map<number, string[]>();
  for (const name of optionNames()) {
    if (name.length < SUGGESTION_CHARS_MIN) continue;
    byLength.set(name.length, [...(byLength.get(name.length) ?? []), name]);
  }
  return byLength;
}

/** For texts whose lengths differ by one at most: all but one letter, or two that are swapped, is the same from both ends. */
function isOneEdit(left: string, right: string): boolean {
  const shorter = Math.min(left.length, right.length);
  const longer = Math.max(left.length, right.length);
  let start = 0;
  while (start < shorter && left.charCodeAt(start) === right.charCodeAt(start)) start += 1;
  let end = 0;
  while (end < shorter - start && left.charCodeAt(left.length - 1 - end) === right.charCodeAt(right.length - 1 - end)) {
    end += 1;
  }
  const different = longer - start - end;
  if (different <= 1) return true;
  const isSwap = left[start] === right[start + 1] && left[start + 1] === right[start];
  return different === 2 && shorter === longer && isSwap;
}
