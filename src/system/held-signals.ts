// Signals that ask a server for something, held from the first moment of a process until there is somebody who acts on them:
// they would end it else. A reload that is asked for while a server starts is one like any other. (uWSGI ignores SIGHUP until
// then.) SIGTERM and its like are not: a process that has done nothing yet may end by them. Imports nothing, on purpose.

const ASKING: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'];
/** To the first process of a container a signal that nobody has caught does nothing: it would be lost. */
const STOPPING: readonly NodeJS.Signals[] = process.pid === 1 ? ['SIGTERM', 'SIGINT', 'SIGQUIT'] : [];
const HELD = [...ASKING, ...STOPPING];

const held = new Set<NodeJS.Signals>();
const hold = (signal: NodeJS.Signals) => void held.add(signal);

for (const signal of HELD) process.on(signal, hold);

/** Those that have come, oldest first. Whoever calls catches them from now on. */
export function takeHeldSignals(): readonly NodeJS.Signals[] {
  for (const signal of HELD) process.off(signal, hold);
  const signals = [...held];
  held.clear();
  return signals;
}

/** For a process that is no server: signals do to it what they do to any, also the one that has come. */
export function releaseSignals(): void {
  const [signal] = takeHeldSignals();
  if (signal !== undefined) process.kill(process.pid, signal);
}
