// The sleeping flag: how one thread wakes another once per batch, and only when it sleeps.
// Sleeper: set the flag, read the sequence, look for work again, wait on the sequence; after waking, clear the flag.
// Waker: publish the work, advance the sequence, *read* the flag, wake if it is set. The waker never clears the flag: a
// late clear from an earlier round would wipe the flag of a sleeper that has just set it, and lose a wake-up.

const SEQUENCE = 0;
const ASLEEP = 16;

/** Int32 words a bell needs. */
export const BELL_WORDS = 32;

/** A bell in shared memory: one sleeper, any number of wakers. */
export class Bell {
  private readonly words: Int32Array;
  private readonly sequence: number;
  private readonly asleep: number;

  constructor(words: Int32Array, start: number) {
    this.words = words;
    this.sequence = start + SEQUENCE;
    this.asleep = start + ASLEEP;
  }

  /** Waker, after it published its work: true when the sleeper has to be woken (by `notify`, or the eventfd it waits on). */
  advance(): boolean {
    // Both operations are sequentially consistent: either the sleeper's second look sees our work, or we see its flag.
    Atomics.add(this.words, this.sequence, 1);
    return Atomics.load(this.words, this.asleep) === 1;
  }

  /** Wakes a sleeper that waits with `wait`. */
  notify(): void {
    Atomics.notify(this.words, this.sequence);
  }

  /** Waker: advance, and notify if the other side sleeps. */
  ring(): void {
    if (this.advance()) this.notify();
  }

  /** Sleeper: announces that it is about to sleep; look for work once more before `wait(sequence)`. */
  prepareSleep(): number {
    Atomics.store(this.words, this.asleep, 1);
    return Atomics.load(this.words, this.sequence);
  }

  /** Sleeper: waits until the sequence differs from `sequence`, without stopping the event loop. Undefined: it differs already. */
  wait(sequence: number): Promise<unknown> | undefined {
    const result = Atomics.waitAsync(this.words, this.sequence, sequence);
    return result.async ? result.value : undefined;
  }

  /** Sleeper: awake again, whatever woke it. */
  awake(): void {
    Atomics.store(this.words, this.asleep, 0);
  }
}
