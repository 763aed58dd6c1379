// Placeholders: `$(ENV)`, then `@(file)`, then `%(key)`, each over all values before the next, as in uWSGI. A value is
// filled in once: what a placeholder brings in is expanded by itself, with a circle being an error.
import path from 'node:path';
import { decodeText, readFailure } from './config-file.js';
import { EXPANSION_CHARS_MAX, PLACEHOLDER_CHARS_MAX, PLACEHOLDER_DEPTH_MAX } from './limits.js';
import { evaluateMaths } from './maths.js';
import type { OperatorFiles } from './operator-files.js';
import { findOption } from './options.js';
import { OPTIONS_OBJECT, type Place, type Report, type Setting } from './setting.js';

export interface ExpandContext {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly report: Report;
  readonly files: OperatorFiles;
  /** Collects the keys that placeholders ask for. */
  readonly used: Set<string>;
}

/** Counts what placeholders bring in, so that a few lines cannot make gigabytes. */
export class ExpansionBudget {
  #left = EXPANSION_CHARS_MAX;
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  /** The text if there is room for it; else undefined, and an error the first time. */
  spend(text: string | undefined, place: Place): string | undefined {
    if (text === undefined || this.#left < 0) return undefined;
    this.#left -= text.length;
    if (this.#left >= 0) return text;
    this.#report.problem(place, 'Cannot fill in placeholder', 'all of them together become too long');
    return undefined;
  }
}

/** The settings with their placeholders filled in. What cannot be is reported. */
export function expandSettings(settings: readonly Setting[], context: ExpandContext): readonly Setting[] {
  const first = new Map<string, Setting>();
  const budget = new ExpansionBudget(context.report);
  const filled = settings.map((setting) => expandOutside(setting, context, budget));
  for (const setting of filled) {
    if (!first.has(setting.key)) first.set(setting.key, setting);
  }
  const expander = new KeyExpander(first, context, budget);
  return filled.map((setting) => {
    if (setting.role === 'control' || !setting.value.includes('%(')) return setting;
    return { ...setting, value: expander.expand(setting) };
  });
}

/** What is known so far of a value that is needed while reading: environment and keys, unknown ones stay as they are. */
export function expandEarly(
  text: string,
  place: Place,
  view: { readonly env: NodeJS.ProcessEnv; lookup(key: string): string | undefined },
  budget: ExpansionBudget,
): string {
  const fromEnvironment = (name: string) => budget.spend(environmentValue(name, view.env), place);
  return replaceMarked(replaceMarked(text, '$', fromEnvironment), '%', (name) => {
    const value = budget.spend(view.lookup(name), place);
    return value === undefined ? undefined : replaceMarked(value, '$', fromEnvironment);
  });
}

/** The first two passes: they look at nothing but the value. */
function expandOutside(setting: Setting, context: ExpandContext, budget: ExpansionBudget): Setting {
  if (setting.role === 'control' || isLiteral(setting) || !/[$@]\(/.test(setting.value)) return setting;
  const { env, report } = context;
  const withEnvironment = replaceMarked(setting.value, '$', (name) => {
    const value = environmentValue(name, env);
    if (value === undefined && !keeps(setting)) {
      report.warn(setting.place, `"$(${name})"`, ' stays: the environment has no such variable');
    }
    return budget.spend(value, setting.place);
  });
  const value = replaceMarked(withEnvironment, '@', (file) => {
    return budget.spend(fileValue(file, setting.place, context), setting.place);
  });
  return { ...setting, value };
}

/**
 * A variable's value. As in later versions of uWSGI `NAME-DEFAULT` stands for DEFAULT if the variable is unset, and
 * `NAME:-DEFAULT` also if it is empty.
 */
function environmentValue(text: string, env: NodeJS.ProcessEnv): string | undefined {
  const [, name = text, operator, fallback] = /^([^-:]*)(:?-)(.*)$/s.exec(text) ?? [];
  const value = env[name];
  return operator !== undefined && (value === undefined || (operator === ':-' && value === '')) ? fallback : value;
}

function fileValue(file: string, place: Place, { cwd, report, files }: ExpandContext): string | undefined {
  try {
    if (/^[a-z]+:\/\//.test(file)) throw new Error('only a local file can be read');
    return decodeText(files.read(path.resolve(cwd, file))).replace(/\r?\n$/, '');
  } catch (error) {
    report.problem(place, `Cannot read "@(${file})"`, readFailure(error), undefined, 'ERR_FILE');
    return undefined;
  }
}

/** The last pass, over the first value of each key; each key is expanded once. */
class KeyExpander {
  readonly #first: ReadonlyMap<string, Setting>;
  readonly #report: Report;
  readonly #used: Set<string>;
  readonly #done = new Map<Setting, string>();
  readonly #busy: Setting[] = [];
  readonly #budget: ExpansionBudget;

  constructor(first: ReadonlyMap<string, Setting>, { report, used }: ExpandContext, budget: ExpansionBudget) {
    this.#first = first;
    this.#report = report;
    this.#used = used;
    this.#budget = budget;
  }

  expand(setting: Setting): string {
    if (isLiteral(setting)) return setting.value;
    const known = this.#done.get(setting);
    if (known !== undefined) return known;
    const circle = this.#busy.indexOf(setting);
    if (circle !== -1 || this.#busy.length >= PLACEHOLDER_DEPTH_MAX) {
      const keys = [...this.#busy.slice(Math.max(0, circle)), setting].map((each) => each.key).join(' -> ');
      const why = circle === -1 ? 'too many of them are inside each other' : `it goes round in a circle: ${keys}`;
      this.#report.problem(setting.place, 'Cannot fill in placeholder', why, setting.key);
      return '';
    }
    this.#busy.push(setting);
    const value = replaceMarked(setting.value, '%', (name) =>
      this.#budget.spend(this.#value(name, setting), setting.place),
    );
    this.#busy.pop();
    this.#done.set(setting, value);
    return value;
  }

  #value(name: string, setting: Setting): string | undefined {
    const { place } = setting;
    if (name.includes(' ')) {
      const result = evaluateMaths(name, (key) => this.#named(key));
      if (result.problem === undefined) return result.value;
      if (!keeps(setting)) this.#report.problem(place, `Cannot compute "%(${name})"`, result.problem, setting.key);
      return undefined;
    }
    const value = this.#named(name);
    if (value === undefined && !keeps(setting)) {
      this.#report.warn(place, `"%(${name})"`, ' stays: nothing of that name is set');
    }
    return value;
  }

  #named(key: string): string | undefined {
    this.#used.add(key);
    const setting = this.#first.get(key);
    return setting === undefined ? undefined : this.expand(setting);
  }
}

/** Whether a value stays as it is. */
function isLiteral(setting: Setting): boolean {
  return setting.place === OPTIONS_OBJECT;
}

/** Whether a placeholder that stays is nothing to warn about. */
function keeps(setting: Setting): boolean {
  return findOption(setting.key)?.keepsPlaceholders === true;
}

/** Whether filling in could change the text: `isSet` says which keys have a value. */
export function isFilledIn(text: string, isSet: (key: string) => boolean): boolean {
  if (/[$@]\(/.test(text)) return true;
  let found = false;
  replaceMarked(text, '%', (name) => {
    found ||= name.includes(' ') || isSet(name);
    return undefined;
  });
  return found;
}

/** An `X(` that is not closed yet, or the whole text: what was made of it so far, and how many plain `(` are open. */
interface OpenMark {
  text: string;
  depth: number;
}

/**
 * Replaces each `X(name)` of the text, X being the mark, the inner ones first: `%(port_%(stage))`. Plain parentheses in a
 * name are counted. What `value` gives no text for stays, and so does a mark that is never closed.
 */
function replaceMarked(text: string, mark: '$' | '@' | '%', value: (name: string) => string | undefined): string {
  const opening = `${mark}(`;
  if (!text.includes(opening)) return text;
  const whole: OpenMark = { text: '', depth: 0 };
  const open = [whole];
  let innermost = whole;
  for (const [piece] of text.matchAll(PIECES[mark])) {
    if (piece === opening) {
      innermost = { text: '', depth: 0 };
      open.push(innermost);
    } else if (piece === ')' && innermost !== whole && innermost.depth === 0) {
      const name = innermost.text;
      open.pop();
      innermost = open.at(-1) ?? whole;
      const isName = name !== '' && name.length <= PLACEHOLDER_CHARS_MAX;
      innermost.text += (isName ? value(name) : undefined) ?? `${opening}${name})`;
    } else {
      if (piece === '(') innermost.depth += 1;
      if (piece === ')') innermost.depth -= 1;
      innermost.text += piece;
    }
  }
  return open.map((each) => each.text).join(opening);
}

/** Mark and parenthesis, a parenthesis, or a run of anything else. */
const PIECES = {
  $: /\$\(|[()]|\$|[^$()]+/g,
  '@': /@\(|[()]|@|[^@()]+/g,
  '%': /%\(|[()]|%|[^%()]+/g,
} as const;
