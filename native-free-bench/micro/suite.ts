// What a micro benchmark is: one piece of work, done in several ways that have been shown to give the same result.

/** One way to do a suite's work. */
export interface Candidate {
  readonly name: string;
  /** Does the work once; `turn` picks one of several inputs. What it answers is kept, so that nothing is optimised away. */
  readonly run: (turn: number) => unknown;
  /** The result of the work in a form that can be compared. */
  readonly result: (turn: number) => unknown;
}

export interface Suite {
  readonly name: string;
  /** Inputs that `turn` runs through. */
  readonly turns: number;
  /** One piece of work takes milliseconds: it is timed alone. */
  readonly isLong?: true;
  /** The first is the reference: the plainest way there is. */
  readonly candidates: readonly Candidate[];
}

/** A candidate whose result can be compared as it is. */
export function candidate(name: string, run: (turn: number) => unknown): Candidate {
  return { name, run, result: run };
}
