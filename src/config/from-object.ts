// The embedding API's options: the same options as an object, named in camelCase, typed by the table.
import type { SocketAddress } from './address.js';
import { formatSocketAddress } from './address.js';
import { buildConfiguration } from './build.js';
import type { Configuration } from './configuration.js';
import { type LoadContext, SettingsLoader } from './loader.js';
import { findOption, optionNames, type TypedRow } from './options.js';
import type { LogicName } from './options-language.js';
import { OPTIONS_OBJECT, Report } from './setting.js';
import { suggestOption } from './suggest.js';

type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** Options that make sense in an object: no commands, no blocks. */
type ObjectRow = Exclude<TypedRow, { readonly group: 'command' } | { readonly name: LogicName | 'set' }>;

type SingleInput<R extends TypedRow> = R extends { readonly kind: 'flag' }
  ? boolean
  : R extends { readonly choices: readonly (infer C)[] }
    ? C
    : R extends { readonly kind: 'text' }
      ? string
      : R extends { readonly kind: 'address' }
        ? string | number | SocketAddress
        : R extends { readonly kind: 'assignment' }
          ? Readonly<Record<string, string | number>>
          : R extends { readonly bare: number }
            ? number | string | boolean
            : number | string;

type Input<R extends TypedRow> = R extends { readonly kind: 'assignment' }
  ? SingleInput<R>
  : R extends { readonly repeat: true }
    ? SingleInput<R> | readonly SingleInput<R>[]
    : SingleInput<R>;

/**
 * Every option by its own name in camelCase: `{ httpSocket: ':8000', module: 'app:application', processes: 2 }`. Lists are
 * arrays, `env` and the other NAME=VALUE options are objects, sizes are numbers of bytes or strings such as '64k'.
 */
export type ServerOptions = {
  readonly [R in ObjectRow as CamelCase<R['name']> | (R['name'] extends 'http' ? 'httpSocket' : never)]?:
    | Input<R>
    | undefined;
};

/** Reads an options object. Throws a FastwsgiError that lists every problem. `UWSGI_*` variables are not read. */
export function configurationFromObject(
  options: ServerOptions,
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Configuration {
  const report = new Report();
  const context: LoadContext = { cwd, env, report };
  const loader = new SettingsLoader(context);
  for (const [property, value] of Object.entries(options)) {
    if (value !== undefined) addOption(property, value, loader, report);
  }
  return buildConfiguration(loader, context);
}

const NAME_BY_PROPERTY = new Map([...optionNames()].map((name) => [camelCase(name), name]));

function addOption(property: string, value: unknown, loader: SettingsLoader, report: Report): void {
  const name = NAME_BY_PROPERTY.get(property);
  const row = name === undefined ? undefined : findOption(name);
  if (name === undefined || row === undefined || row.group === 'command') {
    const near = suggestOption(property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
    const hint = near === undefined ? '' : `; did you mean "${camelCase(near)}"?`;
    report.problem(
      OPTIONS_OBJECT,
      `Unknown option "${property}"`,
      `no option has this name${hint}`,
      property,
      'ERR_OPTION',
    );
    return;
  }
  const isPairs = row.kind === 'assignment' && typeof value === 'object' && value !== null && !Array.isArray(value);
  const values = isPairs ? Object.entries(value).map(([key, each]) => `${key}=${each}`) : [value].flat();
  for (const each of values) {
    const text = textOf(each);
    if (text === undefined) report.badOption(OPTIONS_OBJECT, property, `a value of type ${typeof each} cannot be read`);
    else loader.add(name, text, OPTIONS_OBJECT);
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return isSocketAddress(value) ? formatSocketAddress(value) : undefined;
}

function isSocketAddress(value: unknown): value is SocketAddress {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    ('port' in value || 'path' in value || 'name' in value)
  );
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
