// A reporter beside the one that prints every test: what failed, once more and at the very end, where a long log is read first.
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** Node's error around a test's own: its kind and, as the cause, what the test threw. */
interface TestError extends Error {
  readonly failureType?: string;
}

export default async function* failures(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const failed: string[] = [];
  for await (const event of events) {
    if (event.type !== 'test:fail') continue;
    const { name, file, details } = event.data;
    const error = details.error as TestError;
    if (error.failureType === 'subtestsFailed') continue;
    failed.push(
      `FAILED: ${name}\n  ${file} (${Math.round(details.duration_ms)} ms)\n${inspect(error.cause ?? error)}\n`,
    );
  }
  yield* failed;
}
