// What a field value may hold (RFC 9110 section 5.5), requests and responses alike.

const INVALID_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
/** Shorter values are looked at character by character; above, the regular expression is faster (bench: micro/framing). */
const REGEXP_MIN = 24;

/** Whether a text holds nothing but bytes that may stand in a field value: no control characters except tab, nothing above 255. */
export function isFieldValue(text: string): boolean {
  const { length } = text;
  if (length >= REGEXP_MIN) return !INVALID_IN_VALUE.test(text);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 ? code !== 9 : code === 127 || code > 255) return false;
  }
  return true;
}

/** The value without optional white space around it (RFC 9110 section 5.6.3: spaces and tabs, nothing else). */
export function trimSpace(value: string): string {
  let from = 0;
  let to = value.length;
  while (from < to && isSpace(value.charCodeAt(from))) from++;
  while (to > from && isSpace(value.charCodeAt(to - 1))) to--;
  return from === 0 && to === value.length ? value : value.substring(from, to);
}

/** The number that a text of digits writes, or -1 when it is anything else or above 2^53 - 1. */
export function decimalValue(text: string): number {
  if (text.length === 0) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return -1;
  }
  return value;
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9;
}
