// Several applications in one worker, each below its mount point (option `mount`): loads them, and hands each request to
// the one that it is for, as uWSGI chooses.
import { errorMessage, FastwsgiError } from '../base/errors.js';
import { findVar } from '../protocol/environ-vars.js';
import type { Application, Exchange, MemoryUse, WorkerContext } from './exchange.js';
import { loadApplication } from './load.js';
import type { ApplicationSpec } from './locate.js';

/** Where an application is mounted, and which it is. */
export interface MountedSpec extends ApplicationSpec {
  /** `/prefix`, without a slash at its end; empty for the root. */
  readonly mountPoint: string;
}

export interface MountOptions {
  /** Mount points are looked for in PATH_INFO, and moved to SCRIPT_NAME; else SCRIPT_NAME says which one it is. */
  readonly manageScriptName: boolean;
  /** Told of an application that does not load; the one it returns stands in. May throw. */
  onLoadError(error: unknown): Application;
}

/** The applications of a worker as one. */
export async function loadApplications(
  specs: readonly MountedSpec[],
  context: WorkerContext,
  options: MountOptions,
): Promise<Application> {
  const mounted = new Map<string, Application>();
  for (const spec of specs) {
    let application: Application;
    try {
      application = await loadApplication(spec, context);
    } catch (error) {
      application = options.onLoadError(specs.length === 1 ? error : named(spec.mountPoint, error));
    }
    // As PATH_INFO has it: UTF-8, one character for each byte.
    mounted.set(Buffer.from(spec.mountPoint).toString('latin1'), application);
  }
  const root = mounted.get('');
  // The common case: one application, for everything.
  return root !== undefined && mounted.size === 1 ? root : new Mounts(mounted, options.manageScriptName);
}

/** As `error`, with the mount point at its front. */
function named(mountPoint: string, error: unknown): FastwsgiError {
  const cause = error instanceof FastwsgiError ? (error.cause ?? error) : error;
  const message = `At mount point ${mountPoint === '' ? '/' : mountPoint}: ${errorMessage(error)}`;
  return new FastwsgiError('ERR_APPLICATION_LOAD', message, { option: 'mount', cause });
}

class Mounts implements Application {
  readonly kind: string;
  /** What the most careful of them can bear. */
  readonly concurrency: number;
  /** Where one of them has come to its end, the worker has. */
  readonly ended?: Promise<string>;
  private readonly all: readonly Application[];
  private readonly applications: ReadonlyMap<string, Application>;
  /** The longest first: of `/a` and `/a/b`, `/a/b/c` is for the second. */
  private readonly prefixes: readonly string[];
  private readonly manageScriptName: boolean;

  constructor(applications: ReadonlyMap<string, Application>, manageScriptName: boolean) {
    const all = [...applications.values()];
    this.all = all;
    const ends = all.map(({ ended }) => ended).filter((ended) => ended !== undefined);
    if (ends.length > 0) this.ended = Promise.race(ends);
    // One that could not be loaded has none.
    this.kind = [...new Set(all.map(({ kind }) => kind).filter((kind) => kind !== ''))].join('+');
    this.concurrency = Math.min(...all.map(({ concurrency }) => concurrency));
    this.applications = applications;
    this.prefixes = [...applications.keys()].filter((prefix) => prefix !== '').sort((a, b) => b.length - a.length);
    this.manageScriptName = manageScriptName;
  }

  handle(exchange: Exchange): void | Promise<void> {
    const mountPoint = this.mountPointOf(exchange);
    const application = this.applications.get(mountPoint) ?? this.applications.get('');
    if (application === undefined) throw new Error('No application is mounted there, and none at /');
    return application.handle(exchange);
  }

  flush(): void {
    for (const application of this.all) application.flush?.();
  }

  memory(): MemoryUse | undefined {
    const uses = this.all.map((application) => application.memory?.()).filter((use) => use !== undefined);
    if (uses.length === 0) return undefined;
    const sum = (part: keyof MemoryUse) => uses.reduce((total, use) => total + use[part], 0);
    return { addressSpace: sum('addressSpace'), resident: sum('resident') };
  }

  explain(error: unknown): string | undefined {
    return this.all.map((application) => application.explain?.(error)).find((hint) => hint !== undefined);
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((application) => application.close?.()));
  }

  async settled(): Promise<void> {
    await Promise.all(this.all.map((application) => application.settled?.()));
  }

  private mountPointOf(exchange: Exchange): string {
    const { packet, varsStart, varsEnd } = exchange;
    const path = this.manageScriptName ? (findVar(packet, varsStart, varsEnd, 'PATH_INFO') ?? '') : '';
    const prefix = path.length > 1 ? this.prefixes.find((each) => isBelow(path, each)) : undefined;
    if (prefix !== undefined) {
      exchange.mountPoint = prefix;
      return prefix;
    }
    const scriptName = findVar(packet, varsStart, varsEnd, 'SCRIPT_NAME') ?? '';
    return scriptName.endsWith('/') ? scriptName.replace(/\/+$/, '') : scriptName;
  }
}

/** Whether `path` is `prefix`, or goes on with a slash after it. */
function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === 47);
}
