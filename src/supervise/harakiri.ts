// Deadlines of requests. One that is overdue is marked in its slot: a worker whose event loop turns answers it with 504 and
// goes on; one that does not react is stuck, and its thread is ended.

import { PACKET_HEADER_BYTES } from '../base/limits.js';
import { printable } from '../base/log-text.js';
import type { Deadlines, RunningRequest } from '../lane/lane-owner.js';
import { findVar } from '../protocol/environ-vars.js';
import { threadStack } from './thread-stack.js';
import type { Overdue, WorkerLife } from './worker-life.js';

/** How long a worker may take to react: its event loop may just be busy. */
const REACTION_MS = 500;
/** How long a stuck thread may take to say where it is. */
const STACK_MS = 1000;

/** Looks after the deadlines of all workers; `look` is called for each on every tick. */
export class HarakiriWatch {
  private readonly log: (line: string) => void;
  private readonly onMarked: (life: WorkerLife, requests: readonly RunningRequest[]) => void;

  /** `onMarked` is told of requests when they are found to be overdue. */
  constructor(log: (line: string) => void, onMarked: (life: WorkerLife, requests: readonly RunningRequest[]) => void) {
    this.log = log;
    this.onMarked = onMarked;
  }

  /** `nowMs` is `monotonicMs()`. */
  look(life: WorkerLife, nowMs: number, deadlines: Deadlines, isVerbose: boolean): void {
    if (deadlines.uwsgiMs === 0 && deadlines.httpMs === 0) return;
    const marked = life.lane.markOverdue(nowMs, deadlines);
    if (marked.length > 0) this.onMarked(life, marked);
    // One that is being ended is still there for a moment.
    if (life.killedBy !== undefined) return;
    const waiting: Overdue[] = [];
    const ended: Overdue[] = [];
    for (const overdue of life.overdue) (life.lane.stillRuns(overdue.request) ? waiting : ended).push(overdue);
    if (ended.length > 0) this.announce(life, ended, !endsItself(life));
    // Of each request: where many are overdue one after the other, some are always waiting, and the event loop turns all the same.
    if (waiting.some(({ sinceMs }) => nowMs - sinceMs >= REACTION_MS)) {
      this.announce(life, waiting, false);
      life.killedBy = 'killed by harakiri';
      life.endCause ??= 'harakiri';
      void this.end(life, isVerbose);
    }
    life.overdue = [...waiting, ...marked.map((request) => ({ sinceMs: nowMs, request }))];
  }

  /** The worker has ended: requests that it was watched for are told now. */
  onEnded(life: WorkerLife): void {
    if (life.overdue.length > 0 && life.killedBy === undefined) this.announce(life, life.overdue, life.stopped);
  }

  private announce({ workerId }: WorkerLife, overdue: readonly Overdue[], graceful: boolean): void {
    const yesNo = graceful ? 'yes' : 'no';
    this.log(`*** HARAKIRI ON WORKER ${workerId} (pid: ${process.pid}, try: 1, graceful: ${yesNo}) ***`);
    for (const { request } of overdue) this.log(requestLine(request));
  }

  private async end(life: WorkerLife, isVerbose: boolean): Promise<void> {
    if (isVerbose) {
      const stack = await threadStack(life.lane.threadId, STACK_MS);
      const where = stack ?? '    (it does not answer: it waits, or is in native code)';
      this.log(`worker ${life.workerId} was stuck in\n${where}`);
    }
    life.kill(undefined);
  }
}

/** `GET /slow`. */
export function requestName({ packet, varsEnd }: RunningRequest): string {
  const value = (name: string) => printable(findVar(packet, PACKET_HEADER_BYTES, varsEnd, name) ?? '-');
  return `${value('REQUEST_METHOD')} ${value('REQUEST_URI')}`;
}

/** A request of a Python process is ended with the process, which its worker sees to. */
function endsItself({ news }: WorkerLife): boolean {
  return news?.application === 'python';
}

function requestLine({ core, ageMs, packet, varsEnd }: RunningRequest): string {
  const value = (name: string) => printable(findVar(packet, PACKET_HEADER_BYTES, varsEnd, name) ?? '-');
  const since = Math.floor((Date.now() - ageMs) / 1000);
  return `HARAKIRI [core ${core}] ${value('REMOTE_ADDR')} - ${value('REQUEST_METHOD')} ${value('REQUEST_URI')} since ${since}`;
}
