// Signals as a queue: their handlers only put them there, one loop acts on them in order.

import { performance } from 'node:perf_hooks';
import { takeHeldSignals } from './held-signals.js';

export const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT'];

/** The same stop twice within this long is one wish: a terminal signals the whole group, and `npm` and its like pass on what they got. */
const SAME_WISH_MS = 200;

/** The signals that were caught, oldest first. */
export class SignalQueue {
  private readonly waiting: NodeJS.Signals[] = [];
  private wake: (() => void) | undefined;
  private stop: { readonly signal: NodeJS.Signals; readonly atMs: number } | undefined;

  /** Catches these from now on; those that were held until now are the first. */
  constructor(signals: readonly NodeJS.Signals[]) {
    for (const signal of signals) process.on(signal, this.add);
    this.waiting.push(...takeHeldSignals());
  }

  readonly add = (signal: NodeJS.Signals): void => {
    if (this.isRepetition(signal)) return;
    this.waiting.push(signal);
    this.wake?.();
  };

  private isRepetition(signal: NodeJS.Signals): boolean {
    if (!STOP_SIGNALS.includes(signal)) return false;
    const { stop } = this;
    const atMs = performance.now();
    if (stop?.signal === signal && atMs - stop.atMs < SAME_WISH_MS) return true;
    this.stop = { signal, atMs };
    return false;
  }

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
