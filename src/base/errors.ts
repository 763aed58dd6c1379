// The operator's errors: one class, one code and one documented exit status each. A peer's faults are numbers
// (protocol/faults.ts) and our own bugs are assertions (base/assert.ts); neither is ever thrown as one of these.

import { getSystemErrorMap } from 'node:util';

/** Every operator error has a code that callers match on, and the exit status the command line ends with. */
export const ERROR_EXIT_STATUS = {
  ERR_CONFIG: 1,
  ERR_OPTION: 1,
  ERR_ADDRESS: 1,
  ERR_LISTEN: 1,
  ERR_ENGINE: 1,
  ERR_FILE: 1,
  ERR_APPLICATION_LOAD: 22,
  ERR_CLOSED: 1,
} as const;

export type ErrorCode = keyof typeof ERROR_EXIT_STATUS;

/** Where in the configuration an error stands. Lines and columns count from 1; 0 means unknown. */
export interface ErrorPlace {
  readonly file: string;
  readonly line: number;
  readonly column?: number;
}

export interface FastwsgiErrorDetails {
  readonly option?: string;
  readonly place?: ErrorPlace;
  readonly cause?: unknown;
}

/** An error of the operator: a wrong option, an address in use, an application that does not load. */
export class FastwsgiError extends Error {
  readonly code: ErrorCode;
  readonly option: string | undefined;
  readonly place: ErrorPlace | undefined;

  constructor(code: ErrorCode, message: string, details: FastwsgiErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'FastwsgiError';
    this.code = code;
    this.option = details.option;
    this.place = details.place;
  }

  /** The status the command line ends with for this error. */
  get exitStatus(): number {
    return ERROR_EXIT_STATUS[this.code];
  }
}

/** The message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a system error means, without the call and its arguments: `no such file or directory`. The message of any other error. */
export function systemErrorText(error: unknown): string {
  const errno = typeof error === 'object' && error !== null && 'errno' in error ? error.errno : undefined;
  const known = typeof errno === 'number' ? getSystemErrorMap().get(errno) : undefined;
  return known?.[1] ?? errorMessage(error);
}

/** The code of a system error (`ENOENT`), or the empty string. */
export function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** What is printed of anything that was thrown: an operator's error is its message, a bug comes with its stack. */
export function errorReport(error: unknown): string {
  if (error instanceof FastwsgiError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The exit status for anything that was thrown; sysexits.h: 70 is an internal error. */
export function exitStatusOf(error: unknown): number {
  return error instanceof FastwsgiError ? error.exitStatus : 70;
}
