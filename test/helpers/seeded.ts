// Random numbers that can be had again: the seed is printed, and taken from the environment variable TEST_SEED when it is there.

export class Seeded {
  readonly seed: number;
  private state: number;

  constructor(seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31)) {
    this.seed = seed;
    this.state = seed | 0;
  }

  /** A whole number from 0 to below `end` (mulberry32). */
  below(end: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * end);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }
}
