// Latency histograms: fixed buckets, so that those of several threads add up, and what is read out of them.

/** Upper bounds of the buckets, in microseconds; what is above the last goes into one more. */
export const BUCKET_BOUNDS_US = [
  100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
  10_000_000, 30_000_000, 60_000_000,
] as const;
export const BUCKET_COUNT = BUCKET_BOUNDS_US.length + 1;

const bounds = Float64Array.from(BUCKET_BOUNDS_US);

/** The bucket of a duration: the first whose bound is not below it. */
export function bucketOf(us: number): number {
  // Most requests are short: from the lowest bound up is the short way.
  let at = 0;
  while (at < bounds.length && us > (bounds[at] as number)) at++;
  return at;
}

/** Durations of one kind, counted by bucket. */
export interface Histogram {
  /** BUCKET_COUNT counts, each of its own bucket alone. */
  readonly counts: readonly number[];
  readonly sumUs: number;
}

export function histogramCount({ counts }: Histogram): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

export function addHistograms(histograms: readonly Histogram[]): Histogram {
  const counts = new Array<number>(BUCKET_COUNT).fill(0);
  let sumUs = 0;
  for (const histogram of histograms) {
    for (const [at, count] of histogram.counts.entries()) counts[at] = (counts[at] as number) + count;
    sumUs += histogram.sumUs;
  }
  return { counts, sumUs };
}
