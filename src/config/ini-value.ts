// Comments and quotes of INI values. The package `ini` undoes a quoted value's escapes; where a comment begins is ours,
// because `ini` cuts at every `#` and `;` and a socket may be `/tmp/a#b.sock`.
import { unsafe } from 'ini';

/**
 * The line without its inline comment: white space followed by `#` or `;`, outside of quotes. A quote opens only where no
 * letter or digit is before it (so not in `Bob's`), and only if it is closed on the same line.
 */
export function cutComment(line: string): string {
  const unclosed = new Set<string>();
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at];
    if ((char === '#' || char === ';') && at > 0 && isSpace(line.charCodeAt(at - 1)))
      return line.slice(0, at).trimEnd();
    if ((char !== '"' && char !== "'") || unclosed.has(char) || (at > 0 && isWord(line.charCodeAt(at - 1)))) continue;
    const close = closingQuote(line, at);
    if (close === -1) unclosed.add(char);
    else at = close;
  }
  return line.trimEnd();
}

/** The value without the quotes around all of it. Double quotes know JSON's escapes, single quotes none. */
export function unquote(text: string): string {
  const quote = text[0];
  if ((quote !== '"' && quote !== "'") || closingQuote(text, 0) !== text.length - 1) return text;
  const inside = text.slice(1, -1);
  if (quote === "'") return inside;
  const value: unknown = unsafe(text);
  // `ini` gives back what it cannot read, such as a backslash before a letter that escapes nothing.
  return typeof value === 'string' && value !== text ? value : inside;
}

/** The value as it must be written so that reading the line gives it back. */
export function quote(value: string): string {
  const line = `k = ${value}`;
  const asIs = value === value.trim() && !/[\r\n]/.test(value) && cutComment(line) === line.trimEnd();
  return asIs && unquote(value) === value ? value : JSON.stringify(value);
}

function closingQuote(text: string, open: number): number {
  const quote = text[open];
  for (let at = open + 1; at < text.length; at += 1) {
    const char = text[at];
    if (char === quote) return at;
    if (char === '\\' && quote === '"') at += 1;
  }
  return -1;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function isWord(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code > 0x7f
  );
}
