// The option table: every option once, as data. The command line, the INI reader, validation, `--help` and the
// documentation are derived from it.
import { assert } from '../base/assert.js';
import type { SocketAddress } from './address.js';
import type { HttpsAddress, RedirectAddress } from './https-address.js';
import type { OptionRow } from './option-row.js';
import { FOREIGN_OPTIONS } from './options-foreign.js';
import { COMMAND_OPTIONS, LANGUAGE_OPTIONS, LOGIC_OPTIONS } from './options-language.js';
import { LOGGING_OPTIONS } from './options-logging.js';
import { PROCESS_OPTIONS, STATS_OPTIONS } from './options-operating.js';
import { ROUTING_OPTIONS } from './options-routing.js';
import { APPLICATION_OPTIONS, SOCKET_OPTIONS } from './options-serving.js';
import { STATIC_OPTIONS } from './options-static.js';
import { LIFECYCLE_OPTIONS, REQUEST_OPTIONS, WORKER_OPTIONS } from './options-workers.js';

const TYPED_OPTIONS = [
  ...COMMAND_OPTIONS,
  ...LANGUAGE_OPTIONS,
  ...LOGIC_OPTIONS,
  ...APPLICATION_OPTIONS,
  ...SOCKET_OPTIONS,
  ...WORKER_OPTIONS,
  ...REQUEST_OPTIONS,
  ...ROUTING_OPTIONS,
  ...LIFECYCLE_OPTIONS,
  ...PROCESS_OPTIONS,
  ...LOGGING_OPTIONS,
  ...STATIC_OPTIONS,
  ...STATS_OPTIONS,
] as const satisfies readonly OptionRow[];

/** Every row, in the order of `--help`. */
export const OPTIONS: readonly OptionRow[] = [...TYPED_OPTIONS, ...FOREIGN_OPTIONS];

export type TypedRow = (typeof TYPED_OPTIONS)[number];
/** The names of the options that have a meaning here. */
export type OptionName = TypedRow['name'];
export type RowOf<N extends OptionName> = Extract<TypedRow, { readonly name: N }>;

/** `NAME=value`. */
export interface Assignment {
  readonly name: string;
  readonly value: string;
}

/** What one value of a row is, after it was read. Seconds and megabytes stay what they are. */
export type OptionValue = boolean | number | string | SocketAddress | HttpsAddress | RedirectAddress | Assignment;

type SingleValue<R extends OptionRow> = R extends { readonly kind: 'flag' }
  ? boolean
  : R extends { readonly kind: 'choice'; readonly choices: readonly (infer C)[] }
    ? C
    : R extends { readonly kind: 'text' }
      ? string
      : R extends { readonly kind: 'address' }
        ? SocketAddress
        : R extends { readonly kind: 'https-address' }
          ? HttpsAddress
          : R extends { readonly kind: 'redirect-address' }
            ? RedirectAddress
            : R extends { readonly kind: 'assignment' }
              ? Assignment
              : number;

/** The type of an option's value: a list if it repeats, never undefined if it is a flag or has a default. */
export type ValueOf<N extends OptionName> =
  RowOf<N> extends { readonly repeat: true }
    ? readonly SingleValue<RowOf<N>>[]
    : RowOf<N> extends { readonly kind: 'flag' } | { readonly default: unknown }
      ? SingleValue<RowOf<N>>
      : SingleValue<RowOf<N>> | undefined;

const ROW_BY_NAME = indexRows();

/** The row of an option, by its name or an alias. */
export function findOption(name: string): OptionRow | undefined {
  return ROW_BY_NAME.get(name);
}

/** The row of a letter of the command line. */
export function findShortOption(letter: string): OptionRow | undefined {
  return OPTIONS.find((row) => row.short === letter);
}

/** Every name and alias. */
export function optionNames(): Iterable<string> {
  return ROW_BY_NAME.keys();
}

function indexRows(): Map<string, OptionRow> {
  const index = new Map<string, OptionRow>();
  for (const row of OPTIONS) {
    for (const name of [row.name, ...(row.aliases ?? [])]) {
      assert(!index.has(name), `option "${name}" has one row`);
      index.set(name, row);
    }
    const needsNote = row.status === 'accepted' || row.status === 'refused';
    assert(needsNote === (row.note !== undefined), `option "${row.name}" has a note where its status needs one`);
  }
  return index;
}
