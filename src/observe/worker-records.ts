// What has become of each worker, by its number, over all the threads that had it one after the other or side by side. Main thread.
import type { Counters, Counts } from './counters.js';

/** Why a worker's thread has ended, or was replaced. */
export const END_CAUSES = [
  'reload',
  'max-requests',
  'lifetime',
  'memory',
  'evil-memory',
  'harakiri',
  'mercy',
  'not-needed',
  'died',
] as const;
export type EndCause = (typeof END_CAUSES)[number];

/** One worker. */
export interface WorkerRecord {
  /** Threads that have served as it. */
  spawns: number;
  /** Milliseconds since 1970. */
  lastSpawnMs: number;
  /** Requests that ran too long. */
  harakiris: number;
}

/** A thread that has a lane now. */
interface Tenant {
  readonly workerId: number;
  /** What the lane had counted before. */
  readonly before: Counts;
}

/** All workers of a server. */
export class WorkerRecords {
  private readonly counters: Counters;
  private readonly records = new Map<number, WorkerRecord>();
  /** What the threads of a worker that have ended have counted. */
  private readonly past = new Map<number, Counts>();
  /** By lane. */
  private readonly tenants = new Map<number, Tenant>();
  private readonly ends = new Map<EndCause, number>();

  constructor(counters: Counters) {
    this.counters = counters;
  }

  /** A thread takes lane `lane` (from 0) as worker `workerId`. */
  begin(workerId: number, lane: number): void {
    this.tenants.set(lane, { workerId, before: this.counters.counts(lane) });
  }

  /** It serves from now on. */
  serving(workerId: number): void {
    const record = this.record(workerId);
    record.spawns++;
    record.lastSpawnMs = Date.now();
  }

  overdue(workerId: number, requests: number): void {
    this.record(workerId).harakiris += requests;
  }

  /** The lane's thread has ended, and counts nothing any more; undefined: with the server, or before it has served. */
  end(lane: number, cause: EndCause | undefined): void {
    const tenant = this.tenants.get(lane);
    if (tenant === undefined) return;
    this.tenants.delete(lane);
    const { workerId, before } = tenant;
    let past = this.past.get(workerId);
    if (past === undefined) {
      past = this.counters.zero();
      this.past.set(workerId, past);
    }
    past.add(before, this.counters.counts(lane));
    if (cause !== undefined) this.ends.set(cause, this.ended(cause) + 1);
  }

  /** Threads that have ended for this cause. */
  ended(cause: EndCause): number {
    return this.ends.get(cause) ?? 0;
  }

  record(workerId: number): WorkerRecord {
    let record = this.records.get(workerId);
    if (record === undefined) {
      record = { spawns: 0, lastSpawnMs: 0, harakiris: 0 };
      this.records.set(workerId, record);
    }
    return record;
  }

  /** All that the worker has counted. */
  counts(workerId: number): Counts {
    const sum = this.counters.zero();
    const past = this.past.get(workerId);
    if (past !== undefined) sum.add(undefined, past);
    for (const [lane, tenant] of this.tenants) {
      if (tenant.workerId === workerId) sum.add(tenant.before, this.counters.counts(lane));
    }
    return sum;
  }
}
