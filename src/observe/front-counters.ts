// What the fronts count in shared memory: connections, and every request that ends without a worker's answer. One block for
// each part of the lanes; the thread whose part it is adds, anybody reads.
// A request that came in ends in one place: answered by a worker (counters.ts), answered by the front (`answered`), or ended without an
// answer (`ended`). So the sums are what the clients count.

const STATUS_MIN = 400;
const STATUS_MAX = 599;
/** How a request ended that nobody answered. */
export const UNANSWERED = {
  /** The client left, or fell silent, before its request was complete. */
  INCOMPLETE: 0,
  /** The client left before a worker had taken its request. */
  LEFT: 1,
  /** The worker died when a part of the response had been sent, or its client had left. */
  CUT: 2,
  /** It could not be told from something that is no request: the connection was closed. */
  REFUSED: 3,
} as const;
type Unanswered = (typeof UNANSWERED)[keyof typeof UNANSWERED];
const UNANSWERED_CAUSES = ['incomplete', 'left', 'cut', 'refused'] as const;

const ACCEPTED = 0;
const PINGS = 1;
const OPEN = 2;
const QUEUED = 3;
const ENDED = 4;
const STATUSES = ENDED + UNANSWERED_CAUSES.length;
const WORDS = Math.ceil((STATUSES + STATUS_MAX - STATUS_MIN + 1) / 8) * 8;

/** Why a front answers by itself, by the status it answers with. */
const CAUSES: Readonly<Record<number, string>> = {
  400: 'malformed',
  408: 'slow',
  411: 'length-required',
  413: 'body-too-large',
  431: 'headers-too-large',
  500: 'not-stored',
  501: 'not-served',
  502: 'worker-died',
  503: 'busy',
  504: 'harakiri',
  505: 'version',
};

/** Bytes of shared memory for `fronts` blocks. */
export function frontCountersBytes(fronts: number): number {
  return fronts * WORDS * 8;
}

/** What one part's fronts have counted. */
export interface FrontCounts {
  readonly accepted: number;
  readonly pings: number;
  /** Now. */
  readonly open: number;
  readonly queued: number;
  readonly answers: readonly { readonly status: number; readonly cause: string; readonly count: number }[];
  readonly unanswered: readonly { readonly cause: string; readonly count: number }[];
}

/** One block. */
export class FrontCounters {
  private readonly words: Float64Array;

  constructor(memory: SharedArrayBuffer, front: number) {
    this.words = new Float64Array(memory, front * WORDS * 8, WORDS);
  }

  /** A connection was accepted. */
  accepted(): void {
    this.increment(ACCEPTED);
    this.words[OPEN] = (this.words[OPEN] as number) + 1;
  }

  /** One of those was closed. */
  closed(): void {
    this.words[OPEN] = (this.words[OPEN] as number) - 1;
  }

  pinged(): void {
    this.increment(PINGS);
  }

  /** The front has answered a request itself. */
  answered(status: number): void {
    this.increment(STATUSES + status - STATUS_MIN);
  }

  /** A request has ended without an answer. */
  ended(how: Unanswered): void {
    this.increment(ENDED + how);
  }

  /** So many requests wait for a slot now. */
  waiting(count: number): void {
    this.words[QUEUED] = count;
  }

  read(): FrontCounts {
    const at = (word: number) => this.words[word] as number;
    const answers: FrontCounts['answers'][number][] = [];
    for (let status = STATUS_MIN; status <= STATUS_MAX; status++) {
      const count = at(STATUSES + status - STATUS_MIN);
      const cause = CAUSES[status];
      if (count > 0 || cause !== undefined) answers.push({ status, cause: cause ?? 'other', count });
    }
    return {
      accepted: at(ACCEPTED),
      pings: at(PINGS),
      open: at(OPEN),
      queued: at(QUEUED),
      answers,
      unanswered: UNANSWERED_CAUSES.map((cause, how) => ({ cause, count: at(ENDED + how) })),
    };
  }

  private increment(word: number): void {
    this.words[word] = (this.words[word] as number) + 1;
  }
}
