// The main thread's turns: after the events of one loop turn, look at what the workers posted and ring the bells of those
// that were given something. Between turns the front sleeps on its bell, and looks again on a slow tick all the same.
import { LANE_STALL_MS, REPOLL_MS } from '../base/limits.js';
import type { Bell } from '../lane/bell.js';
import type { Dispatcher } from './dispatcher.js';

/** Drives one dispatcher from the main thread's event loop. */
export class Turns {
  readonly dispatcher: Dispatcher;
  private readonly bell: Bell;
  private readonly repoll: NodeJS.Timeout;
  private scheduled = false;
  private sleeping = false;
  private stopped = false;
  private tick: NodeJS.Timeout | undefined;

  constructor(dispatcher: Dispatcher, bell: Bell) {
    this.dispatcher = dispatcher;
    this.bell = bell;
    this.repoll = setInterval(() => this.schedule(), REPOLL_MS).unref();
    this.schedule();
  }

  /** Asks for a turn after the events at hand; called by a front whenever it submitted, released or abandoned a request. */
  schedule(): void {
    if (this.scheduled || this.stopped) return;
    this.scheduled = true;
    setImmediate(this.turn);
  }

  /** The last turn; nothing is polled any more. */
  stop(): void {
    if (this.stopped) return;
    this.dispatcher.poll();
    this.stopped = true;
    clearInterval(this.repoll);
    clearTimeout(this.tick);
    this.tick = undefined;
    this.bell.ring();
  }

  private readonly turn = (): void => {
    this.scheduled = false;
    if (this.stopped) return;
    const { dispatcher } = this;
    dispatcher.poll();
    dispatcher.flush();
    if (dispatcher.needsTick && this.tick === undefined) this.tick = setTimeout(this.onTick, LANE_STALL_MS);
    this.sleep();
  };

  private readonly onTick = (): void => {
    this.tick = undefined;
    this.turn();
  };

  /** Sleeps on the bell unless a sleep is under way: its promise resolves once, whoever rings. */
  private sleep(): void {
    if (this.sleeping) {
      // The bell's flag is still set; what was posted since then has rung it.
      return;
    }
    const sequence = this.bell.prepareSleep();
    if (this.dispatcher.hasNews) {
      this.bell.awake();
      this.schedule();
      return;
    }
    const rung = this.bell.wait(sequence);
    if (rung === undefined) {
      this.bell.awake();
      this.schedule();
      return;
    }
    this.sleeping = true;
    void rung.then(this.onRung);
  }

  private readonly onRung = (): void => {
    this.sleeping = false;
    this.bell.awake();
    this.turn();
  };
}
