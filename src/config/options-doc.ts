// docs/options.md, rendered from the option table.

import { defaultText, GROUP_TITLES, groupRows, valueName } from './help.js';
import type { OptionRow } from './option-row.js';

const INTRO = `# Options

<!-- Generated from the option table (src/config/options*.ts). Change it there. -->

Every option may stand in the \`[uwsgi]\` section of an INI file (\`name = value\`) and on the command line
(\`--name value\`, \`--name=value\`, flags bare). What comes later wins; a file counts where it stands.
A flag is true unless it is \`false\`, \`off\`, \`no\` or \`0\`. Sizes are bytes and may carry \`k\`, \`m\` or \`g\` (1024s).
`;

/** The whole page. */
export function renderOptionsDocument(): string {
  const sections = groupRows().map(([group, rows]) => {
    const table = group === 'compatibility' ? compatibilityTable(rows) : optionTable(rows);
    return `## ${GROUP_TITLES[group]}\n\n${table.join('\n')}\n`;
  });
  return [INTRO, ...sections].join('\n');
}

function optionTable(rows: readonly OptionRow[]): string[] {
  const lines = rows.map((row) => {
    const short = row.short === undefined ? [] : [`-${row.short}`];
    const names = [row.name, ...(row.aliases ?? []), ...short].map((name) => `\`${name}\``).join(', ');
    const value = valueName(row);
    const cells = [
      names,
      value === '' ? (row.kind === 'flag' ? 'flag' : '') : `\`${value}\``,
      defaultText(row),
      meaning(row),
    ];
    return tableLine(cells);
  });
  return ['| option | value | default | meaning |', '|---|---|---|---|', ...lines];
}

function meaning(row: OptionRow): string {
  const repeat = row.repeat === true ? '. May repeat' : '';
  const range = rangeText(row);
  const status = row.status === 'accepted' ? `. *No effect*: ${row.note}` : '';
  return `${row.help}${range === '' ? '' : `. ${range}`}${repeat}${status}`;
}

function rangeText(row: OptionRow): string {
  const min = 'min' in row ? row.min : undefined;
  const max = 'max' in row ? row.max : 'clampMax' in row ? row.clampMax : undefined;
  if (max !== undefined) return `From ${min ?? 0} to ${max}`;
  return min === undefined || min === 0 ? '' : `At least ${min}`;
}

/** One line for all options with the same reason. */
function compatibilityTable(rows: readonly OptionRow[]): string[] {
  const namesByHelp = new Map<string, string[]>();
  for (const { help, name } of rows) namesByHelp.set(help, [...(namesByHelp.get(help) ?? []), `\`${name}\``]);
  const lines = [...namesByHelp].map(([help, names]) => tableLine([names.join(', '), help]));
  return ['| options | here |', '|---|---|', ...lines];
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
