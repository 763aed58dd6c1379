// The embedding API's options: the same options as an object, named in camelCase, typed by the table.
import { FastwsgiError } from '../base/errors.js';
import type { SocketAddress } from './address.js';
import { formatSocketAddress } from './address.js';
import { buildConfiguration } from './build.js';
import type { Configuration } from './configuration.js';
import { type LoadContext, SettingsLoader } from './loader.js';
import { OperatorFiles } from './operator-files.js';
import type { OptionRow } from './option-row.js';
import { findOption, optionNames, type TypedRow } from './options.js';
import { isLogicName, type LogicName } from './options-language.js';
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
    : R extends { readonly kind: 'text' | 'https-address' | 'redirect-address' }
      ? string
      : R extends { readonly kind: 'address' }
        ? string | number | SocketAddress
        : R extends { readonly kind: 'assignment' }
          ? Readonly<Record<string, string | number>>
          : R extends { readonly kind: 'mode' }
            ? string | (R extends { readonly bare: number } ? boolean : never)
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
 * arrays, `env` and the other NAME=VALUE options are objects, sizes are numbers of bytes or strings such as '64k',
 * permissions strings of octal digits. Values are taken as they are: placeholders are filled in only in files.
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
  const context: LoadContext = { cwd, env, report, files: new OperatorFiles() };
  const loader = new SettingsLoader(context);
  if (!isObject(options)) {
    throw new FastwsgiError('ERR_OPTION', `Cannot read the options: an object is wanted, got ${describe(options)}`);
  }
  for (const [property, value] of Object.entries(options)) {
    if (value !== undefined) addOption(property, value, loader, report);
  }
  return buildConfiguration(loader, context);
}

const NAME_BY_PROPERTY = new Map([...optionNames()].map((name) => [camelCase(name), name]));

function addOption(property: string, value: unknown, loader: SettingsLoader, report: Report): void {
  const name = NAME_BY_PROPERTY.get(property);
  const row = name === undefined ? undefined : findOption(name);
  if (name === undefined || row === undefined || row.group === 'command' || isLogicName(row.name)) {
    report.problem(OPTIONS_OBJECT, `Unknown option "${property}"`, whyUnknown(property, row), property, 'ERR_OPTION');
    return;
  }
  if (row.kind === 'assignment' && isObject(value)) {
    addPairs(name, property, value, loader, report);
    return;
  }
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (row.repeat !== true && Array.isArray(value)) {
    report.badOption(OPTIONS_OBJECT, property, 'one value is wanted, got a list');
    return;
  }
  for (const each of values) {
    const text = textOf(each, row);
    if (text === undefined) report.badOption(OPTIONS_OBJECT, property, `${wantedFor(row)}, got ${describe(each)}`);
    else loader.add(name, text, OPTIONS_OBJECT);
  }
}

/** `{ NAME: value }`; a value that is undefined sets nothing. */
function addPairs(name: string, property: string, pairs: object, loader: SettingsLoader, report: Report): void {
  for (const [key, value] of Object.entries(pairs)) {
    if (value === undefined) continue;
    const isText = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    if (key === '' || key.includes('=')) report.badOption(OPTIONS_OBJECT, property, `"${key}" cannot be a name`);
    else if (isText) loader.add(name, `${key}=${value}`, OPTIONS_OBJECT);
    else report.badOption(OPTIONS_OBJECT, `${property}.${key}`, `a string is wanted, got ${describe(value)}`);
  }
}

function whyUnknown(property: string, row: OptionRow | undefined): string {
  if (row !== undefined) return 'it has no meaning in an object';
  const near = suggestOption(property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
  return `no option has this name${near === undefined ? '' : `; did you mean "${camelCase(near)}"?`}`;
}

/** The value as a file would have it; undefined for what cannot be one. */
function textOf(value: unknown, row: OptionRow): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return mayBeNumber(value, row) ? String(value) : undefined;
  return row.kind === 'address' && isSocketAddress(value) ? formatSocketAddress(value) : undefined;
}

function mayBeNumber(value: number, row: OptionRow): boolean {
  // A number does not say which octal digits were meant: 0o664 is 436.
  if (row.kind === 'mode') return false;
  // Anything but a port would be read as the path of a socket.
  return row.kind !== 'address' || (Number.isInteger(value) && value >= 0);
}

function wantedFor(row: OptionRow): string {
  if (row.kind === 'address') return 'a port or an address is wanted';
  if (row.kind === 'mode') return "octal digits in a string are wanted, such as '664'";
  return row.kind === 'flag' ? 'true or false is wanted' : 'a string or a number is wanted';
}

function describe(value: unknown): string {
  if (typeof value === 'number' || value === null || value === undefined) return String(value);
  return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSocketAddress(value: unknown): value is SocketAddress {
  if (!isObject(value) || !('kind' in value)) return false;
  switch (value.kind) {
    case 'tcp':
      return 'host' in value && typeof value.host === 'string' && 'port' in value && typeof value.port === 'number';
    case 'unix':
      return 'path' in value && typeof value.path === 'string';
    case 'abstract':
      return 'name' in value && typeof value.name === 'string';
    default:
      return false;
  }
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
