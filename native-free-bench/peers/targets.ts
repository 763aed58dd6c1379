// What fastwsgi-ts sets out to reach, as ratios of figures of one run, and whether it did.
import type { Figure, Results, Row } from './results.js';

interface Side {
  readonly peer: string;
  readonly workers: number;
}

interface Target {
  readonly scenario: string;
  readonly figure: Figure;
  readonly ours: Side;
  /** Absent: the figure itself is bounded. */
  readonly theirs?: Side;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Verdict {
  readonly text: string;
  readonly bound: string;
  /** Undefined: not measured. */
  readonly value: number | undefined;
  /** The lowest and the highest of the rounds' own ratios, where rounds were kept. */
  readonly range: readonly [number, number] | undefined;
  readonly isMet: boolean;
}

const side = (peer: string, workers = 1): Side => ({ peer, workers });
const [NATIVE, FREE] = ['fastwsgi-ts', 'fastwsgi-ts native-free'];
const rate = (scenario: string, ours: Side, theirs: Side, atLeast: number): Target => ({
  scenario,
  figure: 'requestsPerSecond',
  ours,
  theirs,
  atLeast,
});

const TARGETS: readonly Target[] = [
  rate('hello', side(NATIVE), side('node:http'), 1.3),
  rate('hello', side(NATIVE), side('uWSGI http11-socket'), 1.8),
  rate('hello', side(NATIVE), side('piscina.run()'), 4),
  rate('hello', side(NATIVE), side('uWebSockets.js'), 0.65),
  rate('nginx-unix', side(NATIVE, 2), side('uWSGI socket', 2), 1.1),
  rate('nginx-tcp', side(NATIVE, 2), side('uWSGI socket', 2), 1),
  { scenario: 'nginx-unix', figure: 'cpuMicros', ours: side(NATIVE, 2), theirs: side('uWSGI socket', 2), atMost: 1 },
  rate('hello', side(FREE), side('node:http'), 0.9),
  rate('nginx-unix', side(FREE, 2), side('uWSGI socket', 2), 0.55),
  { scenario: 'slow', figure: 'slowRatio', ours: side(NATIVE, 2), atMost: 3 },
  { scenario: 'slow', figure: 'slowRatio', ours: side('node:http'), atLeast: 3 },
  rate('upload-10m', side(NATIVE), side('uWSGI http11-socket'), 1),
  rate('reply-1m', side(NATIVE), side('uWSGI http11-socket'), 1),
  { scenario: 'memory', figure: 'workerMb', ours: side(NATIVE), atMost: 12 },
  { scenario: 'memory', figure: 'idleMb', ours: side(NATIVE), atMost: 10 },
];

const WORDS: Partial<Record<Figure, string>> = {
  requestsPerSecond: 'requests/s',
  cpuMicros: 'CPU per request',
  slowRatio: "cheap requests' p99, with slow ones / without",
  workerMb: 'MB of one more idle worker',
  idleMb: 'MB of 1000 idle connections',
};

function find(results: Results, { scenario }: Target, { peer, workers }: Side): Row | undefined {
  return results.scenarios[scenario]?.rows.find((row) => row.peer === peer && row.workers === workers);
}

/** Of the rates alone: of other figures no rounds are kept. */
function rangeOf({ figure }: Target, left?: Row, right?: Row): Verdict['range'] {
  const [ours, theirs] = [left?.rates, right?.rates];
  if (figure !== 'requestsPerSecond' || ours === undefined || theirs === undefined) return undefined;
  const ratios = ours.map((one, round) => one / (theirs[round] as number));
  return [Math.min(...ratios), Math.max(...ratios)];
}

function name({ peer, workers }: Side): string {
  return `${peer} (${workers})`;
}

/** A verdict for each target; the number in brackets is that of workers. */
export function judge(results: Results): Verdict[] {
  return TARGETS.map((target) => {
    const { scenario, figure, ours, theirs, atLeast, atMost } = target;
    const leftRow = find(results, target, ours);
    const rightRow = theirs === undefined ? undefined : find(results, target, theirs);
    const left = leftRow?.figures[figure];
    const right = theirs === undefined ? 1 : rightRow?.figures[figure];
    const value = left === undefined || right === undefined ? undefined : left / right;
    const isMet = value !== undefined && value >= (atLeast ?? 0) && value <= (atMost ?? Number.POSITIVE_INFINITY);
    const against = theirs === undefined ? '' : ` / ${name(theirs)}`;
    return {
      text: `\`${scenario}\`, ${WORDS[figure]}: ${name(ours)}${against}`,
      bound: atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`,
      value,
      range: rangeOf(target, leftRow, rightRow),
      isMet,
    };
  });
}
