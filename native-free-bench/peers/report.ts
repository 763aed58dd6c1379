// The page: what stands between its marks is made from the results, the rest is written by hand.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chart } from './chart.js';
import { columnsOf, FIGURES, formatFigure, type Results, type Row, type ScenarioResult } from './results.js';
import { judge } from './targets.js';

function cells(row: Row, columns: ReturnType<typeof columnsOf>): string[] {
  const figures = columns.map((figure) => formatFigure(figure, row.figures[figure]));
  return [`${row.peer} (${row.version})`, String(row.workers), ...figures, ...(row.failure ? [row.failure] : [])];
}

/** For the terminal. */
export function textTable({ title, rows }: ScenarioResult): string {
  const columns = columnsOf(rows);
  const table = [
    ['', 'workers', ...columns.map((figure) => FIGURES[figure][0])],
    ...rows.map((row) => cells(row, columns)),
  ];
  const widths = columns.map((_, i) => Math.max(...table.map((line) => line[i + 2]?.length ?? 0)));
  const first = Math.max(...table.map((line) => line[0]?.length ?? 0));
  const lines = table.map(
    ([name = '', workers = '', ...rest]) =>
      `  ${name.padEnd(first)}  ${workers.padStart(7)}  ${rest.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  ')}`,
  );
  return `${title}\n${lines.join('\n')}\n`;
}

function markdownTable(result: ScenarioResult): string {
  const columns = columnsOf(result.rows);
  const head = ['peer', 'workers', ...columns.map((figure) => FIGURES[figure][0])];
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'));
  const lines = result.rows.map((row) => {
    if (row.failure !== undefined) return [row.peer, row.workers, row.failure, ...columns.slice(1).map(() => '')];
    return cells(row, columns);
  });
  return [head, rule, ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

function section(name: string, result: ScenarioResult, hasChart: boolean): string {
  const how = `\`${name}\`: ${result.loader}, ${result.rounds} rounds of ${result.seconds} s, Node ${result.node}, ${result.date}.`;
  const picture = hasChart ? `\n\n![${result.title}](images/bench-${name}.svg)` : '';
  return `### ${result.title}\n\n${how}\n\n${markdownTable(result)}${picture}`;
}

function targetTable(results: Results): string {
  const lines = judge(results).map(({ text, bound, value, range, isMet }) => {
    const measured = value === undefined ? 'not measured' : value.toFixed(2);
    const rounds = range === undefined ? '' : `${range[0].toFixed(2)} to ${range[1].toFixed(2)}`;
    return `| ${text} | ${bound} | ${measured} | ${rounds} | ${value === undefined ? '' : isMet ? 'yes' : '**no**'} |`;
  });
  return ['| what | target | measured | rounds | met |', '| --- | ---: | ---: | ---: | --- |', ...lines].join('\n');
}

function commandList({ commands }: Results): string {
  return Object.entries(commands)
    .map(([name, command]) => `- ${name}: \`${command}\``)
    .join('\n');
}

/** Puts `text` between the marks of `name`; throws where the page has none. */
function fill(page: string, name: string, text: string): string {
  const marks = new RegExp(`(<!-- ${name} -->)[\\s\\S]*?(<!-- end of ${name} -->)`);
  if (!marks.test(page)) throw new Error(`The page has no marks <!-- ${name} --> and <!-- end of ${name} -->`);
  return page.replace(marks, (_, begin: string, end: string) => `${begin}\n${text}\n${end}`);
}

/** Writes the generated parts of docs/benchmarks.md, and the charts, below `docs`. */
export function writePage(docs: string, results: Results, order: readonly string[]): void {
  mkdirSync(join(docs, 'images'), { recursive: true });
  const sections: string[] = [];
  for (const name of order) {
    const result = results.scenarios[name];
    if (result === undefined) continue;
    const hasChart = result.rows.some(({ figures }) => figures.requestsPerSecond !== undefined);
    if (hasChart) writeFileSync(join(docs, 'images', `bench-${name}.svg`), chart(result));
    sections.push(section(name, result, hasChart));
  }
  const file = join(docs, 'benchmarks.md');
  let page = existsSync(file) ? readFileSync(file, 'utf8') : EMPTY_PAGE;
  page = fill(page, 'targets', targetTable(results));
  page = fill(page, 'scenarios', sections.join('\n\n'));
  page = fill(page, 'commands', commandList(results));
  writeFileSync(file, page);
}

const EMPTY_PAGE = ['targets', 'scenarios', 'commands']
  .map((name) => `<!-- ${name} -->\n<!-- end of ${name} -->\n`)
  .join('\n');
