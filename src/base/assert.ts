// Assertions for our own bugs. A failed one ends the thread (a worker is replaced) or, on the main thread, the process.

/** Throws when `condition` does not hold: a bug of ours, never a peer's or an operator's fault. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The error of a failed assertion. */
export class AssertionError extends Error {
  constructor(message: string) {
    super(`Assertion failed: ${message}`);
    this.name = 'AssertionError';
  }
}
