// A thread with a log of its own on the main thread's file, as a worker has: writes numbered lines until it is told to stop.
import { parentPort, workerData } from 'node:worker_threads';
import { Log, type LogOptions } from '../../dist/observe/log.js';

export interface LogThreadData {
  readonly destination: LogOptions;
  readonly name: string;
  /** Characters that make the lines long. */
  readonly filler: number;
  /** Between batches of 20 lines. */
  readonly pauseMs: number;
}

const { destination, name, filler, pauseMs } = workerData as LogThreadData;
const log = new Log(destination);
let written = 0;
let isStopped = false;

function writeSome(): void {
  if (isStopped) return;
  for (let i = 0; i < 20; i++) log.line(numberedLine(name, written++, filler));
  setTimeout(writeSome, pauseMs);
}

parentPort?.on('message', async () => {
  isStopped = true;
  await log.close();
  parentPort?.postMessage({ written, lost: log.lost });
  parentPort?.close();
});
writeSome();

/** The line `number` of the thread `name`: its length varies, and its end repeats its beginning. */
export function numberedLine(of: string, number: number, characters: number): string {
  return `${of} ${number} ${'é'.repeat(number % characters)} ${number} ${of}`;
}
