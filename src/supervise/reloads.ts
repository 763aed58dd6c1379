// Reloads one after another: one that is asked for while another is under way follows it, and several of those are one, of
// the kind that was asked for last.

export interface ReloadsOptions {
  /** Nothing is reloaded before the server has started, or once it closes. */
  isOver(): boolean;
  /** Reloads; resolves with what went wrong, when everything is as it was before. */
  reload(kind: ReloadKind): Promise<string | undefined>;
  log(line: string): void;
}

/** All workers at once, one after the other, or all without waiting for what they have. */
export type ReloadKind = 'graceful' | 'chain' | 'brutal';

/** The reloads of one server. */
export class Reloads {
  private readonly options: ReloadsOptions;
  private current: Promise<boolean> | undefined;
  private next: Promise<boolean> | undefined;
  private nextKind: ReloadKind = 'graceful';

  constructor(options: ReloadsOptions) {
    this.options = options;
  }

  /** True when the workers run the new code, and none gets a request that does not. */
  reload(kind: ReloadKind): Promise<boolean> {
    if (this.current === undefined) {
      this.current = this.run(kind).finally(() => {
        this.current = undefined;
      });
      return this.current;
    }
    this.nextKind = kind;
    this.next ??= this.current.then(() => {
      this.next = undefined;
      return this.reload(this.nextKind);
    });
    return this.next;
  }

  /** Whether one waits for the one that is under way. */
  get isOneWaiting(): boolean {
    return this.next !== undefined;
  }

  private async run(kind: ReloadKind): Promise<boolean> {
    const { log, reload, isOver } = this.options;
    if (isOver()) return false;
    log(ANNOUNCEMENTS[kind]);
    const error = await reload(kind);
    if (isOver()) return false;
    if (error === undefined) log('*** reload done: the workers run the new code ***');
    else log(`${error}\n*** RELOAD FAILED: the old workers stay ***`);
    return error === undefined;
  }
}

const ANNOUNCEMENTS: Record<ReloadKind, string> = {
  graceful: '...gracefully reloading the workers...',
  chain: '...reloading the workers one after the other...',
  brutal: '...brutally reloading the workers...',
};
