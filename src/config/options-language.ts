// Option rows: the commands of the command line, and the words of the configuration language itself.
import type { OptionRow } from './option-row.js';

export const COMMAND_OPTIONS = [
  {
    name: 'help',
    aliases: ['usage'],
    short: 'h',
    group: 'command',
    kind: 'flag',
    status: 'works',
    help: 'show this text',
  },
  { name: 'version', group: 'command', kind: 'flag', status: 'works', help: 'show the version' },
  {
    name: 'show-config',
    group: 'command',
    kind: 'flag',
    status: 'works',
    help: 'print the resolved configuration as INI and end',
  },
  {
    name: 'check',
    group: 'command',
    kind: 'flag',
    status: 'works',
    help: 'check the configuration, the application path, sockets, users and permissions, start nothing; status 1 if wrong',
  },
  {
    name: 'docs',
    group: 'command',
    kind: 'flag',
    status: 'works',
    help: 'print the page of all options, in Markdown',
  },
  {
    name: 'ping',
    group: 'command',
    kind: 'address',
    status: 'works',
    help: 'ask the uwsgi socket at this address whether it lives: status 0 yes, 1 no answer, 2 a warning',
  },
  {
    name: 'stop',
    group: 'command',
    kind: 'text',
    status: 'works',
    placeholder: 'PIDFILE',
    help: 'stop the server whose process id is in this file',
  },
  {
    name: 'reload',
    group: 'command',
    kind: 'text',
    status: 'works',
    placeholder: 'PIDFILE',
    help: 'reload the server whose process id is in this file',
  },
  {
    name: 'pause',
    aliases: ['suspend', 'resume'],
    group: 'command',
    kind: 'text',
    status: 'works',
    placeholder: 'PIDFILE',
    help: 'pause the server whose process id is in this file, or resume it',
  },
] as const satisfies readonly OptionRow[];

export const LANGUAGE_OPTIONS = [
  {
    name: 'ini',
    aliases: ['include', 'inherit', 'config'],
    short: 'c',
    group: 'configuration',
    kind: 'text',
    repeat: true,
    status: 'works',
    placeholder: 'FILE[:SECTION]',
    help: 'read this file where the option stands; relative to the including file, else to the current directory; :SECTION alone is the same file',
  },
  {
    name: 'strict',
    group: 'configuration',
    kind: 'flag',
    status: 'works',
    help: 'a name that is no option is an error, wherever strict stands',
  },
  {
    name: 'set-placeholder',
    aliases: ['set-ph'],
    group: 'configuration',
    kind: 'assignment',
    repeat: true,
    status: 'works',
    help: 'set a placeholder for %(NAME); allowed under strict',
  },
  {
    name: 'set',
    short: 'S',
    group: 'configuration',
    kind: 'assignment',
    repeat: true,
    status: 'works',
    help: 'set an option or a placeholder, as if it stood here on a line of its own',
  },
  {
    name: 'declare-option',
    aliases: ['declare-option2'],
    group: 'configuration',
    kind: 'assignment',
    repeat: true,
    status: 'works',
    placeholder: 'NAME=OPT=$1;OPT=$2',
    help: 'declare an option that stands for others, $1 and so on being the words of its value',
  },
] as const satisfies readonly OptionRow[];

/** Blocks: each applies to the lines up to its end and is not nested. `%(_)` is the value at hand. */
export const LOGIC_OPTIONS = [
  logic('for', [], 'WORDS', 'once for each word'),
  logic('for-glob', [], 'PATTERN', 'once for each path that matches, or once with the pattern itself'),
  logic('for-times', [], 'N', 'once for each number from 1 to N'),
  logic('for-readline', [], 'FILE', 'once for each line of the file'),
  logic('if-env', ['ifenv'], 'NAME[=VALUE]', 'if the environment variable is set, or has that value'),
  logic('if-not-env', [], 'NAME[=VALUE]', 'if it is not'),
  logic('if-opt', [], 'NAME[=VALUE]', 'if the option or placeholder was set so far, or set first to that value'),
  logic('if-not-opt', [], 'NAME[=VALUE]', 'if it was not'),
  logic('if-exists', ['ifexists'], 'PATH', 'if the path exists'),
  logic('if-not-exists', [], 'PATH', 'if it does not'),
  logic('if-file', [], 'PATH', 'if the path is a regular file'),
  logic('if-not-file', [], 'PATH', 'if it is not'),
  logic('if-dir', ['ifdir', 'if-directory'], 'PATH', 'if the path is a directory'),
  logic('if-not-dir', [], 'PATH', 'if it is not'),
  logic('if-hostname', [], 'NAME', 'if this is the name of the machine'),
  logic('if-not-hostname', [], 'NAME', 'if it is not'),
  logic('else', [], '', 'the other case of the if before it'),
  logic('endif', ['end-if'], '', 'ends an if'),
  logic('endfor', ['end-for'], '', 'ends a for'),
  logic('end', [], '', 'ends either'),
] as const satisfies readonly OptionRow[];

export type LogicName = (typeof LOGIC_OPTIONS)[number]['name'];

const LOGIC_NAMES: ReadonlySet<string> = new Set(LOGIC_OPTIONS.map((row) => row.name));

/** Whether the option begins, ends or turns a block. */
export function isLogicName(name: string): name is LogicName {
  return LOGIC_NAMES.has(name);
}

function logic<const N extends string>(name: N, aliases: readonly string[], placeholder: string, help: string) {
  return { name, aliases, group: 'configuration', kind: 'text', bare: '', status: 'works', placeholder, help } as const;
}
