// Reads the text of an INI file into entries: sections, order, repetition, lines and columns. It opens nothing.

import { cutComment, unquote } from './ini-value.js';
import { findOption } from './options.js';
import type { Place, Report } from './setting.js';

/** One `key = value` of the wanted section. */
export interface IniEntry {
  readonly key: string;
  readonly value: string;
  /** A line without `=`: the value is the empty string. */
  readonly bare: boolean;
  readonly place: Place;
}

export interface IniSection {
  /** The names of all sections, in the order in which they begin. */
  readonly sections: readonly string[];
  readonly entries: readonly IniEntry[];
}

/** The entries of `section`, which may stand in several pieces. Wrong lines are reported, whatever section they are in. */
export function readIni(text: string, file: string, section: string, report: Report): IniSection {
  const entries: IniEntry[] = [];
  const sections = new Set<string>();
  let current: string | undefined;
  let lineNumber = 0;
  for (const line of text.split(/\r\n|\n|\r/)) {
    lineNumber += 1;
    const start = line.search(/\S/);
    if (start === -1 || line[start] === '#' || line[start] === ';') continue;
    const place = { file, line: lineNumber, column: start + 1, text: line };
    const content = cutComment(line);
    if (line[start] === '[') {
      current = sectionName(content.slice(start), place, report);
      sections.add(current);
      continue;
    }
    if (current === undefined) {
      report.warn(place, 'Line', ' stands before the first [section] and is not read');
      continue;
    }
    if (current !== section) continue;
    const entry = readEntry(content, start, place, report);
    if (entry !== undefined) entries.push(entry);
  }
  return { sections: [...sections], entries };
}

function sectionName(content: string, place: Place, report: Report): string {
  if (!content.endsWith(']')) report.problem(place, 'Cannot parse section', 'a section is written [name]');
  return content.slice(1, content.endsWith(']') ? -1 : undefined).trim();
}

function readEntry(content: string, start: number, place: Place, report: Report): IniEntry | undefined {
  const unreadable = content.search(/[\0\ufffd]/);
  if (unreadable !== -1) {
    const why = content[unreadable] === '\0' ? 'a NUL byte is in this line; is this a text file?' : 'not UTF-8';
    report.problem({ ...place, column: unreadable + 1 }, 'Cannot read line', why);
    return undefined;
  }
  const colon = colonAsEquals(content);
  const equals = colon === -1 ? content.indexOf('=') : colon;
  if (equals === -1) return { key: content.trim(), value: '', bare: true, place };
  const key = content.slice(start, equals).trim();
  if (key === '') {
    report.problem(place, 'Cannot parse line', 'a name is wanted before the =');
    return undefined;
  }
  const after = content.slice(equals + 1);
  const column = equals + 2 + Math.max(0, after.search(/\S/));
  const valuePlace = { ...place, column };
  const value = unquote(after.trim());
  if (colon === -1) return { key, value, bare: false, place: valuePlace };
  const meant = findOption(key)?.kind === 'address' && /^\d+$/.test(value) ? `:${value}` : value;
  report.warn(valuePlace, `"${key}:"`, ` is read as "${key} = ${meant}"`);
  return { key, value: meant, bare: false, place: valuePlace };
}

/** The colon of `known-option: value`, or -1. A colon after the first `=` belongs to the value. */
function colonAsEquals(content: string): number {
  const colon = content.indexOf(':');
  if (colon === -1) return -1;
  const equals = content.indexOf('=');
  if (equals !== -1 && equals < colon) return -1;
  return findOption(content.slice(0, colon).trim()) === undefined ? -1 : colon;
}
