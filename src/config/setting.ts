// A setting as it was read, where it stood, and what is said about it: problems end the start, notices are logged.
import { type ErrorCode, type ErrorPlace, FastwsgiError } from '../base/errors.js';
import { PROBLEMS_PRINTED_MAX } from './limits.js';

/** Where a setting stood. Outside of files `line` is 0 and `file` says it in words. */
export interface Place extends ErrorPlace {
  /** From 1, the first character of the value; 0 if unknown. */
  readonly column: number;
  /** The line itself, for the excerpt under an error. */
  readonly text: string;
}

export const COMMAND_LINE: Place = { file: 'on the command line', line: 0, column: 0, text: '' };
/** Of `--set`, which names an option or a placeholder; any other option of the command line must be one. */
export const SET_ON_COMMAND_LINE: Place = { file: 'of --set on the command line', line: 0, column: 0, text: '' };
/** Its values are taken as they are: JavaScript has placeholders of its own. */
export const OPTIONS_OBJECT: Place = { file: 'in the options', line: 0, column: 0, text: '' };

/**
 * What becomes of a setting besides being looked up as a placeholder:
 * - plain: read as an option if its key is one;
 * - placeholder: set by `set-placeholder`, or the use of a declared option; never an option itself;
 * - control: a word of the language that was acted on while reading (`ini`, `for`, `endif`).
 */
export type SettingRole = 'plain' | 'placeholder' | 'control';

export interface Setting {
  readonly key: string;
  readonly value: string;
  readonly place: Place;
  readonly role: SettingRole;
  /** A line without `=`. */
  readonly bare: boolean;
}

/** A warning or an announcement: one finished line. */
export interface Notice {
  readonly level: 'warning' | 'info';
  readonly text: string;
  readonly place: ErrorPlace | undefined;
}

/** ` at app.ini:12:5`, ` on the command line`. */
export function atPlace(place: Place): string {
  if (place.line === 0) return ` ${place.file}`;
  return ` at ${place.file}:${place.line}${place.column > 0 ? `:${place.column}` : ''}`;
}

interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly place: Place;
  readonly option: string | undefined;
}

/** Collects everything that is to be said about a configuration. */
export class Report {
  readonly notices: Notice[] = [];
  readonly #problems: Problem[] = [];
  readonly #said = new Set<string>();

  /** An error. `what` is the sentence before the place, `why` the one after it. */
  problem(place: Place, what: string, why: string, option?: string, code: ErrorCode = 'ERR_CONFIG'): void {
    this.#problems.push({ code, message: shorten(printable(`${what}${atPlace(place)}: ${why}`)), place, option });
  }

  /** An option whose value cannot be read. */
  badOption(place: Place, option: string, why: string): void {
    this.problem(place, `Cannot parse option "${option}"`, why, option, 'ERR_OPTION');
  }

  warn(place: Place, what: string, why: string): void {
    this.#notice('warning', place, `${what}${atPlace(place)}${why}`);
  }

  inform(place: Place, what: string, why: string): void {
    this.#notice('info', place, `${what}${atPlace(place)}${why}`);
  }

  get failed(): boolean {
    return this.#problems.length > 0;
  }

  /** Throws one error that lists every problem, then the warnings, with code, option and place of the first problem. */
  throwIfFailed(): void {
    const ordered = inReadingOrder(this.#problems);
    const first = ordered[0];
    if (first === undefined) return;
    const shown = ordered.slice(0, PROBLEMS_PRINTED_MAX).map((problem) => problem.message + excerpt(problem.place));
    const hidden = ordered.length - shown.length;
    if (hidden > 0) shown.push(`and ${hidden} more`);
    // A mistyped name may be why something else is wrong.
    const warnings = this.notices.filter(({ level }) => level === 'warning').map(({ text }) => `Warning: ${text}`);
    shown.push(...warnings.slice(0, PROBLEMS_PRINTED_MAX));
    const details = { place: first.place, ...(first.option === undefined ? {} : { option: first.option }) };
    throw new FastwsgiError(first.code, shown.join('\n'), details);
  }

  #notice(level: Notice['level'], place: Place, text: string): void {
    const line = shorten(printable(text));
    if (this.#said.has(line)) return;
    this.#said.add(line);
    this.notices.push({ level, text: line, place: place.line === 0 ? undefined : place });
  }
}

/** By line within each file, the files in the order in which they first failed. */
function inReadingOrder(problems: readonly Problem[]): readonly Problem[] {
  const rank = new Map<string, number>();
  for (const { place } of problems) if (!rank.has(place.file)) rank.set(place.file, rank.size);
  const rankOf = (problem: Problem) => rank.get(problem.place.file) ?? 0;
  return problems.toSorted((left, right) => rankOf(left) - rankOf(right) || left.place.line - right.place.line);
}

/** Characters of the line that are shown on each side of the column. */
const EXCERPT_CHARS = 60;

/** The line and a caret under the column, or nothing where there is no line to show. */
function excerpt(place: Place): string {
  if (place.line === 0 || place.column === 0) return '';
  const start = Math.max(0, place.column - 1 - EXCERPT_CHARS);
  const shown = printable(place.text.slice(start, place.column - 1 + EXCERPT_CHARS));
  return `\n    ${shown}\n    ${' '.repeat(place.column - 1 - start)}^`;
}

/** Characters of a message; a value that makes it longer is cut. */
const MESSAGE_CHARS_MAX = 400;

function shorten(text: string): string {
  return text.length <= MESSAGE_CHARS_MAX ? text : `${text.slice(0, MESSAGE_CHARS_MAX)}...`;
}

/** Text without control characters, each replaced by a space so that columns stay. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ');
}
