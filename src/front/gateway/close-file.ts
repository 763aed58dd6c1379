// How the gateway thread closes a temporary file: to free one of a gigabyte takes the kernel 100 ms, which no other
// connection is to wait for. This thread has no event loop to close it in, so the main thread does.
import { closeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { GatewayMessage } from './control.js';

/** Files below this size are freed sooner than a message is sent. */
const SMALL_FILE_BYTES = 1_048_576;

/** Gives a file of `bytes` bytes up. The descriptor must not be used any more. */
export function closeFile(fd: number, bytes: number): void {
  if (bytes < SMALL_FILE_BYTES) return closeSync(fd);
  const message: GatewayMessage = { close: fd };
  parentPort?.postMessage(message);
}
