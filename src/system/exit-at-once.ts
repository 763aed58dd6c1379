// The end of a process that has a thread stuck in native code: process.exit would wait for it.
import { loadLibc } from './libc.js';

/** Ends the process without waiting for its threads. Without libc it is killed, and `status` is not seen. */
export function exitAtOnce(status: number): never {
  const loaded = loadLibc();
  if ('libc' in loaded) loaded.libc._exit(status);
  process.kill(process.pid, 'SIGKILL');
  // The signal is on its way.
  for (;;);
}
