// The answer that every contestant gives, and our application that gives it.

export const STATUS = '200 OK';
export const HEADERS = [['Content-Type', 'text/plain']] as const;
export const BODY = 'Hello World';

type StartResponse = (status: string, headers: readonly (readonly [string, string])[]) => unknown;

export function application(_environ: unknown, startResponse: StartResponse): string[] {
  startResponse(STATUS, HEADERS);
  return [BODY];
}
