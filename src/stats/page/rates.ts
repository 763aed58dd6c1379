// Two looks at a server, what has happened between them, and numbers as people read them. The page and the terminal view share
// this file: it uses neither Node nor the DOM.

/** An estimate of a quantile (0 to 1) from counts by bucket; undefined when there are none. Same unit as `bounds`. */
export function quantile(bounds: readonly number[], counts: readonly number[], q: number): number | undefined {
  let total = 0;
  for (const count of counts) total += count;
  if (total === 0) return undefined;
  let rank = q * total;
  for (const [at, count] of counts.entries()) {
    if (rank > count || count === 0) {
      rank -= count;
      continue;
    }
    const low = at === 0 ? 0 : (bounds[at - 1] as number);
    // What is above the last bound is as long as that at least.
    const high = bounds[at] ?? low;
    return low + ((high - low) * rank) / count;
  }
  return bounds.at(-1);
}

/** `now - before`, one by one; `now` where the server was started anew in between. */
export function difference(now: readonly number[], before: readonly number[] | undefined): readonly number[] {
  const changes = now.map((count, at) => count - (before?.[at] ?? 0));
  return changes.some((change) => change < 0) ? now : changes;
}

/** How many for each second; 0 where the server was started anew in between, or time stands still. */
export function rate(now: number, before: number | undefined, ms: number): number {
  return before === undefined || now < before || ms <= 0 ? 0 : ((now - before) * 1000) / ms;
}

/** `350 µs`, `12.3 ms`, `4.2 s`, `3 m 20 s`. */
export function formatTime(us: number | undefined): string {
  if (us === undefined) return '-';
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1e6) return `${formatNumber(us / 1000)} ms`;
  if (us < 60e6) return `${formatNumber(us / 1e6)} s`;
  const seconds = Math.floor(us / 1e6);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes} m` : `${minutes} m ${seconds % 60} s`;
}

/** `1.2 kB`, `34 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let at = 0;
  let value = bytes;
  for (; value >= 999.5 && at < units.length - 1; at++) value /= 1024;
  return `${at === 0 ? Math.round(value) : formatNumber(value)} ${units[at]}`;
}

/** Three digits or so, thousands as they are. */
export function formatNumber(value: number): string {
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(value >= 10 ? 1 : 2);
}
