// A thread that loads the application in its workerData, asks it for `/`, and posts the answer, or the error.
import { parentPort, workerData } from 'node:worker_threads';
import { loadApplication } from '../../dist/app/load.js';
import type { ApplicationSpec } from '../../dist/app/locate.js';
import { FakeContext, FakeExchange } from './fake-exchange.js';

async function answer(): Promise<string> {
  const application = await loadApplication(workerData as ApplicationSpec, new FakeContext());
  // Whoever listens is told in the next tick.
  await new Promise((resolve) => setImmediate(resolve));
  const exchange = new FakeExchange();
  await application.handle(exchange);
  return exchange.response.text;
}

parentPort?.postMessage(await answer().catch((error: unknown) => String(error)));
process.exit();
