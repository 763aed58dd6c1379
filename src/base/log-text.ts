// What of a text may stand in a log. What it must not do there: begin a line, steer a terminal, or show what follows in
// another order than it has.

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/;
const CONTROLS_ALL = new RegExp(CONTROLS, 'g');
/** The same but tab and line feed. */
const CONTROLS_BUT_LINES = new RegExp(CONTROLS.source.replace('\\x1f', '\\x08\\x0b-\\x1f'), 'g');

/** Shows every control character, line ends included, as `\xNN` (above U+00FF `\uNNNN`). */
export function printable(text: string): string {
  return CONTROLS.test(text) ? text.replace(CONTROLS_ALL, hexEscape) : text;
}

/** The same, but tabs and line ends stay: for texts of several lines that are our own, or the application's. */
export function printableLines(text: string): string {
  return text.replace(CONTROLS_BUT_LINES, hexEscape);
}

/** The inside of a JSON string, with every control character escaped. */
export function jsonInside(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(CONTROLS_ALL, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function hexEscape(c: string): string {
  const code = c.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}
