// The patterns of routes: PCRE in uWSGI, JavaScript's here, so what would mean something else is an error. Matching happens on
// a front's thread and cannot be interrupted: a pattern that may take exponential time is refused, and one that may take
// polynomial time is only tried on texts that are short enough.
import { errorMessage } from '../base/errors.js';
import type { Pattern } from './route.js';
import { toBytes } from './route-template.js';

/** Steps of the matcher that a text may cost: some 30 ms. */
const STEPS_MAX = 4_000_000;
/** The longest text that a packet can hold. */
const TEXT_BYTES_MAX = 65_535;
const REPEATS_MAX = 4;
const OPTIONALS_MAX = 10;

const KNOWN_ESCAPE = /^(?:[dDwWsSbBnrtf0]|x[0-9a-fA-F]{2}|[^A-Za-z0-9])/;
const GROUP_BEGIN = /^\((?:\?(?::|=|!|<[A-Za-z_]\w*>)|(?!\?))/;
const REPEAT = /^(?:[*+]|\{\d+(?:,\d*)?\})[?]?/;

/** Behind a repeat, and the groups that end with it: the end of the pattern, or one character that has to stand there. */
const AFTER_REPEAT = /^\)*(?:(\$?$)|(\\[^A-Za-z0-9]|[^\\[\](){}*+?|^$.])(?![?*{]))/;

interface Group {
  /** Something in it matches texts of different lengths, or in more than one way. */
  isOpen: boolean;
}

/** Reads a pattern. Throws an Error that says what is wrong with it. */
export function parsePattern(text: string): Pattern {
  const [, letters = '', source = ''] = /^(?:\(\?([a-z]+)\))?(.*)$/s.exec(toBytes(text)) ?? [];
  if (/[^ism]/.test(letters)) throw new Error(`of the letters in (?${letters}) only i, m and s are known here`);
  // A dot is any byte: a line feed in a path is no way around a rule.
  const flags = [...new Set(`${letters}s`)].join('');
  const { repeats, choices, optionals } = new PatternReader(source, flags).read();
  if (repeats > REPEATS_MAX || optionals > OPTIONALS_MAX) {
    throw new Error(`a pattern has at most ${REPEATS_MAX} repeats and ${OPTIONALS_MAX} "?", got "${text}"`);
  }
  // What begins with anything matches from the front, if at all.
  const isAnchored = /^(?:\^|\(?\.\*)/.test(source) && !source.includes('|');
  let regexp: RegExp;
  try {
    regexp = new RegExp(isAnchored ? `^${source}` : source, flags);
  } catch (error) {
    throw new Error(errorMessage(error));
  }
  return { regexp, bytesMax: bytesMaxOf(choices + (isAnchored || repeats === 0 ? 0 : 1)) };
}

/** n bytes can be shared out among k repeats that leave a choice in about nᵏ / k! ways. */
function bytesMaxOf(degree: number): number {
  if (degree <= 1) return TEXT_BYTES_MAX;
  let factorial = 1;
  for (let i = 2; i <= degree; i++) factorial *= i;
  return Math.min(TEXT_BYTES_MAX, Math.floor((STEPS_MAX * factorial) ** (1 / degree)));
}

/** Walks through a pattern once. */
class PatternReader {
  private readonly source: string;
  private readonly flags: string;
  private at = 0;
  private repeats = 0;
  private choices = 0;
  private optionals = 0;
  private readonly groups: Group[] = [{ isOpen: false }];

  constructor(source: string, flags: string) {
    this.source = source;
    this.flags = flags;
  }

  /** How many repeats there are, how many of them can end in more than one place, and how many `?`. */
  read(): { readonly repeats: number; readonly choices: number; readonly optionals: number } {
    while (this.at < this.source.length) this.step();
    return { repeats: this.repeats, choices: this.choices, optionals: this.optionals };
  }

  private get group(): Group {
    return this.groups.at(-1) as Group;
  }

  private step(): void {
    const { source, at } = this;
    switch (source[at]) {
      case '\\':
        return this.quantify(this.escape(), false);
      case '[':
        return this.quantify(this.characterClass(), false);
      case '(': {
        const [begin] = GROUP_BEGIN.exec(source.slice(at)) ?? [];
        if (begin === undefined) throw new Error(`"${source.slice(at, at + 4)}" is not known in patterns here`);
        this.at += begin.length;
        this.groups.push({ isOpen: false });
        return;
      }
      case ')': {
        const inner = this.groups.length > 1 ? this.groups.pop() : undefined;
        if (inner?.isOpen) this.group.isOpen = true;
        return this.quantify(1, inner?.isOpen === true);
      }
      case '|':
        this.group.isOpen = true;
        this.at++;
        return;
      default:
        return this.quantify(1, false);
    }
  }

  private escape(): number {
    const [known] = KNOWN_ESCAPE.exec(this.source.slice(this.at + 1)) ?? [];
    if (known === undefined) {
      throw new Error(`"${this.source.slice(this.at, this.at + 2)}" is not known in patterns here`);
    }
    return 1 + known.length;
  }

  private characterClass(): number {
    const { source } = this;
    let at = this.at + 1;
    if (source[at] === '^') at++;
    if (source[at] === ']') throw new Error('a "]" at the front of a class is written "\\]"');
    for (; at < source.length && source[at] !== ']'; at++) {
      if (source.startsWith('[:', at)) throw new Error('classes such as [:alpha:] are not known here: write a-zA-Z');
      if (source[at] !== '\\') continue;
      const before = this.at;
      this.at = at;
      at += this.escape() - 1;
      this.at = before;
    }
    return at + 1 - this.at;
  }

  /** What follows something of `length` characters: how often it may stand. */
  private quantify(length: number, isOpen: boolean): void {
    const atom = this.source.slice(this.at, this.at + length);
    this.at += length;
    if (this.source[this.at] === '?') {
      this.at++;
      this.optionals++;
      this.group.isOpen = true;
      return;
    }
    const [repeat] = REPEAT.exec(this.source.slice(this.at)) ?? [];
    if (repeat === undefined) return;
    if (isOpen) {
      throw new Error(
        'a repeated group that holds a repeat, a "?" or a "|" can take forever to match: write it otherwise',
      );
    }
    this.at += repeat.length;
    if (/^\{\d+\}/.test(repeat)) return;
    this.repeats++;
    if (atom === ')' || !this.endsAtOnePlace(atom)) this.choices++;
    this.group.isOpen = true;
  }

  /** Whether a repeat of `atom`, which the reader stands behind, is ended by something that is none, or goes on to the end. */
  private endsAtOnePlace(atom: string): boolean {
    const [, end, literal] = AFTER_REPEAT.exec(this.source.slice(this.at)) ?? [];
    if (end !== undefined) return atom === '.';
    if (literal === undefined) return false;
    return !new RegExp(`^(?:${atom})$`, this.flags).test(literal.slice(-1));
  }
}
