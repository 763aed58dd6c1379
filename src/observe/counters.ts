// Counters in shared memory: each worker adds to its own, anybody reads the sums.

/** Bytes of shared memory for `workers` workers. */
export function countersBytes(workers: number): number {
  return workers * WORDS * 8;
}

/** 64-bit words of each worker: a cache line. */
const WORDS = 8;
const REQUESTS = 0;
const EXCEPTIONS = 1;
const SENT_BYTES = 2;

/** The counters of all workers. */
export class Counters {
  private readonly words: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.words = new BigInt64Array(memory);
  }

  /** Worker `index` (from 0) has answered a request with `bytes` bytes. */
  countRequest(index: number, bytes: number): void {
    // Plain additions: a counter has one writer, and readers of a sum need no order.
    const at = index * WORDS;
    this.words[at + REQUESTS] = (this.words[at + REQUESTS] as bigint) + 1n;
    this.words[at + SENT_BYTES] = (this.words[at + SENT_BYTES] as bigint) + BigInt(bytes);
  }

  countException(index: number): void {
    const at = index * WORDS + EXCEPTIONS;
    this.words[at] = (this.words[at] as bigint) + 1n;
  }

  requests(index: number): number {
    return Number(this.words[index * WORDS + REQUESTS]);
  }

  exceptions(index: number): number {
    return Number(this.words[index * WORDS + EXCEPTIONS]);
  }

  /** Requests of all workers. */
  get requestsTotal(): number {
    let total = 0;
    for (let at = REQUESTS; at < this.words.length; at += WORDS) total += Number(this.words[at]);
    return total;
  }
}
