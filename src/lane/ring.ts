// A single-producer, single-consumer ring of 32-bit entries in shared memory. Head and tail are wrapping counters.
import { RING_HEADER_WORDS, RING_TAIL_WORD } from './layout.js';

/** One side's view of a ring. Only one thread may push and only one may pop. */
export class Ring {
  private readonly words: Int32Array;
  private readonly head: number;
  private readonly tail: number;
  private readonly entries: number;
  private readonly capacity: number;

  /** `capacity` is a power of two; the ring's header starts at word `start`. */
  constructor(words: Int32Array, start: number, capacity: number) {
    this.words = words;
    this.head = start;
    this.tail = start + RING_TAIL_WORD;
    this.entries = start + RING_HEADER_WORDS;
    this.capacity = capacity;
  }

  /** Adds an entry; false when the ring is full. */
  push(entry: number): boolean {
    const words = this.words;
    const head = words[this.head] as number;
    // Sequentially consistent load: what the consumer has released is seen before its place is written again.
    if (((head - Atomics.load(words, this.tail)) | 0) >= this.capacity) return false;
    words[this.entries + (head & (this.capacity - 1))] = entry;
    // The store publishes the entry, and everything the producer wrote before it.
    Atomics.store(words, this.head, (head + 1) | 0);
    return true;
  }

  /** Takes the oldest entry, or -1 when there is none (entries are never negative). */
  pop(): number {
    const words = this.words;
    const tail = words[this.tail] as number;
    // The load pairs with the producer's store of head: the entry is complete when it is seen.
    if (Atomics.load(words, this.head) === tail) return -1;
    const entry = words[this.entries + (tail & (this.capacity - 1))] as number;
    // The store hands the place back to the producer, after it was read.
    Atomics.store(words, this.tail, (tail + 1) | 0);
    return entry;
  }

  /** Whether there is nothing to pop. */
  isEmpty(): boolean {
    return Atomics.load(this.words, this.head) === Atomics.load(this.words, this.tail);
  }

  /** Producer: whether `push` would fail. */
  isFull(): boolean {
    return (((this.words[this.head] as number) - Atomics.load(this.words, this.tail)) | 0) >= this.capacity;
  }

  /** Forgets all entries. Only while neither side uses the ring. */
  reset(): void {
    Atomics.store(this.words, this.tail, Atomics.load(this.words, this.head));
  }
}

const INDEX_BITS = 10;

/** A request ring's entry: the slot's index and its generation (21 bits), never negative. */
export function packEntry(slotIndex: number, generation: number): number {
  return (generation << INDEX_BITS) | slotIndex;
}

export function entrySlot(entry: number): number {
  return entry & ((1 << INDEX_BITS) - 1);
}

export function entryGeneration(entry: number): number {
  return entry >>> INDEX_BITS;
}
