// What a run has found: rows of figures for each scenario, kept in a file that later runs add to.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** A figure's heading, and how many digits stand behind its point. */
export const FIGURES = {
  requestsPerSecond: ['requests/s', 0],
  p50Ms: ['p50 ms', 2],
  p99Ms: ['p99 ms', 2],
  cpuMicros: ['CPU µs/request', 1],
  memoryMb: ['peak MB', 0],
  quietP99Ms: ['p99 ms without slow', 1],
  slowP99Ms: ['p99 ms with 1 slow in 100', 1],
  slowRatio: ['with / without', 1],
  startMs: ['first answer ms', 0],
  reloadMs: ['last old answer ms', 0],
  reloadP99Ms: ['p99 ms meanwhile', 1],
  longestMs: ['longest ms', 0],
  baseMb: ['1 worker MB', 1],
  workerMb: ['one more worker MB', 1],
  idleMb: ['1000 idle connections MB', 1],
  errors: ['errors', 0],
} as const satisfies Record<string, readonly [heading: string, digits: number]>;

export type Figure = keyof typeof FIGURES;
export type Figures = Partial<Record<Figure, number>>;

export interface Row {
  readonly peer: string;
  readonly version: string;
  readonly workers: number;
  readonly figures: Figures;
  /** Of each round, in the order of the rounds. */
  readonly rates?: readonly number[];
  /** Why there are no figures. */
  readonly failure?: string;
}

export interface ScenarioResult {
  readonly title: string;
  readonly date: string;
  readonly node: string;
  readonly loader: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly rows: readonly Row[];
}

export interface Results {
  scenarios: Record<string, ScenarioResult>;
  /** Command lines by peer. */
  commands: Record<string, string>;
}

export function readResults(file: string): Results {
  if (!existsSync(file)) return { scenarios: {}, commands: {} };
  return JSON.parse(readFileSync(file, 'utf8')) as Results;
}

export function writeResults(file: string, results: Results): void {
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
}

/** Columns that any row has a figure for, in the order of FIGURES. */
export function columnsOf(rows: readonly Row[]): readonly Figure[] {
  return (Object.keys(FIGURES) as Figure[]).filter((figure) => rows.some((row) => row.figures[figure] !== undefined));
}

export function formatFigure(figure: Figure, value: number | undefined): string {
  if (value === undefined) return '';
  const digits = FIGURES[figure][1];
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    useGrouping: false,
  });
}
