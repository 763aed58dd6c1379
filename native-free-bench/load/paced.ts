// A client that asks at a fixed pace, whether the answers before have come or not: what a visitor waits while others load the
// server. A wait counts from the moment the request was due, so that a slow answer does not hide those behind it.
import { Agent, get } from 'node:http';

export interface PacedResult {
  readonly waitsMs: readonly number[];
  readonly failed: number;
}

/** Connections that are there before the load begins: what is measured is a request, not the making of a connection. */
const CONNECTIONS = 32;

/** Asks `url` `perSecond` times a second while `load` runs; resolves with its result when all answers are there. */
export async function askAtPace<T>(
  url: string,
  perSecond: number,
  load: () => Promise<T>,
): Promise<PacedResult & { readonly loaded: T }> {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: CONNECTIONS,
    maxFreeSockets: CONNECTIONS,
    scheduling: 'fifo',
  });
  await Promise.all(Array.from({ length: CONNECTIONS }, () => isAnswered(url, agent)));
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
    const loaded = await load();
    clearInterval(ticker);
    await Promise.all(pending);
    return { waitsMs, failed, loaded };
  } finally {
    clearInterval(ticker);
    agent.destroy();
  }
}

function isAnswered(url: string, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    get(url, { agent }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode === 200));
      response.once('close', () => resolve(false));
    }).once('error', () => resolve(false));
  });
}
