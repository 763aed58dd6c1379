// What has happened to the server lately: the last reloads, harakiris, and threads that came and went.

export const EVENT_KINDS = [
  'start',
  'reload',
  'reload-failed',
  'harakiri',
  'respawn',
  'recycle',
  'death',
  'pause',
  'resume',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface TimelineEvent {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly kind: EventKind;
  /** The worker's number; 0: all of them. */
  readonly worker: number;
  readonly text: string;
}

const EVENTS_MAX = 100;
const TEXT_LENGTH_MAX = 200;

/** Keeps the last ones, and counts all by kind. */
export class Timeline {
  private readonly events: TimelineEvent[] = [];
  private readonly counts = new Map<EventKind, number>();

  add(kind: EventKind, worker: number, text: string): void {
    this.counts.set(kind, this.count(kind) + 1);
    this.events.push({ atMs: Date.now(), kind, worker, text: text.slice(0, TEXT_LENGTH_MAX) });
    if (this.events.length > EVENTS_MAX) this.events.shift();
  }

  count(kind: EventKind): number {
    return this.counts.get(kind) ?? 0;
  }

  /** Oldest first. */
  get recent(): readonly TimelineEvent[] {
    return this.events;
  }
}
