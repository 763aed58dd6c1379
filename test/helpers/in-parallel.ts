// Work on many values, a few at a time.

/** Does `work` for every value, `width` at a time, in order. Rejects with the first error. */
export async function inParallel<T>(
  width: number,
  values: readonly T[],
  work: (value: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < values.length) await work(values[next++] as T);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
