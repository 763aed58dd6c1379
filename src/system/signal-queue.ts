// Signals as a queue: their handlers only put them there, one loop acts on them in order.

/** The signals that were caught, oldest first. */
export class SignalQueue {
  private readonly waiting: NodeJS.Signals[] = [];
  private wake: (() => void) | undefined;

  /** Catches these from now on. */
  constructor(signals: readonly NodeJS.Signals[]) {
    for (const signal of signals) process.on(signal, this.add);
  }

  readonly add = (signal: NodeJS.Signals): void => {
    this.waiting.push(signal);
    this.wake?.();
  };

  /** Calls `act` with every signal, each after the last; never returns. */
  async run(act: (signal: NodeJS.Signals) => void): Promise<never> {
    for (;;) {
      const signal = this.waiting.shift();
      if (signal !== undefined) {
        act(signal);
        continue;
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}
