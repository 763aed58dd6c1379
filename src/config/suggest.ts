// 'Did you mean': option names one edit away.
import { optionNames } from './options.js';

/** Names shorter than this are near to too many words to be meant. */
const SUGGESTION_CHARS_MIN = 4;

/** The option that `name` is one edit away from: a letter more, less, other or swapped, or `_` for `-`. */
export function suggestOption(name: string): string | undefined {
  const wanted = name.toLowerCase().replaceAll('_', '-');
  if (wanted.length < SUGGESTION_CHARS_MIN) return undefined;
  let nearest: string | undefined;
  for (const known of optionNames()) {
    if (known === wanted) return known;
    if (nearest === undefined && known.length >= SUGGESTION_CHARS_MIN && isOneEdit(wanted, known)) nearest = known;
  }
  return nearest;
}

function isOneEdit(left: string, right: string): boolean {
  if (Math.abs(left.length - right.length) > 1) return false;
  let start = 0;
  while (start < left.length && left[start] === right[start]) start += 1;
  const [restLeft, restRight] = [left.slice(start), right.slice(start)];
  const swapped = restLeft.length > 1 && restLeft[0] === restRight[1] && restLeft[1] === restRight[0];
  return (
    restLeft.slice(1) === restRight.slice(1) || // another letter
    restLeft.slice(1) === restRight || // one more
    restLeft === restRight.slice(1) || // one less
    (swapped && restLeft.slice(2) === restRight.slice(2))
  );
}
