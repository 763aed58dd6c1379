// `--help`: the option table as text, grouped, with units and defaults.
import type { OptionGroup, OptionRow } from './option-row.js';
import { OPTIONS } from './options.js';
import { defaultOf } from './resolve.js';
import { unitOf } from './values.js';
import { VERSION } from './version.js';

/** The groups in the order in which they are shown, with their titles. */
export const GROUP_TITLES: Readonly<Record<OptionGroup, string>> = {
  command: 'Commands',
  configuration: 'Configuration language',
  application: 'Application',
  sockets: 'Sockets',
  workers: 'Workers',
  requests: 'Requests',
  routing: 'Routing',
  lifecycle: 'Life of the workers',
  process: 'Process',
  logging: 'Logging',
  static: 'Static files',
  stats: 'Stats',
  compatibility: 'uWSGI options without a counterpart',
};

const HELP_WIDTH = 100;
const NAME_WIDTH = 34;

/** The whole text of `--help`. */
export function renderHelp(): string {
  const intro = [
    `fastwsgi-ts ${VERSION}: uWSGI for Node`,
    '',
    'Usage: fastwsgi-ts [options] [FILE.ini]',
    '       fastwsgi-ts -c FILE.ini[:SECTION]',
    '       fastwsgi-ts top ADDR [SECONDS]    a live view of the stats at ADDR',
    '',
    'Every option may stand in the [uwsgi] section of a file as "name = value", and here as --name value or --name=value.',
    'What comes later wins; a file counts where it stands.',
  ];
  const groups = groupRows().map(([group, rows]) => {
    const lines = group === 'compatibility' ? compatibilityLines(rows) : rows.flatMap(optionLines);
    return ['', `${GROUP_TITLES[group]}:`, ...lines];
  });
  return `${[...intro, ...groups.flat()].join('\n')}\n`;
}

/** The rows of each group that has any, in the order of the titles. */
export function groupRows(): readonly (readonly [OptionGroup, readonly OptionRow[]])[] {
  const groups = Object.keys(GROUP_TITLES) as OptionGroup[];
  return groups.map((group) => [group, OPTIONS.filter((row) => row.group === group)] as const);
}

/** What a value of the row is called: `N`, `SECONDS`, `auto|uws|node`; empty for a flag. */
export function valueName(row: OptionRow): string {
  if (row.placeholder !== undefined) return row.placeholder;
  switch (row.kind) {
    case 'flag':
      return '';
    case 'count':
      return row.unit?.toUpperCase() ?? 'N';
    case 'size':
      return 'BYTES';
    case 'megabytes':
      return 'MB';
    case 'seconds':
      return 'SECONDS';
    case 'milliseconds':
      return 'MS';
    case 'mode':
      return 'OCTAL';
    case 'text':
      return 'TEXT';
    case 'choice':
      return row.choices.join('|');
    case 'address':
    case 'https-address':
    case 'redirect-address':
      return 'ADDR';
    case 'assignment':
      return 'NAME=VALUE';
    default:
      return row satisfies never;
  }
}

/** The default in words, with its unit unless it is 0; empty where there is none to tell. */
export function defaultText(row: OptionRow): string {
  const value = defaultOf(row);
  if (value === undefined || value === false) return '';
  const unit = unitOf(row);
  return unit === '' || value === 0 ? String(value) : `${value} ${value === 1 ? unit.replace(/s$/, '') : unit}`;
}

function optionLines(row: OptionRow): string[] {
  const short = row.short === undefined ? '' : `-${row.short}, `;
  const name = `  ${short}--${[row.name, ...(row.aliases ?? [])].join(', --')} ${valueName(row)}`.trimEnd();
  const value = defaultText(row);
  const mark = row.status === 'accepted' ? ` [no effect: ${row.note}]` : '';
  const text = `${row.help}${value === '' ? '' : ` (default: ${value})`}${row.repeat ? ' (may repeat)' : ''}${mark}`;
  const lines = wrap(text, HELP_WIDTH - NAME_WIDTH);
  const indent = ' '.repeat(NAME_WIDTH);
  const first = name.length < NAME_WIDTH - 1 ? [name.padEnd(NAME_WIDTH) + lines.shift()] : [name];
  return [...first, ...lines.map((line) => indent + line)];
}

/** The names only, once per status: docs/options.md has the reasons. */
function compatibilityLines(rows: readonly OptionRow[]): string[] {
  const named = (status: string) => rows.filter((row) => row.status === status).map((row) => row.name);
  return [
    ...indented(`Accepted without effect, with the reason at start: ${named('accepted').join(', ')}`),
    ...indented(`Refused, with what to do instead: ${named('refused').join(', ')}`),
  ];
}

function indented(text: string): string[] {
  return wrap(text, HELP_WIDTH - 4).map((line, index) => (index === 0 ? `  ${line}` : `    ${line}`));
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
