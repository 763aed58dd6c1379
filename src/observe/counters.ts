// Counters in shared memory, a block of 64-bit words for every lane: the lane's thread adds to its own, anybody reads.
// They only grow, whichever threads have the lane one after the other. Floating-point numbers: exact up to 2^53, and adding to
// them allocates nothing.
import { BUCKET_COUNT, bucketOf, type Histogram } from './histogram.js';

/** Classes of status codes: none of the known (as where the client had gone before there was one), 1xx to 5xx. */
export const STATUS_CLASSES = 6;

/** Word indexes of what is counted, in a lane's block or in a sum of such blocks. */
const WORD = {
  REQUESTS: 0,
  EXCEPTIONS: 1,
  SENT_BYTES: 2,
  RECEIVED_BYTES: 3,
  RUN_US: 4,
  WAIT_US: 5,
  LOOP_US: 6,
  STATUS: 8,
  RUN: 8 + STATUS_CLASSES,
  WAIT: 8 + STATUS_CLASSES + BUCKET_COUNT,
  LOOP: 8 + STATUS_CLASSES + 2 * BUCKET_COUNT,
} as const;
/** Two words for each core follow: requests, and responses that could not be sent to their end. */
const CORES = WORD.LOOP + BUCKET_COUNT;
const CORE_WORDS = 2;
/** Words at the end of a block that are no sums: the average run time, and when the event loop was last seen to turn. */
const AVERAGE_RUN_US = 0;
const BEAT_MS = 1;
const LAST_WORDS = 2;
/** 64-bit words of a cache line: threads do not share one. */
const LINE = 8;

function blockWords(cores: number): number {
  return Math.ceil((CORES + cores * CORE_WORDS + LAST_WORDS) / LINE) * LINE;
}

/** What was counted up to a moment, of one lane or of several: a copy. */
export class Counts {
  readonly words: Float64Array;

  constructor(words: Float64Array) {
    this.words = words;
  }

  /** Adds what was counted from `from` to `to`. */
  add(from: Counts | undefined, to: Counts): void {
    for (let at = 0; at < this.words.length; at++) {
      this.words[at] = this.at(at) + to.at(at) - (from === undefined ? 0 : from.at(at));
    }
  }

  private at(word: number): number {
    return this.words[word] as number;
  }

  get requests(): number {
    return this.at(WORD.REQUESTS);
  }

  get exceptions(): number {
    return this.at(WORD.EXCEPTIONS);
  }

  /** Of heads and bodies, as the application made them. */
  get sentBytes(): number {
    return this.at(WORD.SENT_BYTES);
  }

  /** Of packets and bodies. */
  get receivedBytes(): number {
    return this.at(WORD.RECEIVED_BYTES);
  }

  /** By status class: none, 1xx, 2xx… */
  get byStatus(): readonly number[] {
    return [...this.words.subarray(WORD.STATUS, WORD.STATUS + STATUS_CLASSES)];
  }

  /** From the moment the worker took the request to the last byte it handed on. */
  get run(): Histogram {
    return this.histogram(WORD.RUN, WORD.RUN_US);
  }

  /** From the moment the front had the whole request to the moment the worker took it. */
  get wait(): Histogram {
    return this.histogram(WORD.WAIT, WORD.WAIT_US);
  }

  /** How late the event loop was for its tick. */
  get loop(): Histogram {
    return this.histogram(WORD.LOOP, WORD.LOOP_US);
  }

  coreRequests(core: number): number {
    return this.at(CORES + core * CORE_WORDS);
  }

  coreWriteErrors(core: number): number {
    return this.at(CORES + core * CORE_WORDS + 1);
  }

  /** Cores up to the last one that has served; at least one. */
  get coresUsed(): number {
    let cores = (this.words.length - CORES) / CORE_WORDS;
    while (cores > 1 && this.coreRequests(cores - 1) === 0) cores--;
    return cores;
  }

  private histogram(buckets: number, sum: number): Histogram {
    return { counts: [...this.words.subarray(buckets, buckets + BUCKET_COUNT)], sumUs: this.at(sum) };
  }
}

/** The counters of all lanes, to be read. */
export class Counters {
  readonly memory: SharedArrayBuffer;
  /** Of each lane. */
  readonly cores: number;
  private readonly lanes: readonly Float64Array[];
  private readonly sums: number;

  /** New ones. */
  static create(lanes: number, cores: number): Counters {
    return new Counters(new SharedArrayBuffer(lanes * blockWords(cores) * 8), cores);
  }

  /** Those that `create` has made, on another thread. */
  constructor(memory: SharedArrayBuffer, cores: number) {
    this.memory = memory;
    this.cores = cores;
    const words = blockWords(cores);
    const lanes: Float64Array[] = [];
    for (let at = 0; at < memory.byteLength; at += words * 8) lanes.push(new Float64Array(memory, at, words));
    this.lanes = lanes;
    this.sums = CORES + cores * CORE_WORDS;
  }

