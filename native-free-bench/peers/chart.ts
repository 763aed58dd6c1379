// A bar chart of requests per second as SVG.
import { formatFigure, type Row, type ScenarioResult } from './results.js';

const WIDTH = 760;
const LABEL = 230;
const BAR = 20;
const STEP = 28;
const TOP = 46;
const OURS = '#2563eb';
const THEIRS = '#94a3b8';

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function bar(row: Row, index: number, most: number): string {
  const rate = row.figures.requestsPerSecond ?? 0;
  const y = TOP + index * STEP;
  const width = Math.max(1, Math.round((rate / most) * (WIDTH - LABEL - 80)));
  const workers = `${row.peer}, ${row.workers} worker${row.workers === 1 ? '' : 's'}`;
  return [
    `<text x="${LABEL - 8}" y="${y + 14}" text-anchor="end">${escapeXml(workers)}</text>`,
    `<rect x="${LABEL}" y="${y}" width="${width}" height="${BAR}" rx="2" fill="${row.peer.startsWith('fastwsgi-ts') ? OURS : THEIRS}"/>`,
    `<text x="${LABEL + width + 6}" y="${y + 14}">${formatFigure('requestsPerSecond', rate)}</text>`,
  ].join('\n');
}

/** The fastest first. */
export function chart({ title, rows }: ScenarioResult): string {
  const shown = rows
    .filter(({ figures }) => figures.requestsPerSecond !== undefined)
    .sort((a, b) => (b.figures.requestsPerSecond as number) - (a.figures.requestsPerSecond as number));
  const most = Math.max(1, ...shown.map(({ figures }) => figures.requestsPerSecond as number));
  const head = escapeXml(`${title}: requests per second`);
  const height = TOP + shown.length * STEP + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="13" fill="#1e293b">
<title>${head}</title>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<text x="12" y="26" font-size="16" font-weight="bold">${head}</text>
${shown.map((row, index) => bar(row, index, most)).join('\n')}
</svg>
`;
}
