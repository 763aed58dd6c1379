// From settings to typed values: each known option is read by its row, unknown names are placeholders or errors.
import { errorMessage } from '../base/errors.js';
import type { OptionRow } from './option-row.js';
import { findOption, type OptionName, type OptionValue, type ValueOf } from './options.js';
import { COMMAND_LINE, type Report, type Setting } from './setting.js';
import { suggestOption } from './suggest.js';
import { parseFlag, parseValue } from './values.js';

/** The values of all options, by their own names. Repeated scalars: the last wins; lists keep their order. */
export class OptionValues {
  readonly #values: ReadonlyMap<string, readonly OptionValue[]>;

  constructor(values: ReadonlyMap<string, readonly OptionValue[]>) {
    this.#values = values;
  }

  /** The value, its default, or undefined; a list for what repeats. */
  get<N extends OptionName>(name: N): ValueOf<N> {
    // The table's types describe what `parseValue` made of the same row: this is the one place where the two meet.
    return this.#read(name) as ValueOf<N>;
  }

  #read(name: OptionName): OptionValue | readonly OptionValue[] | undefined {
    const row = findOption(name);
    const values = this.#values.get(name) ?? [];
    if (row?.repeat === true) return values;
    return values.at(-1) ?? defaultOf(row);
  }
}

/** The value an option has when nobody sets it. */
export function defaultOf(row: OptionRow | undefined): string | number | boolean | undefined {
  if (row === undefined) return undefined;
  if (row.kind === 'flag') return row.default ?? false;
  return 'default' in row ? row.default : undefined;
}

/**
 * Reads every setting that is an option; the rest are placeholders. `used` are the keys that something asked for: they are
 * placeholders and no options that were mistyped.
 */
export function resolveValues(settings: readonly Setting[], used: ReadonlySet<string>, report: Report): OptionValues {
  const values = new Map<string, OptionValue[]>();
  const strict = isStrict(settings);
  for (const setting of settings) {
    if (setting.role === 'control' || setting.role === 'placeholder') continue;
    const row = findOption(setting.key);
    if (row === undefined) {
      unknownKey(setting, strict, used, report);
      continue;
    }
    if (!isUsable(row, setting, report)) continue;
    try {
      const adjusted = (how: string) => report.warn(setting.place, `Option "${setting.key}"`, ` ${how}`);
      const value = parseValue(row, setting.value, adjusted);
      const list = values.get(row.name);
      if (list === undefined) values.set(row.name, [value]);
      else list.push(value);
    } catch (error) {
      report.badOption(setting.place, setting.key, errorMessage(error));
    }
  }
  return new OptionValues(values);
}

/** Says what there is to say about the option's status; false if its value is not to be read. */
function isUsable(row: OptionRow, setting: Setting, report: Report): boolean {
  const { key, place } = setting;
  if (row.group === 'command') {
    report.badOption(place, key, 'it is a command and stands on the command line only');
    return false;
  }
  switch (row.status) {
    case 'works':
      return true;
    case 'accepted':
      report.inform(place, `Option "${key}"`, ` has no effect: ${row.note}`);
      return false;
    case 'refused':
      report.badOption(place, key, `there is no such thing here: ${row.note}`);
      return false;
    default:
      return row.status satisfies never;
  }
}

function unknownKey(setting: Setting, strict: boolean, used: ReadonlySet<string>, report: Report): void {
  const { key, place } = setting;
  const near = suggestOption(key);
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  const onCommandLine = place === COMMAND_LINE;
  if (strict || onCommandLine) {
    report.problem(place, `Unknown option "${key}"`, `no option has this name${hint}`, key, 'ERR_OPTION');
  } else if (used.has(key)) {
    return;
  } else if (near !== undefined) {
    report.warn(place, `Unknown option "${key}"`, ` is taken for a placeholder${hint}`);
  } else if (setting.bare) {
    report.warn(place, `Line "${key}"`, ` is no option and sets nothing${missingEquals(key)}`);
  } else {
    report.inform(place, `Unknown option "${key}"`, ' is taken for a placeholder, which nothing uses');
  }
}

/** The hint for `processes 4`. */
function missingEquals(line: string): string {
  const [name = '', ...words] = line.split(/\s+/);
  return words.length > 0 && findOption(name) !== undefined ? `; did you mean "${name} = ${words.join(' ')}"?` : '';
}

function isStrict(settings: readonly Setting[]): boolean {
  const last = settings.findLast((setting) => setting.key === 'strict' && setting.role !== 'control');
  return last !== undefined && parseFlag(last.value);
}