  /** A copy of what lane `index` (from 0) has counted. */
  counts(index: number): Counts {
    return new Counts(this.block(index).slice(0, this.sums));
  }

  /** Nothing, counted. */
  zero(): Counts {
    return new Counts(new Float64Array(this.sums));
  }

  requests(index: number): number {
    return this.block(index)[WORD.REQUESTS] as number;
  }

  /** Requests of all workers. */
  get requestsTotal(): number {
    let total = 0;
    for (const block of this.lanes) total += block[WORD.REQUESTS] as number;
    return total;
  }

  /** As uWSGI has it: the mean of the last run time and the average before it, in microseconds. */
  averageRunUs(index: number): number {
    return this.block(index)[this.sums + AVERAGE_RUN_US] as number;
  }

  /** When the event loop of the lane's thread was last seen to turn, on the monotonic clock; 0: not yet. */
  beatMs(index: number): number {
    return this.block(index)[this.sums + BEAT_MS] as number;
  }

  /** The counters of one lane, for a thread that takes it. */
  tally(index: number): LaneTally {
    const block = this.block(index);
    block.fill(0, this.sums);
    return new LaneTally(block, this.sums);
  }

  private block(index: number): Float64Array {
    return this.lanes[index] as Float64Array;
  }
}

/** What is known of a request when its response is complete. */
export interface FinishedRequest {
  /** 0: none was sent. */
  readonly status: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly runMs: number;
  readonly waitMs: number;
  readonly core: number;
  /** Not all of the response could be sent. */
  readonly isBroken: boolean;
}

/**
 * One lane's counters, for the thread that has it. `prepare` says what the request at hand adds; whoever gives its slot back
 * commits it in the same breath (see Tally in lane/), so that a thread that is ended has done either both or neither.
 */
export class LaneTally {
  private readonly words: Float64Array;
  private statusAt: number = WORD.STATUS;
  private runBucketAt: number = WORD.RUN;
  private waitBucketAt: number = WORD.WAIT;
  private coreAt = CORES;
  private sent = 0;
  private received = 0;
  private runUs = 0;
  private waitUs = 0;
  private broken = 0;
  private readonly last: number;

  constructor(words: Float64Array, last: number) {
    this.words = words;
    this.last = last;
  }

  prepare(request: FinishedRequest): void {
    const { words } = this;
    this.runUs = request.runMs * 1000;
    this.waitUs = request.waitMs * 1000;
    this.sent = request.sentBytes;
    this.received = request.receivedBytes;
    const statusClass = Math.floor(request.status / 100);
    this.statusAt = WORD.STATUS + (statusClass < STATUS_CLASSES ? statusClass : 0);
    this.runBucketAt = WORD.RUN + bucketOf(this.runUs);
    this.waitBucketAt = WORD.WAIT + bucketOf(this.waitUs);
    this.coreAt = CORES + request.core * CORE_WORDS;
    this.broken = request.isBroken ? 1 : 0;
    const average = this.last + AVERAGE_RUN_US;
    words[average] = ((words[average] as number) + this.runUs) / 2;
  }

  /** Adds what was prepared. Calls nothing: a thread is ended where a function begins or a loop goes round, and not in here. */
  commit(): void {
    const { words } = this;
    words[WORD.REQUESTS] = (words[WORD.REQUESTS] as number) + 1;
    words[this.statusAt] = (words[this.statusAt] as number) + 1;
    words[this.runBucketAt] = (words[this.runBucketAt] as number) + 1;
    words[this.waitBucketAt] = (words[this.waitBucketAt] as number) + 1;
    words[this.coreAt] = (words[this.coreAt] as number) + 1;
    words[this.coreAt + 1] = (words[this.coreAt + 1] as number) + this.broken;
    words[WORD.SENT_BYTES] = (words[WORD.SENT_BYTES] as number) + this.sent;
    words[WORD.RECEIVED_BYTES] = (words[WORD.RECEIVED_BYTES] as number) + this.received;
    words[WORD.RUN_US] = (words[WORD.RUN_US] as number) + this.runUs;
    words[WORD.WAIT_US] = (words[WORD.WAIT_US] as number) + this.waitUs;
  }

  countException(): void {
    this.words[WORD.EXCEPTIONS] = (this.words[WORD.EXCEPTIONS] as number) + 1;
  }

  /** The event loop begins to turn, at `nowMs` of the monotonic clock. */
  begin(nowMs: number): void {
    this.words[this.last + BEAT_MS] = nowMs;
  }

  /** The event loop has turned at `nowMs` of the monotonic clock, `lateMs` later than it should have. */
  beat(nowMs: number, lateMs: number): void {
    const { words } = this;
    const us = Math.max(0, lateMs) * 1000;
    const bucket = WORD.LOOP + bucketOf(us);
    words[bucket] = (words[bucket] as number) + 1;
    words[WORD.LOOP_US] = (words[WORD.LOOP_US] as number) + us;
    words[this.last + BEAT_MS] = nowMs;
  }
}
