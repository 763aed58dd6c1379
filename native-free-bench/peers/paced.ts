// Requests at a fixed pace, whether the earlier ones are answered or not. A request's time counts from when it was due, so
// that a server that stalls is not spared the requests that came meanwhile.
import type { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Address, ask, type Reply } from './http.js';

export interface Paced {
  /** Milliseconds from due to answered, in the order of the answers. */
  readonly latencies: number[];
  errors: number;
}

export type OnReply = (reply: Reply, due: number) => void;

/** Sends `rate` requests a second until `isOver` says so; resolves when all are answered. */
export async function pace(
  address: Address,
  path: string,
  rate: number,
  isOver: () => boolean,
  agent: Agent | false,
  onReply?: OnReply,
): Promise<Paced> {
  const paced: Paced = { latencies: [], errors: 0 };
  const pending = new Set<Promise<void>>();
  const start = performance.now();
  for (let sent = 0; !isOver(); ) {
    const due = start + (sent * 1000) / rate;
    const now = performance.now();
    if (now < due) {
      await sleep(due - now);
      continue;
    }
    sent++;
    const one = ask(address, { path }, agent).then(
      (reply) => {
        paced.latencies.push(performance.now() - due);
        if (reply.status !== 200) paced.errors++;
        onReply?.(reply, due);
      },
      () => void paced.errors++,
    );
    pending.add(one);
    void one.finally(() => pending.delete(one));
  }
  await Promise.all(pending);
  return paced;
}

/** The value that `share` of the numbers do not exceed. */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
