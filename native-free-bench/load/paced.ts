// A client that asks at a fixed pace, whether the answers before have come or not: what a visitor waits while others load the
// server. A wait counts from the moment the request was due, so that a slow answer does not hide those behind it.
import { Agent, get } from 'node:http';

export interface PacedResult {
  readonly waitsMs: readonly number[];
  readonly failed: number;
}

/** Asks `url` `perSecond` times a second until `until` settles; resolves when all answers are there. */
export async function askAtPace(url: string, perSecond: number, until: Promise<unknown>): Promise<PacedResult> {
  const agent = new Agent({ keepAlive: true });
  const waitsMs: number[] = [];
  const pending: Promise<void>[] = [];
  let failed = 0;
  const ask = async (dueMs: number) => {
    if (await isAnswered(url, agent)) waitsMs.push(performance.now() - dueMs);
    else failed++;
  };
  const beganMs = performance.now();
  const ticker = setInterval(() => {
    for (;;) {
      const dueMs = beganMs + (pending.length * 1000) / perSecond;
      if (dueMs > performance.now()) return;
      pending.push(ask(dueMs));
    }
  }, 1);
  try {
    await until;
  } finally {
    clearInterval(ticker);
    await Promise.all(pending);
    agent.destroy();
  }
  return { waitsMs, failed };
}

function isAnswered(url: string, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    get(url, { agent }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode === 200));
      response.once('close', () => resolve(false));
    }).once('error', () => resolve(false));
  });
}
