// Loaded before every test file: a file whose tests are over ends, whatever it has left open, and fails for it.
// --test-force-exit would lose what the file's process has not yet reported, and pass (nodejs/node#64833).
import { after } from 'node:test';
import { isMainThread } from 'node:worker_threads';

/** For what a test has asked to end, and what is being reported. */
const GRACE_MS = 30_000;

// The runner, which loads this too, is no test file.
if (isMainThread && process.env.NODE_TEST_CONTEXT !== undefined) {
  after(() => {
    setTimeout(() => {
      console.error(`The tests left open: ${process.getActiveResourcesInfo().join(', ')}`);
      process.exit(1);
    }, GRACE_MS).unref();
  });
}
