// What a server says to the process of ours that started it, and hears from it: the guard (master) or the one that waits
// until a daemon is ready. A channel of Node's, inherited over the start.

/** Who started this process. */
export type Parent =
  | { readonly kind: 'none' }
  | { readonly kind: 'daemonizer' }
  | { readonly kind: 'guard'; readonly pid: number };

/** From a server to its parent. */
export type ChildMessage = { readonly ready: true } | { readonly notify: string };

/** From the guard to its server: what it was asked for. */
export interface GuardMessage {
  readonly signal: NodeJS.Signals;
}

const VARIABLE = 'FASTWSGI_PARENT';

/** The environment of a process that is started by us. */
export function childEnvironment(kind: 'daemonizer' | 'guard'): NodeJS.ProcessEnv {
  return { ...process.env, [VARIABLE]: `${kind} ${process.pid}` };
}

/** Who started us; taken out of the environment, because what we start is no child of his. */
export function takeParent(): Parent {
  const [kind, pid] = (process.env[VARIABLE] ?? '').split(' ');
  delete process.env[VARIABLE];
  if (process.send === undefined) return { kind: 'none' };
  if (kind === 'daemonizer') return { kind };
  return kind === 'guard' ? { kind, pid: Number(pid) } : { kind: 'none' };
}

/** Sends a message, if there is a parent that listens; resolves when it is on its way. */
export function tellParent(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    // An error is the other's death, which is noticed elsewhere.
    else process.send(message, () => resolve());
  });
}

export function isChildMessage(message: unknown): message is ChildMessage {
  return typeof message === 'object' && message !== null && ('ready' in message || 'notify' in message);
}

export function isGuardMessage(message: unknown): message is GuardMessage {
  return typeof message === 'object' && message !== null && 'signal' in message;
}

/** Whoever waited for us to be ready goes on without us. */
export function leaveParent(): void {
  if (process.connected) process.disconnect();
}
