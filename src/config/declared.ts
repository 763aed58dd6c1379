// `NAME=VALUE`, and options declared to stand for others: `declare-option = site=socket=$1;chdir=/srv/$2`.
import type { Assignment } from './options.js';

/** Splits `NAME=VALUE`; undefined if there is no name, or one that could not stand in a file. */
export function parseAssignment(text: string): Assignment | undefined {
  const equals = text.indexOf('=');
  const name = text.slice(0, equals).trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a name
  if (equals === -1 || !/^[^\s\u0000-\u001f\u007f\ufffd[\]#;"'()%]+$/.test(name)) return undefined;
  return { name, value: text.slice(equals + 1).trim() };
}

/**
 * The settings that a declared option stands for: its template's parts, `$1` and so on replaced by the words of the
 * value. A string says what is wrong.
 */
export function declaredSettings(template: string, value: string): readonly Assignment[] | string {
  const words = value.split(' ').filter((word) => word !== '');
  const derived: Assignment[] = [];
  let wanted = 0;
  for (const part of template.split(';').filter((text) => text.trim() !== '')) {
    const filled = part.replace(/\$(\d{1,4})/g, (_, digits: string) => {
      wanted = Math.max(wanted, Number(digits));
      return words[Number(digits) - 1] ?? '';
    });
    const assignment = parseAssignment(filled);
    if (assignment === undefined) return `its declaration holds "${part.trim()}", where OPTION=VALUE is wanted`;
    derived.push(assignment);
  }
  if (wanted > words.length) return `${wanted} words are wanted, got ${words.length}`;
  return derived;
}
