// The command line: options, configuration files where they stand, and the commands that start no server.
import { FastwsgiError } from '../base/errors.js';
import type { SocketAddress } from './address.js';
import { parseSocketAddress } from './address.js';
import { buildConfiguration } from './build.js';
import type { Configuration } from './configuration.js';
import { environmentSettings } from './environment.js';
import { type LoadContext, SettingsLoader } from './loader.js';
import { OperatorFiles } from './operator-files.js';
import type { OptionRow } from './option-row.js';
import { findOption, findShortOption } from './options.js';
import { COMMAND_LINE, Report } from './setting.js';
import { suggestOption } from './suggest.js';
import { isFlagWord, parseFlag } from './values.js';

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'serve'; readonly configuration: Configuration }
  | { readonly kind: 'show-config'; readonly configuration: Configuration }
  | { readonly kind: 'check'; readonly configuration: Configuration }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'docs' }
  | { readonly kind: 'ping'; readonly address: SocketAddress }
  | { readonly kind: 'top'; readonly address: SocketAddress; readonly intervalMs: number }
  | { readonly kind: 'signal'; readonly action: 'stop' | 'reload' | 'pause'; readonly pidfile: string };

/** One option as it was written: `value` is undefined for a bare name. */
interface Argument {
  readonly name: string;
  readonly value: string | undefined;
}

/**
 * Reads the arguments (without node and script), the `UWSGI_*` environment variables before them, and the files they
 * name. No arguments and no such variable ask for help. Throws a FastwsgiError that lists every problem.
 */
export function parseCommandLine(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
  files = new OperatorFiles(),
): Command {
  if (argv.length === 0 && !environmentSettings(env).some(({ key }) => findOption(key))) return { kind: 'help' };
  if (argv[0] === 'top') return readTop(argv.slice(1));
  const report = new Report();
  const args = splitArguments(argv, report);
  const command = findCommand(args, report);
  if (command !== undefined) {
    report.throwIfFailed();
    return command;
  }
  const context: LoadContext = { cwd, env, report, files };
  const loader = new SettingsLoader(context);
  loader.addEnvironment();
  for (const { name, value } of args) {
    if (findOption(name)?.group !== 'command') loader.add(name, value ?? 'true', COMMAND_LINE);
  }
  const configuration = buildConfiguration(loader, context);
  const asked = (name: string) => args.some((arg) => arg.name === name && parseFlag(arg.value ?? 'true'));
  if (asked('show-config')) return { kind: 'show-config', configuration };
  return { kind: asked('check') ? 'check' : 'serve', configuration };
}

/** The first command that needs no configuration. */
function findCommand(args: readonly Argument[], report: Report): Command | undefined {
  for (const { name, value = '' } of args) {
    const command = findOption(name)?.name;
    if (command === 'help' || command === 'version' || command === 'docs') return { kind: command };
    if (command === 'ping') return readPing(value, report);
    if (command === 'stop' || command === 'reload' || command === 'pause') {
      return { kind: 'signal', action: command, pidfile: value };
    }
  }
  return undefined;
}

/** `top ADDR [SECONDS]`. Throws a FastwsgiError. */
function readTop([address = '', seconds = '1', ...others]: readonly string[]): Command {
  const intervalMs = Number(seconds) * 1000;
  if (address === '' || others.length > 0 || !(intervalMs >= 100)) {
    throw new FastwsgiError(
      'ERR_OPTION',
      'Cannot run top: "fastwsgi-ts top ADDR [SECONDS]" is wanted, 0.1 seconds at least',
    );
  }
  // As it is written for a browser.
  const bare = address.replace(/^http:\/\/([^/]+)\/?$/, '$1');
  return { kind: 'top', address: parseSocketAddress(bare), intervalMs };
}

function readPing(value: string, report: Report): Command | undefined {
  try {
    return { kind: 'ping', address: parseSocketAddress(value) };
  } catch (error) {
    report.badOption(COMMAND_LINE, 'ping', error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function splitArguments(argv: readonly string[], report: Report): readonly Argument[] {
  const args: Argument[] = [];
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    // The next word, if it may be this option's value.
    const next = argv[at + 1];
    const taken = word.startsWith('--')
      ? longOption(word.slice(2), next, args, report)
      : word.startsWith('-') && word !== '-'
        ? shortOptions(word.slice(1), next, args, report)
        : positional(word, args, report);
    at += taken;
  }
  return args;
}

/** `name`, `name=value`, or `name` and the next word. Returns how many words after it were taken. */
function longOption(text: string, next: string | undefined, args: Argument[], report: Report): 0 | 1 {
  const equals = text.indexOf('=');
  const name = equals === -1 ? text : text.slice(0, equals);
  if (equals !== -1) {
    args.push({ name, value: text.slice(equals + 1) });
    return 0;
  }
  return separateValue(name, findOption(name), next, args, report);
}

/** `-M`, `-p 4`, `-p4`, `-Mp4`, as getopt has them. */
function shortOptions(letters: string, next: string | undefined, args: Argument[], report: Report): 0 | 1 {
  for (let at = 0; at < letters.length; at += 1) {
    const letter = letters.charAt(at);
    const row = findShortOption(letter);
    if (row === undefined) {
      report.problem(COMMAND_LINE, `Unknown option "-${letter}"`, 'see --help', letter, 'ERR_OPTION');
      return 0;
    }
    const rest = letters.slice(at + 1);
    if (row.kind !== 'flag' && rest !== '') {
      args.push({ name: row.name, value: rest });
      return 0;
    }
    if (rest === '') return separateValue(row.name, row, next, args, report);
    args.push({ name: row.name, value: undefined });
  }
  return 0;
}

/** An option whose value, if it takes one, is the next word. */
function separateValue(
  name: string,
  row: OptionRow | undefined,
  next: string | undefined,
  args: Argument[],
  report: Report,
): 0 | 1 {
  // An unknown name may be one of `declare-option`, which take words.
  const takesValue = row === undefined || row.kind !== 'flag';
  const nextIsValue = next !== undefined && (!next.startsWith('-') || /^-(\d|$)/.test(next));
  if (takesValue && nextIsValue) {
    args.push({ name, value: next });
    return 1;
  }
  const mayBeBare = row === undefined || row.kind === 'flag' || ('bare' in row && row.bare !== undefined);
  if (!mayBeBare) report.badOption(COMMAND_LINE, `--${name}`, 'a value is wanted after it');
  else args.push({ name, value: row === undefined || row.kind === 'flag' ? undefined : '' });
  return 0;
}

/** A word without a dash: a configuration file. */
function positional(word: string, args: Argument[], report: Report): 0 {
  if (/\.ini(:[^/]*)?$/.test(word)) {
    args.push({ name: 'ini', value: word });
  } else {
    report.problem(COMMAND_LINE, `Unknown argument "${word}"`, unknownWord(word, args.at(-1)));
  }
  return 0;
}

/** What the word may have been meant for: a flag's value, an option without its dashes, or a file. */
function unknownWord(word: string, before: Argument | undefined): string {
  const isFlag = before !== undefined && before.value === undefined && findOption(before.name)?.kind === 'flag';
  if (isFlag && isFlagWord(word)) return `the value of a flag is written --${before.name}=${word}`;
  const near = suggestOption(word.split('=', 1)[0] ?? '');
  if (near !== undefined) return `an option begins with two dashes; did you mean "--${near}"?`;
  return 'a file that ends with .ini is wanted; one of another name is written --ini FILE';
}
